import { z } from "zod";
import type { AccountAccess, CallReport } from "../channel.ts";
import { CredentialsRejectedError, UnexpectedShapeError } from "../errors.ts";
import { type ChannelAnswer, type ChannelRequest, expectJson, mask, send } from "../http.ts";
import { errorOfStatus, errorOfTopLevel, throttledForMs } from "./errors.ts";
import { API_VERSION } from "./version.ts";

export type GraphqlCall<T> = {
	/** Names the call in reports and errors: "inventory.adjust". */
	operation: string;
	document: string;
	variables: Record<string, unknown>;
	schema: z.ZodType<T>;
	/** What Shopify will ask for it in points, at most; the answer says what it took. */
	cost: number;
	changesThings?: true;
};
export type GraphqlAnswer<T> = {
	data: T;
	/** Our clock, ISO 8601. */
	askedAt: string;
	answeredAt: string;
	/** Shopify's clock when it answered (its Date header, whole seconds). */
	channelTime: string;
};
export type GraphqlClient = { run<T>(call: GraphqlCall<T>): Promise<GraphqlAnswer<T>> };

/** One request to a shop's Admin API: token, version, budget, errors sorted. A token that was refused is renewed once. */
export function createGraphqlClient(account: AccountAccess): GraphqlClient {
	return {
		async run(call) {
			const token = await account.accessToken?.();
			if (token === undefined) throw new CredentialsRejectedError(`There is no access token for ${account.account}`);
			const first = await attempt(account, call, token);
			if (first.answer.status !== 401) return read(call, first);
			const renewed = await account.accessToken?.(token);
			if (renewed === undefined || renewed === token) return read(call, first);
			return read(call, await attempt(account, call, renewed));
		},
	};
}

type Attempt = { request: ChannelRequest; answer: ChannelAnswer; askedAt: string; answeredAt: string };

async function attempt(account: AccountAccess, call: GraphqlCall<unknown>, token: string): Promise<Attempt> {
	const request: ChannelRequest = {
		operation: call.operation,
		method: "POST",
		url: new URL(`https://${account.account}/admin/api/${API_VERSION}/graphql.json`),
		// The shop's domain comes from Shopify's own signed session token, never from a person's typing.
		host: "known",
		headers: { "x-shopify-access-token": token },
		body: { query: call.document, variables: call.variables },
		changesThings: call.changesThings ?? false,
		cost: call.cost,
		secrets: [token],
		describe,
	};
	const askedAt = new Date().toISOString();
	const answer = await send(account, request);
	return { request, answer, askedAt, answeredAt: new Date().toISOString() };
}

function read<T>(call: GraphqlCall<T>, { request, answer, askedAt, answeredAt }: Attempt): GraphqlAnswer<T> {
	const fault = errorOfStatus(request, answer);
	if (fault) throw fault;
	const envelope = envelopeSchema.safeParse(expectJson(request, answer));
	if (!envelope.success) throw new UnexpectedShapeError(`${call.operation}: ${z.prettifyError(envelope.error)}`, detailOf(answer));
	const [error] = envelope.data.errors ?? [];
	if (error) {
		const message = mask(error.message, request.secrets);
		throw errorOfTopLevel(call.operation, { ...error, message }, { cost: envelope.data.extensions?.cost, ...detailOf(answer) });
	}
	const data = call.schema.safeParse(envelope.data.data);
	if (!data.success)
		throw new UnexpectedShapeError(`${call.operation}: ${z.prettifyError(data.error)}`, { cause: data.error, ...detailOf(answer) });
	return { data: data.data, askedAt, answeredAt, channelTime: channelTimeOf(answer) };
}

const detailOf = (answer: ChannelAnswer) => ({ httpStatus: answer.status, requestId: answer.requestId });

function channelTimeOf(answer: ChannelAnswer): string {
	const date = Date.parse(answer.headers.date ?? "");
	return new Date(Number.isNaN(date) ? Date.now() : date).toISOString();
}

/** What the answer says about the bucket: {"throttleStatus":{"maximumAvailable":2000,"currentlyAvailable":1986,"restoreRate":100}} */
function describe(answer: ChannelAnswer): Pick<CallReport, "budget" | "retryAfterMs"> {
	const envelope = answer.json.ok ? envelopeSchema.safeParse(answer.json.value) : null;
	const cost = envelope?.data?.extensions?.cost;
	if (cost === undefined) return {};
	const { currentlyAvailable, maximumAvailable, restoreRate } = cost.throttleStatus;
	const isThrottled = envelope?.data?.errors?.some((error) => error.extensions?.code === "THROTTLED");
	return {
		budget: { remaining: currentlyAvailable, capacity: maximumAvailable, refillPerSecond: restoreRate },
		...(isThrottled ? { retryAfterMs: throttledForMs(cost) } : {}),
	};
}

const costSchema = z.object({
	requestedQueryCost: z.number().optional(),
	throttleStatus: z.object({ maximumAvailable: z.number(), currentlyAvailable: z.number(), restoreRate: z.number().positive() }),
});
export type Cost = z.infer<typeof costSchema>;

const envelopeSchema = z.object({
	data: z.unknown().optional(),
	errors: z.array(z.object({ message: z.string(), extensions: z.object({ code: z.string().optional() }).optional() })).optional(),
	extensions: z.object({ cost: costSchema.optional() }).optional(),
});
