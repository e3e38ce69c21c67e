import { z } from "zod";
import type { Channel, ChannelClient, MessageQueue, RemoteWebhook } from "#channels";
import { orderSnapshotSchema } from "#domain";
import {
	ChannelUnavailableError,
	CredentialsRejectedError,
	RequestRejectedError,
	UnexpectedShapeError,
} from "../../app/channels/errors.ts";
import { type ChannelRequest, expectJson, faultOf, send } from "../../app/channels/http.ts";
import { enlist } from "../../app/channels/registry.ts";

/** An adapter for the market next door (neighbour-market.ts), written as any other: real requests, and no word of it elsewhere. */
export function enlistNeighbour(origin: string): Channel {
	const channel = neighbourChannel(origin);
	enlist(channel);
	return channel;
}

const tokenSchema = z.object({ access_token: z.string(), refresh_token: z.string(), expires_in: z.number(), account: z.string() });
const messageSchema = z.object({ seller: z.string(), application: z.string(), kind: z.string(), id: z.string() });
const receivedSchema = z.object({ messages: z.array(z.object({ receipt: z.string(), body: z.string() })) });
const subscribedSchema = z.object({
	subscriptions: z.array(z.object({ id: z.string(), topic: z.string(), queue: z.string(), active: z.boolean() })),
});
const RECEIVE_WAIT_MS = 300;

const neighbourChannel = (origin: string): Channel => ({
	id: "neighbour",
	name: "Neighbour",
	role: "guest",
	capabilities: {
		quantityMeaning: "selfDecrementing",
		writeBatchSize: 10,
		readBatchSize: 10,
		readBeforeWrite: true,
		resendsWebhooks: true,
		lateHorizonMs: 60_000,
		clockResolutionMs: 1_000,
	},
	limits: {
		unitsPerSecond: 100,
		burst: 100,
		concurrency: 8,
		source: "next door",
		operations: { account: { unitsPerSecond: 50, burst: 50 } },
	},
	credentialFields: [],
	apiVersion: { pinned: "1", sunsetAt: null, source: "next door" },
	appSettings: [
		{ key: "clientId", secret: false, help: "" },
		{ key: "clientSecret", secret: true, help: "" },
		{ key: "queueEast", secret: false, help: "", optional: true },
		{ key: "queueWest", secret: false, help: "", optional: true },
	],
	authorization: {
		renewAfterDays: 365,
		choices: [
			{
				key: "region",
				label: "Region",
				options: [
					{ value: "east", label: "East" },
					{ value: "west", label: "West" },
				],
			},
		],
		consentUrl({ app, chosen, state, redirectUrl }) {
			const query = new URLSearchParams({ client: app.clientId ?? "", region: chosen.region ?? "", state, redirect: redirectUrl });
			return `${origin}/consent?${query}`;
		},
		async finish({ app, chosen, answer, redirectUrl }) {
			const token = await askForToken(origin, app, {
				grant_type: "authorization_code",
				code: answer.get("code") ?? "",
				redirect_uri: redirectUrl,
			});
			return { account: answer.get("account") ?? "", credentials: { refreshToken: token.refresh_token, region: chosen.region ?? "" } };
		},
		async refresh({ app, credentials }) {
			const askedAt = Date.now();
			const token = await askForToken(origin, app, { grant_type: "refresh_token", refresh_token: credentials.refreshToken ?? "" });
			const expiresAt = new Date(askedAt + token.expires_in * 1000).toISOString();
			if (token.refresh_token === credentials.refreshToken) return { accessToken: token.access_token, expiresAt };
			return { accessToken: token.access_token, expiresAt, credentials: { refreshToken: token.refresh_token } };
		},
	},
	messageQueues(app) {
		if (app.queueEast === "nonsense") throw new Error("The queue in the east is set to something that is no queue");
		return (["queueEast", "queueWest"] as const).flatMap((key) => (app[key] ? [queueAt(origin, `neighbour ${key}`, app[key])] : []));
	},
	webhooks: {
		signature: null,
		identify({ body }) {
			const read = messageSchema.safeParse(JSON.parse(body.toString("utf8")));
			if (!read.success) throw new UnexpectedShapeError("Not a message of the market's");
			if (read.data.kind === "ping") return null;
			// What another application subscribed to is nobody's here.
			const account = read.data.application === "ours" ? read.data.seller : null;
			return { topic: read.data.kind, deliveryId: read.data.id, resourceId: read.data.id, account, triggeredAt: null };
		},
		allowList: (_, body) => ({ order: (body as { order?: unknown }).order ?? null }),
		toEvents({ payload }) {
			const read = orderSnapshotSchema.safeParse((payload as { order: unknown }).order);
			if (!read.success) throw new UnexpectedShapeError("This is no order");
			return [read.data];
		},
	},
	connect(access): ChannelClient {
		const none = () => Promise.reject(new RequestRejectedError("The market next door has no such thing"));
		const ask = async (path: string, body?: Record<string, string>): Promise<unknown> => {
			let token = await access.accessToken?.();
			for (const last of [false, true]) {
				const request: ChannelRequest = {
					operation: path,
					method: body ? "POST" : "GET",
					url: new URL(path, origin),
					host: "known",
					headers: { authorization: `Bearer ${token}` },
					body,
				};
				const answer = await send(
					{
						beforeCall: async (cost) => access.beforeCall?.(cost, "account"),
						onCall: (call) => access.onCall?.({ ...call, bucket: "account" }),
					},
					request,
				);
				const fault = faultOf(request, answer);
				if (fault) throw fault;
				if (answer.status !== 401) return expectJson(request, answer);
				if (last) break;
				token = await access.accessToken?.(token);
			}
			throw new CredentialsRejectedError("The market refuses the token");
		};
		const account = async () => z.object({ account: z.string() }).parse(await ask("/account")).account;
		const subscriptions = async (body: Record<string, string>): Promise<RemoteWebhook[]> =>
			subscribedSchema.parse(await ask("/subscriptions", body)).subscriptions.map(({ queue, ...rest }) => ({ ...rest, url: queue }));
		return {
			async check() {
				try {
					return { health: "green", account: await account(), detail: { place: "next door" } };
				} catch (error) {
					if (error instanceof CredentialsRejectedError || error instanceof ChannelUnavailableError)
						return { health: "red", reason: error.message, error };
					throw error;
				}
			},
			async *listListings() {},
			readStock: none,
			writeStock: none,
			async *listOrders() {
				yield { orders: [], channelTime: new Date().toISOString() };
			},
			readOrder: none,
			webhooks: {
				topics: ["order.changed"],
				list: () => subscriptions({}),
				async create({ topic }) {
					const made = (await subscriptions({ topic })).findLast((subscription) => subscription.topic === topic);
					if (!made) throw new UnexpectedShapeError("The market does not tell of the subscription that it made");
					return made;
				},
				remove: async (remove) => void (await subscriptions({ remove })),
			},
			close: async () => {},
		};
	},
});

