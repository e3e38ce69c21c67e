import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { amazonAnswer } from "../../../tests/kit/amazon-models.ts";
import { createAmazonReplay } from "../../../tests/kit/amazon-replay.ts";
import type { WebhookManager } from "../channel.ts";
import { ChannelError, ChannelUnavailableError, ConflictError, CredentialsRejectedError, RequestRejectedError } from "../errors.ts";
import { authorization } from "./authorization.ts";
import { amazon } from "./index.ts";

const US = "ATVPDKIKX0DER";
const SECRET = "amzn1.oa2-cs.v1.the-app-secret";
const app = {
	applicationId: "amzn1.sp.solution.1",
	lwaClientId: "amzn1.application-oa2-client.1",
	lwaClientSecret: SECRET,
	queueUrlNa: "https://sqs.us-east-1.amazonaws.com/123456789012/lockstep",
};
const ARN = "arn:aws:sqs:us-east-1:123456789012:lockstep";
const participation = (id: string, isParticipating = true) => ({
	marketplace: {
		id,
		name: "Amazon",
		countryCode: "US",
		defaultCurrencyCode: "USD",
		defaultLanguageCode: "en_US",
		domainName: "www.amazon.com",
	},
	participation: { isParticipating, hasSuspendedListings: false },
	storeName: "Teahouse",
});
const token = (access_token = "Atza|fresh-access-token") => ({
	access_token,
	token_type: "bearer",
	expires_in: 3600,
	refresh_token: "Atzr|lasting-refresh-token",
});

let replay: Awaited<ReturnType<typeof createAmazonReplay>>;
beforeAll(async () => {
	replay = await createAmazonReplay();
});
afterAll(() => replay.close());
beforeEach(() => {
	replay.requests.length = 0;
});
const form = (text = "") => Object.fromEntries(new URLSearchParams(text));
const caught = async (work: Promise<unknown>): Promise<ChannelError> => {
	const error = await work.then(
		() => null,
		(thrown: unknown) => thrown,
	);
	if (!(error instanceof ChannelError)) throw new Error(`It was to end with a ChannelError, and ended with ${String(error)}`);
	for (const secret of [SECRET, "lasting-refresh-token", "the-code", "fresh-access-token"]) expect(error.message).not.toContain(secret);
	return error;
};

