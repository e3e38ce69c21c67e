import type { AccountAccess, CallReport } from "../channel.ts";
import { CredentialsRejectedError, UnexpectedShapeError } from "../errors.ts";
import { type CallLimits, type ChannelAnswer, type ChannelRequest, expectJson, send } from "../http.ts";
import { errorOf, saysTokenIsOld } from "./faults.ts";
import { requestToken } from "./lwa.ts";
import { OPERATIONS, type Operation } from "./operations.ts";
import { ENDPOINTS, isRegion, type Region } from "./regions.ts";

/** One request to one selling account: token, the operation's own budget, errors sorted. A token that was refused is renewed once. */
export function createClient(access: AccountAccess): AmazonClient {
	const region = access.credentials.region ?? "";
	if (!isRegion(region)) throw new UnexpectedShapeError(`This connection names no Amazon region (${JSON.stringify(region)})`);
	const grantless = grantlessTokens(access);

	const tokenFor = async (call: Call, refused?: string): Promise<string> => {
		if (call.grantless) return grantless(refused);
		const token = await access.accessToken?.(refused);
		if (token === undefined) throw new CredentialsRejectedError("This Amazon account has not given its consent");
		return token;
	};

	const exchange = async (call: Call): Promise<Exchange> => {
		const token = await tokenFor(call);
		let request = requestFor(region, call, token);
		let answer = await send(access, request);
		if (saysTokenIsOld(answer)) {
			const renewed = await tokenFor(call, token);
			if (renewed !== token) {
				request = requestFor(region, call, renewed);
				answer = await send(access, request);
			}
		}
		const error = errorOf(request, answer);
		if (error) throw error;
		return { request, answer, value: expectJson(request, answer) };
	};

	return {
		account: access.account,
		region,
		marketplaceIds: (access.credentials.marketplaceIds ?? "").split(",").filter((id) => id !== ""),
		exchange,
		get: async (operation, path, query) => (await exchange({ operation, method: "GET", path, ...(query ? { query } : {}) })).value,
	};
}

export type AmazonClient = {
	/** Seller id. */
	account: string;
	region: Region;
	/** Those of the seller's marketplaces that are kept in step. */
	marketplaceIds: readonly string[];
	exchange(call: Call): Promise<Exchange>;
	get(operation: Operation, path: string, query?: Query): Promise<unknown>;
};

export type Call = {
	operation: Operation;
	method: ChannelRequest["method"];
	/** Each part is encoded already. */
	path: string;
	/** Lists are joined by commas (`collectionFormat: csv` in the models). */
	query?: Query;
	body?: unknown;
	changesThings?: boolean;
	/** For the app and no seller (developer-docs.amazon.com/sp-api/docs/grantless-operations). */
	grantless?: boolean;
};
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;
export type Exchange = { request: ChannelRequest; answer: ChannelAnswer; value: unknown };

function requestFor(region: Region, call: Call, token: string): ChannelRequest {
	const url = new URL(call.path, ENDPOINTS[region]);
	for (const [name, value] of Object.entries(call.query ?? {})) {
		if (value !== undefined) url.searchParams.set(name, Array.isArray(value) ? value.join(",") : String(value));
	}
	return {
		operation: call.operation,
		bucket: call.operation,
		method: call.method,
		url,
		host: "known",
		headers: {
			"x-amz-access-token": token,
			"x-amz-date": amzDate(new Date()),
			// Amazon's own form (developer-docs.amazon.com/sp-api/docs/include-a-user-agent-header-in-all-requests).
			"user-agent": "Lockstep/1 (Language=TypeScript)",
		},
		...(call.body === undefined ? {} : { body: call.body }),
		...(call.changesThings === undefined ? {} : { changesThings: call.changesThings }),
		limits: LIMITS,
		secrets: [token],
		describe: (answer) => budgetSaid(call.operation, answer),
	};
}

/** A page of 100 orders with their lines took under 10 s for everybody who wrote about it; a write is queued, not carried out. */
const LIMITS: Partial<CallLimits> = { headersMs: 30_000, totalMs: 45_000 };
const amzDate = (at: Date): string => at.toISOString().replace(/[-:]|\.\d{3}/g, "");

/**
 * `x-amzn-RateLimit-Limit: 0.5` tells the rate that this account has for this operation, and nothing of what is left. A lower one
 * than documented is kept to, beginning with an empty bucket; a higher one (Amazon gives it to large sellers) is not used, since
 * nothing says how much of the burst is left. A refusal says when the next unit is there: one over the rate.
 */
function budgetSaid(operation: Operation, answer: ChannelAnswer): Partial<Pick<CallReport, "budget" | "retryAfterMs">> {
	const documented = OPERATIONS[operation];
	const said = Number(answer.headers["x-amzn-ratelimit-limit"] ?? Number.NaN);
	const known = Number.isFinite(said) && said > 0;
	const rate = known ? said : documented.unitsPerSecond;
	const lower = known && said < documented.unitsPerSecond * 0.99;
	return {
		...(lower ? { budget: { remaining: 0, capacity: documented.burst, refillPerSecond: said } } : {}),
		...(answer.status === 429 && answer.retryAfterMs === undefined ? { retryAfterMs: Math.ceil(1000 / rate) } : {}),
	};
}

/** Tokens of the app itself, for as long as this client lives. */
function grantlessTokens(access: AccountAccess): (refused?: string) => Promise<string> {
	let kept: { accessToken: string; until: number } | undefined;
	return async (refused) => {
		if (kept && kept.accessToken !== refused && kept.until > Date.now()) return kept.accessToken;
		const { accessToken, expiresAt } = await requestToken(access.app ?? {}, { kind: "notifications" });
		kept = { accessToken, until: Date.parse(expiresAt) - TOKEN_MARGIN_MS };
		return accessToken;
	};
}
const TOKEN_MARGIN_MS = 60_000;

/**
 * Amazon's clock, from the answer's Date header (whole seconds). `asked`: not later than the moment it began to work on it;
 * `answered`: when it was done.
 */
export function clockOf(answer: ChannelAnswer): { asked: string; answered: string } {
	const at = Date.parse(answer.headers.date ?? "");
	if (Number.isNaN(at)) throw new UnexpectedShapeError("Amazon's answer does not tell the time (no Date header)");
	return { asked: new Date(at - answer.tookMs).toISOString(), answered: new Date(at).toISOString() };
}