async function askForToken(origin: string, app: Readonly<Record<string, string>>, fields: Record<string, string>) {
	const request: ChannelRequest = {
		operation: "token",
		method: "POST",
		url: new URL("/token", origin),
		host: "known",
		body: { client_id: app.clientId, client_secret: app.clientSecret, ...fields },
		limits: { totalMs: 10_000 },
	};
	const answer = await send({}, request);
	const fault = faultOf(request, answer);
	if (fault) throw fault;
	if (answer.status === 200) return tokenSchema.parse(expectJson(request, answer));
	const said = answer.json.ok ? z.object({ error: z.string() }).safeParse(answer.json.value) : null;
	const code = said?.success ? said.data.error : undefined;
	throw new CredentialsRejectedError(`The market says ${code}`, { code, httpStatus: answer.status });
}

/** A queue answers slowly by design, so its own fetch, which can be broken off. */
function queueAt(origin: string, name: string, queue: string): MessageQueue {
	const post = async (path: string, body: Record<string, string>, signal?: AbortSignal): Promise<unknown> => {
		const answer = await fetch(`${origin}${path}`, { method: "POST", body: JSON.stringify(body), ...(signal ? { signal } : {}) }).catch(
			(cause: unknown) => {
				throw new ChannelUnavailableError("The market's queue is not reached", { cause });
			},
		);
		if (!answer.ok) throw new ChannelUnavailableError(`The market's queue answers ${answer.status}`, { httpStatus: answer.status });
		return answer.json();
	};
	return {
		name,
		async receive(signal) {
			const { messages } = receivedSchema.parse(await post("/receive", { queue, wait_ms: String(RECEIVE_WAIT_MS) }, signal));
			return messages.map(({ receipt, body }) => ({ receipt, delivery: { headers: {}, body: Buffer.from(body), path: "" } }));
		},
		async remove(messages) {
			await post("/remove", { queue, receipts: messages.map(({ receipt }) => receipt).join(",") });
		},
		close() {},
	};
}