describe("consent", () => {
	const consent = (region: string, more: Record<string, string> = {}) =>
		new URL(
			authorization.consentUrl({ app: { ...app, ...more }, chosen: { region }, state: "nonce", redirectUrl: "https://app.example/back" }),
		);

	test("the page of the account's own Seller Central, with our state", () => {
		expect(consent("NA-US").href).toBe(
			"https://sellercentral.amazon.com/apps/authorize/consent?application_id=amzn1.sp.solution.1&state=nonce&redirect_uri=https%3A%2F%2Fapp.example%2Fback",
		);
		expect(consent("EU-DE").host).toBe("sellercentral-europe.amazon.com");
		expect(consent("FE-AU").host).toBe("sellercentral.amazon.com.au");
		expect(consent("FE").host).toBe("sellercentral.amazon.co.jp");
		expect(consent("NA-US", { draft: "true" }).searchParams.get("version")).toBe("beta");
		expect(() => consent("XX")).toThrow(TypeError);
		expect(() => consent("NA-DE")).toThrow(TypeError);
	});

	test("every choice that is offered leads to a page", () => {
		const [choice] = authorization.choices;
		expect(choice?.options).toHaveLength(23);
		for (const { value } of choice?.options ?? []) expect(consent(value).protocol).toBe("https:");
	});

	const finish = (query: string, region = "NA-US") =>
		authorization.finish({ app, chosen: { region }, answer: new URLSearchParams(query), redirectUrl: "https://app.example/back" });
	const back = "state=nonce&selling_partner_id=A3TH9S8BH6GOGM&mws_auth_token=x&spapi_oauth_code=the-code";

	test("the code becomes a lasting token; the account's own marketplaces of the region are taken", async () => {
		replay.answer(({ url }) =>
			url.host === "api.amazon.com"
				? { body: token() }
				: amazonAnswer("getMarketplaceParticipations", {
						payload: [
							participation(US),
							participation("A2EUQ1WTGCTBG2", false),
							participation("A1AM78C64UM0Y8"),
							participation("A1MQXOICRS2Z7M"),
							participation("A1PA6795UKMFR9"),
						],
					}),
		);
		expect(await finish(back)).toEqual({
			account: "A3TH9S8BH6GOGM",
			credentials: { refreshToken: "Atzr|lasting-refresh-token", region: "NA", marketplaceIds: `${US},A1AM78C64UM0Y8` },
		});
		const [exchange, asked] = replay.requests;
		expect(exchange?.url.href).toBe("https://api.amazon.com/auth/o2/token");
		expect(exchange?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
		expect(form(exchange?.text)).toEqual({
			grant_type: "authorization_code",
			code: "the-code",
			client_id: app.lwaClientId,
			client_secret: SECRET,
		});
		expect(asked?.headers["x-amz-access-token"]).toBe("Atza|fresh-access-token");
	});

	test("a consent that was not given, a code that is spent, an account that sells elsewhere: each told apart", async () => {
		expect(await caught(finish("state=nonce&error=access_denied"))).toMatchObject({ code: "no-consent" });
		expect(await caught(finish(back.replace("A3TH9S8BH6GOGM", "<script>")))).toBeInstanceOf(CredentialsRejectedError);
		expect(replay.requests).toHaveLength(0);
		replay.answer(() => ({
			status: 400,
			body: { error: "invalid_grant", error_description: "The request has an invalid grant parameter : code" },
		}));
		expect(await caught(finish(back))).toBeInstanceOf(CredentialsRejectedError);
		replay.answer(({ url }) =>
			url.host === "api.amazon.com" ? { body: token() } : { body: { payload: [participation("A1PA6795UKMFR9")] } },
		);
		expect(await caught(finish(back))).toMatchObject({ code: "no-marketplace" });
	});
});

describe("tokens", () => {
	const refresh = (credentials: Record<string, string> = { refreshToken: "Atzr|lasting-refresh-token" }) =>
		authorization.refresh({ app, credentials });

	test("an access token for an hour; the refresh token stays as it is", async () => {
		replay.answer(() => ({ body: token() }));
		const before = Date.now();
		const fresh = await refresh();
		expect(Object.keys(fresh).sort()).toEqual(["accessToken", "expiresAt"]);
		expect(fresh.accessToken).toBe("Atza|fresh-access-token");
		const livesMs = Date.parse(fresh.expiresAt) - before;
		expect(livesMs).toBeGreaterThanOrEqual(3_600_000);
		expect(livesMs).toBeLessThan(3_660_000);
		expect(form(replay.requests[0]?.text)).toEqual({
			grant_type: "refresh_token",
			refresh_token: "Atzr|lasting-refresh-token",
			client_id: app.lwaClientId,
			client_secret: SECRET,
		});
		expect(authorization.renewAfterDays).toBe(365);
	});

	test.each([
		[
			"the consent was taken back: only its owner can help",
			400,
			{ error: "invalid_grant", error_description: "Atzr|lasting-refresh-token is revoked" },
			CredentialsRejectedError,
		],
		[
			"our own secret is old: no merchant can help",
			401,
			{ error: "invalid_client", error_description: "Client authentication failed" },
			ChannelUnavailableError,
		],
		["throttled", 429, { error: "throttled" }, ChannelError],
		["down", 503, "<html>", ChannelUnavailableError],
		["no token in it", 200, { token: "?" }, ChannelError],
	])("%s", async (_, status, body, kind) => {
		replay.answer(() => ({ status, body }));
		expect(await caught(refresh())).toBeInstanceOf(kind);
	});

	test("without a refresh token, or without the app's own secret, nothing is asked", async () => {
		expect(await caught(refresh({}))).toBeInstanceOf(CredentialsRejectedError);
		expect(await caught(authorization.refresh({ app: {}, credentials: { refreshToken: "Atzr|x" } }))).toMatchObject({
			code: "app-not-set-up",
		});
		expect(replay.requests).toHaveLength(0);
	});
});

describe("subscriptions", () => {
	type Held = { subscriptionId: string; payloadVersion: string; destinationId: string; processingDirective?: unknown };
	let held: Record<string, Held[]>;
	let destinations: { destinationId: string; name: string; resource: { sqs?: { arn: string } } }[];
	let answer409: boolean;
	const manager = (): WebhookManager => {
		const made = amazon.connect({
			account: "A3TH9S8BH6GOGM",
			credentials: { region: "NA", marketplaceIds: US },
			accessToken: async () => "Atza|of-the-seller",
			app,
		}).webhooks;
		if (!made) throw new Error("A queue is set");
		return made;
	};
	beforeEach(() => {
		[held, destinations, answer409] = [{ ORDER_CHANGE: [], LISTINGS_ITEM_MFN_QUANTITY_CHANGE: [] }, [], false];
		const refusal = { status: 409, body: { errors: [{ code: "Conflict", message: "exists" }] } };
		replay.answer(({ method, url, body, headers }) => {
			if (url.host === "api.amazon.com") return { body: token("Atza|of-the-app") };
			const [, , , kind, topic = "", id = ""] = url.pathname.split("/");
			const grantless = headers["x-amz-access-token"] === "Atza|of-the-app";
			if (kind === "destinations") {
				if (!grantless) return { status: 403, body: { errors: [{ code: "Unauthorized", message: "grantless" }] } };
				if (method === "GET") return amazonAnswer("getDestinations", { payload: destinations });
				const { name, resourceSpecification } = body as { name: string; resourceSpecification: { sqs: { arn: string } } };
				const made = { destinationId: `d-${destinations.length + 1}`, name, resource: resourceSpecification };
				destinations.push(made);
				return answer409 ? refusal : amazonAnswer("createDestination", { payload: made });
			}
			if (method === "GET")
				return amazonAnswer("getSubscriptions", {
					payload: { subscriptions: held[url.searchParams.get("notificationTypes") ?? ""] ?? [] },
				});
			if (method === "DELETE") {
				if (!grantless) return { status: 403, body: { errors: [{ code: "Unauthorized", message: "grantless" }] } };
				const left = (held[topic] ?? []).filter(({ subscriptionId }) => subscriptionId !== id);
				if (left.length === held[topic]?.length) return { status: 404, body: { errors: [{ code: "NotFound", message: "gone" }] } };
				held[topic] = left;
				return { body: {} };
			}
			const made = { subscriptionId: `s-${topic}`, ...(body as Omit<Held, "subscriptionId">) };
			held[topic]?.push(made);
			return answer409 ? refusal : amazonAnswer("createSubscription", { payload: made });
		});
	});

	test("made once the destination is found or made; listed as leading into our queue; taken away by the app's own token", async () => {
		const subscriptions = manager();
		expect(await subscriptions.list()).toEqual([]);
		for (const topic of subscriptions.topics)
			await subscriptions.create({ topic, url: "https://app.example/webhooks/amazon/token", secret: "s" });
		expect(destinations).toEqual([{ destinationId: "d-1", name: "lockstep", resource: { sqs: { arn: ARN } } }]);
		expect(await subscriptions.list()).toEqual([
			{ id: "ORDER_CHANGE/s-ORDER_CHANGE", topic: "ORDER_CHANGE", url: ARN, active: true },
			{
				id: "LISTINGS_ITEM_MFN_QUANTITY_CHANGE/s-LISTINGS_ITEM_MFN_QUANTITY_CHANGE",
				topic: "LISTINGS_ITEM_MFN_QUANTITY_CHANGE",
				url: ARN,
				active: true,
			},
		]);
		expect(held.ORDER_CHANGE?.[0]).toMatchObject({
			payloadVersion: "1.0",
			destinationId: "d-1",
			processingDirective: {
				eventFilter: { eventFilterType: "ORDER_CHANGE", orderChangeTypes: ["OrderStatusChange", "BuyerRequestedChange"] },
			},
		});
		expect(held.LISTINGS_ITEM_MFN_QUANTITY_CHANGE?.[0]).not.toHaveProperty("processingDirective");
		await subscriptions.remove("ORDER_CHANGE/s-ORDER_CHANGE");
		// Gone already is what was asked for.
		await subscriptions.remove("ORDER_CHANGE/s-ORDER_CHANGE");
		expect(held.ORDER_CHANGE).toEqual([]);
		const asked = replay.requests.filter(({ url }) => url.host === "api.amazon.com");
		expect(asked.map(({ text }) => form(text))).toEqual([
			{ grant_type: "client_credentials", scope: "sellingpartnerapi::notifications", client_id: app.lwaClientId, client_secret: SECRET },
		]);
	});

	test("one that leads into a former queue is not active", async () => {
		destinations.push(
			{ destinationId: "d-old", name: "old", resource: { sqs: { arn: `${ARN}-old` } } },
			{ destinationId: "d-now", name: "now", resource: { sqs: { arn: ARN } } },
		);
		held.ORDER_CHANGE = [
			{ subscriptionId: "s-old", payloadVersion: "1.0", destinationId: "d-old" },
			{ subscriptionId: "s-now", payloadVersion: "1.0", destinationId: "d-now" },
		];
		expect((await manager().list()).map(({ url, active }) => [url, active])).toEqual([
			["destination:d-old", false],
			[ARN, true],
		]);
	});

	test("somebody else was faster (409): what they made is taken", async () => {
		answer409 = true;
		expect(await manager().create({ topic: "ORDER_CHANGE", url: "", secret: "" })).toMatchObject({
			id: "ORDER_CHANGE/s-ORDER_CHANGE",
			active: true,
		});
		destinations = [{ destinationId: "d-elsewhere", name: "x", resource: { sqs: { arn: `${ARN}-x` } } }];
		held.ORDER_CHANGE = [{ subscriptionId: "s", payloadVersion: "0.9", destinationId: "d-elsewhere" }];
		answer409 = false;
		expect(await manager().create({ topic: "ORDER_CHANGE", url: "", secret: "" })).toMatchObject({ active: true });
	});

	test("without a queue for the region there is nothing to subscribe", () => {
		const without = { account: "A3", credentials: { region: "EU", marketplaceIds: "A1PA6795UKMFR9" }, accessToken: async () => "x" };
		expect(amazon.connect({ ...without, app }).webhooks).toBeNull();
		expect(amazon.connect(without).webhooks).toBeNull();
	});

	test("a subscription that Amazon refuses is told", async () => {
		replay.answer(({ url }) =>
			url.host === "api.amazon.com"
				? { body: token("Atza|of-the-app") }
				: { status: 400, body: { errors: [{ code: "InvalidInput", message: "no" }] } },
		);
		await expect(manager().create({ topic: "ORDER_CHANGE", url: "", secret: "" })).rejects.toThrow(RequestRejectedError);
		replay.answer(({ url, method }) =>
			url.host === "api.amazon.com"
				? { body: token("Atza|of-the-app") }
				: method === "GET"
					? { body: { payload: [] } }
					: { status: 409, body: { errors: [{ code: "Conflict", message: "no" }] } },
		);
		await expect(manager().create({ topic: "ORDER_CHANGE", url: "", secret: "" })).rejects.toThrow(ConflictError);
	});
});
