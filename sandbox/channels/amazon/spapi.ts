import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, BadRequest, CANNOT_PARSE, type Call, failure, type Route, readQuery } from "./api.ts";
import { exchange, headerOf, type Reply, readBody } from "./http.ts";
import { magicFault } from "./magic.ts";
import type { Region } from "./marketplaces.ts";
import { type Realm, violation } from "./realm.ts";
import type { Reports } from "./reports.ts";
import { destinationRoutes } from "./routes/destinations.ts";
import { fbaRoutes } from "./routes/fba.ts";
import { listingRoutes } from "./routes/listings.ts";
import { orderRoutes } from "./routes/orders.ts";
import { patchRoutes } from "./routes/patch.ts";
import { reportRoutes } from "./routes/reports.ts";
import { sellerRoutes } from "./routes/sellers.ts";
import { subscriptionRoutes } from "./routes/subscriptions.ts";
import type { Seller } from "./state.ts";
import { createUsagePlans, rateText, type UsagePlans } from "./usage-plans.ts";

const NOTIFICATIONS = "sellingpartnerapi::notifications";
/** The models name `x-amzn-RateLimit-Limit` for these; a refused request never says its rate. */
const RATE_TOLD = [200, 202, 400, 404];

export type SpApi = (region: Region, request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>;

/** `https://sellingpartnerapi-{na,eu,fe}.amazon.com`: tokens, usage plans, faults, and the operations behind them. */
export function createSpApi(realm: Realm, reports: Reports): SpApi {
	const plans = createUsagePlans(realm.world.clock, realm.settings.plans);
	const routes: readonly Route[] = [
		...sellerRoutes,
		...orderRoutes(),
		...listingRoutes,
		...patchRoutes,
		...destinationRoutes,
		...subscriptionRoutes,
		...reportRoutes(reports),
		...fbaRoutes(),
	];
	return async (region, request, response, url) => {
		const body = await readBody(request);
		const route = routes.find((r) => r.method === request.method && r.path.test(url.pathname));
		const token = realm.grants.look(headerOf(request, "x-amz-access-token"));
		const seller = token.state === "valid" && "seller" in token.bearer ? token.bearer.seller : null;
		const channel = seller?.channel ?? realm.channel;
		const path = (route?.path.exec(url.pathname) ?? []).slice(1).map(decodeURIComponent);
		const operation = route?.operation ?? "unknown";
		const wrap = (answer: Answer, rate: number | null = null): Reply => {
			const told = rate !== null && RATE_TOLD.includes(answer.status);
			if (told && seller) plans.told(operation, seller.id);
			return {
				status: answer.status,
				headers: { "x-amzn-requestid": realm.uuid(), ...(told ? { "x-amzn-ratelimit-limit": rateText(rate) } : {}) },
				body: JSON.stringify(answer.body),
			};
		};
		await exchange(realm, response, {
			channel,
			operation,
			fault: route ? magicFault(route.operation, path) : null,
			failed: ({ status, retryAfterSeconds }) => {
				const reply = wrap(faulty(status));
				if (retryAfterSeconds === undefined) return reply;
				return { ...reply, headers: { ...reply.headers, "retry-after": String(retryAfterSeconds) } };
			},
			work: async () => {
				if (!route) return wrap(failure(403, "MissingAuthenticationToken", DENIED));
				blameHeaders(realm, channel, operation, request);
				const refused = admission(realm, { request, token, route, region, seller, channel });
				if (refused) return wrap(refused);
				const rate = spend(realm, plans, { operation, caller: seller?.id ?? realm.app.clientId, channel });
				if ("answer" in rate) return wrap(rate.answer);
				if (body === null) return wrap(failure(413, "RequestTooLarge", "The request size exceeded the maximum accepted size."), rate.rate);
				const call = { realm, region, seller: seller as Seller, path, channel, query: readQuery(url.searchParams) };
				return wrap(await run(route, call, request, body), rate.rate);
			},
		});
	};
}

async function run(route: Route, call: Omit<Call, "body">, request: IncomingMessage, bytes: Buffer): Promise<Answer> {
	try {
		return await route.run({ ...call, body: parse(request, bytes) });
	} catch (error) {
		if (!(error instanceof BadRequest)) throw error;
		violation(call.realm, call.channel, "invalid request", `${route.operation}: ${error.message} ${JSON.stringify(error.answer.body)}`);
		return error.answer;
	}
}

function parse(request: IncomingMessage, bytes: Buffer): unknown {
	if (bytes.length === 0) return undefined;
	try {
		if (/^application\/json/i.test(headerOf(request, "content-type"))) return JSON.parse(bytes.toString("utf8"));
	} catch {
		// Refused below like a body of another kind.
	}
	throw new BadRequest(CANNOT_PARSE, "The body is not JSON.");
}

/** Every request names its application and its time (docs connecting-to-the-selling-partner-api, include-a-user-agent-header). */
function blameHeaders(realm: Realm, channel: string, operation: string, request: IncomingMessage) {
	const agent = headerOf(request, "user-agent");
	if (!/^[^/]+\/\S+ \(.*Language=.+\)/.test(agent)) violation(realm, channel, "user-agent", `${operation}: "${agent}"`);
	if (!headerOf(request, "x-amz-date")) violation(realm, channel, "x-amz-date", `${operation}: no x-amz-date`);
}

const DENIED = "Access to requested resource is denied.";

/** Who may come in. The details are those that callers have published (amzn/selling-partner-api-models issue 945). */
function admission(
	realm: Realm,
	given: {
		request: IncomingMessage;
		token: ReturnType<Realm["grants"]["look"]>;
		route: Route;
		region: Region;
		seller: Seller | null;
		channel: string;
	},
): Answer | null {
	const { request, token, route, region, seller, channel } = given;
	const deny = (details: string, blame?: string) => {
		if (blame) violation(realm, channel, blame, route.operation);
		return failure(403, "Unauthorized", DENIED, details);
	};
	if (!headerOf(request, "x-amz-access-token")) return deny("Access token is missing in the request header.", "no access token");
	if (token.state === "expired") return deny("The access token you provided has expired.");
	if (token.state === "invalid") return deny("The access token you provided is revoked, malformed or invalid.");
	if (route.caller === "grantless") {
		return "scope" in token.bearer && token.bearer.scope === NOTIFICATIONS ? null : deny("", "not a grantless token");
	}
	if (!seller) return deny("", "not a seller's token");
	return seller.region === region ? null : deny("", "wrong region");
}

function spend(
	realm: Realm,
	plans: UsagePlans,
	{ operation, caller, channel }: { operation: string; caller: string; channel: string },
): { rate: number } | { answer: Answer } {
	const verdict = plans.spend(operation, caller);
	if (verdict.outcome === "allowed") return { rate: verdict.rate };
	if (verdict.foreseeable) violation(realm, channel, "429 earned", `${operation}: more than ${verdict.rate} a second`);
	return { answer: faulty(429) };
}

function faulty(status: number): Answer {
	switch (status) {
		case 429:
			return failure(429, "QuotaExceeded", "You exceeded your quota for the requested resource.");
		case 503:
			return failure(503, "ServiceUnavailable", "Service temporarily unavailable. Please try again later.");
		default:
			return failure(status, "InternalFailure", "We encountered an internal error. Please try again.");
	}
}
