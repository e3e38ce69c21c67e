import { afterEach, describe, expect, it } from "vitest";
import { APP, createStage, type Stage } from "./contract/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

const CLIENT = { client_id: APP.clientId, client_secret: APP.clientSecret };
const refresh = (token: string, secret = APP.clientSecret) =>
	stage.lwa({ grant_type: "refresh_token", refresh_token: token, client_id: APP.clientId, client_secret: secret });
const redeem = (code: string) => stage.lwa({ grant_type: "authorization_code", code, ...CLIENT });
const rules = () => stage.world.books.violations("amazon").map(({ rule }) => rule);
const ME = "/sellers/v1/marketplaceParticipations";

const consentUrl = (more: Record<string, string> = {}, host = "sellercentral.amazon.com") =>
	`https://${host}/apps/authorize/consent?${new URLSearchParams({ application_id: APP.id, state: "once & only", ...more })}`;

describe("Login with Amazon", () => {
	it("gives an hour of access and a lasting refresh token for a code, once", async () => {
		stage = await createStage();
		const { spapiOauthCode } = stage.seller.authorise();
		const granted = await redeem(spapiOauthCode);
		expect(granted.status).toBe(200);
		expect(Object.keys(granted.json).sort()).toEqual(["access_token", "expires_in", "refresh_token", "token_type"]);
		expect(granted.json).toMatchObject({ expires_in: 3600, token_type: "bearer" });
		const again = await redeem(spapiOauthCode);
		expect([again.status, again.json]).toEqual([
			400,
			{ error_description: "The request has an invalid grant parameter : code", error: "invalid_grant" },
		]);
		const renewed = await refresh(granted.json.refresh_token);
		expect(renewed.json.refresh_token).toBe(granted.json.refresh_token);
		expect((await stage.api("GET", ME, { token: renewed.json.access_token })).status).toBe(200);
	});

	it("a code is worth nothing after five minutes", async () => {
		stage = await createStage();
		const { spapiOauthCode } = stage.seller.authorise();
		await stage.pass(5 * 60_000 + 1);
		expect((await redeem(spapiOauthCode)).json.error).toBe("invalid_grant");
	});

	it("refuses strangers with 401 and requests that lack something with 400", async () => {
		stage = await createStage();
		const wrong = await refresh("Atzr|x", "wrong");
		expect([wrong.status, wrong.json]).toEqual([401, { error_description: "Client authentication failed", error: "invalid_client" }]);
		expect((await stage.lwa({ grant_type: "refresh_token", ...CLIENT })).json.error).toBe("invalid_request");
		expect((await stage.lwa({ grant_type: "password", ...CLIENT })).json.error).toBe("unsupported_grant_type");
		expect((await stage.lwa({ grant_type: "client_credentials", scope: "profile", ...CLIENT })).json.error).toBe("invalid_scope");
		const json = await stage.send({
			host: "api.amazon.com",
			method: "POST",
			path: "/auth/o2/token",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ grant_type: "refresh_token", ...CLIENT }),
		});
		expect(json.status).toBe(400);
	});

	it("access ends after an hour, by revocation at once, and after a year without a new authorisation", async () => {
		stage = await createStage();
		const first = await redeem(stage.seller.authorise().spapiOauthCode);
		const old = first.json.access_token;
		await stage.pass(3_600_000);
		const expired = await stage.api("GET", ME, { token: old });
		expect([expired.status, expired.json.errors[0]]).toEqual([
			403,
			{ code: "Unauthorized", message: "Access to requested resource is denied.", details: "The access token you provided has expired." },
		]);
		const fresh = (await refresh(first.json.refresh_token)).json.access_token;
		stage.seller.revoke();
		const revoked = await stage.api("GET", ME, { token: fresh });
		expect(revoked.json.errors[0].details).toBe("The access token you provided is revoked, malformed or invalid.");
		const refused = await refresh(first.json.refresh_token);
		expect([refused.status, refused.json.error]).toEqual([400, "invalid_grant"]);
		const second = await redeem(stage.seller.authorise().spapiOauthCode);
		await stage.pass(365 * 24 * 3_600_000);
		expect((await refresh(second.json.refresh_token)).json.error).toBe("invalid_grant");
		expect(rules()).toEqual([]);
	});

	it("a rotated secret works beside the old one for a week, then alone; refresh tokens stay", async () => {
		stage = await createStage();
		const { refresh_token } = (await redeem(stage.seller.authorise().spapiOauthCode)).json;
		const next = stage.amazon.rotateSecret();
		expect([(await refresh(refresh_token)).status, (await refresh(refresh_token, next)).status]).toEqual([200, 200]);
		await stage.pass(7 * 24 * 3_600_000);
		expect([(await refresh(refresh_token)).status, (await refresh(refresh_token, next)).status]).toEqual([401, 200]);
	});
});

describe("the consent page", () => {
	it("a person confirms and is sent back with code, seller and state, and nothing else", async () => {
		stage = await createStage({}, { name: "Hagi & Oak" });
		const page = await stage.send({
			host: "sellercentral.amazon.com",
			path: new URL(consentUrl()).pathname + new URL(consentUrl()).search,
		});
		expect(page.text).toContain("Simulated Amazon Seller Central");
		expect(page.text).toContain("Hagi &amp; Oak");
		expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
		const answered = await stage.send({
			host: "sellercentral.amazon.com",
			method: "POST",
			path: new URL(consentUrl()).pathname + new URL(consentUrl()).search,
			headers: { "content-type": "application/x-www-form-urlencoded" },
			body: new URLSearchParams({ seller: stage.seller.id, answer: "allow" }).toString(),
		});
		const back = new URL(String(answered.headers.location));
		expect([answered.status, back.origin + back.pathname]).toEqual([302, APP.redirectUris[0]]);
		expect([...back.searchParams.keys()].sort()).toEqual(["selling_partner_id", "spapi_oauth_code", "state"]);
		expect([back.searchParams.get("state"), back.searchParams.get("selling_partner_id")]).toEqual(["once & only", stage.seller.id]);
		expect((await redeem(String(back.searchParams.get("spapi_oauth_code")))).status).toBe(200);
	});

	it("after a no the seller stays where he is, and a test may answer without the page", async () => {
		stage = await createStage();
		expect(stage.amazon.answerConsent(consentUrl(), { allow: false })).toBeNull();
		const chosen = stage.amazon.answerConsent(consentUrl({ redirect_uri: APP.redirectUris[1] as string }), { allow: true });
		expect(chosen).toContain(APP.redirectUris[1]);
	});

	it.each([
		["another application", consentUrl({ application_id: "amzn1.sp.solution.other" })],
		["a foreign redirect_uri", consentUrl({ redirect_uri: "https://evil.example/" })],
		["no state", consentUrl({ state: "" })],
		["a Seller Central without a seller", consentUrl({}, "sellercentral.amazon.co.jp")],
	])("shows an error for %s", async (_, url) => {
		stage = await createStage();
		const { host, pathname, search } = new URL(url);
		expect((await stage.send({ host, path: pathname + search })).status).toBe(400);
		expect(() => stage.amazon.answerConsent(url, { allow: true })).toThrow();
	});

	it("a draft is authorised with version=beta only; European accounts also in sellercentral-europe", async () => {
		stage = await createStage({ app: { ...APP, draft: true } }, { marketplaces: ["A1F83G8C2ARO7P"] });
		expect(() => stage.amazon.answerConsent(consentUrl({}, "sellercentral.amazon.co.uk"), { allow: true })).toThrow(/draft/);
		for (const host of ["sellercentral.amazon.co.uk", "sellercentral-europe.amazon.com"]) {
			expect(stage.amazon.answerConsent(consentUrl({ version: "beta" }, host), { allow: true })).toContain("spapi_oauth_code=");
		}
	});
});

describe("the way into the Selling Partner API", () => {
	it("names the account's stores", async () => {
		stage = await createStage({}, { name: "Hagi & Oak", marketplaces: ["ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"] });
		const { status, json, headers } = await stage.api("GET", ME);
		expect(status).toBe(200);
		expect(json.payload.map((p: { marketplace: { id: string }; storeName: string }) => [p.marketplace.id, p.storeName])).toEqual([
			["ATVPDKIKX0DER", "Hagi & Oak"],
			["A2EUQ1WTGCTBG2", "Hagi & Oak"],
		]);
		expect([headers["x-amzn-ratelimit-limit"], String(headers["x-amzn-requestid"]).length]).toEqual(["0.016", 36]);
		expect(rules()).toEqual([]);
	});

	it("a missing token, another region and the wrong kind of token are refused and remembered", async () => {
		stage = await createStage();
		const missing = await stage.api("GET", ME, { token: null });
		expect([missing.status, missing.json.errors[0].details]).toEqual([403, "Access token is missing in the request header."]);
		expect((await stage.api("GET", ME, { host: "sellingpartnerapi-eu.amazon.com" })).status).toBe(403);
		expect((await stage.api("GET", ME, { token: await stage.grantless() })).status).toBe(403);
		expect((await stage.api("GET", "/notifications/v1/destinations")).status).toBe(403);
		expect(rules()).toEqual(["no access token", "wrong region", "not a seller's token", "not a grantless token"]);
		expect((await stage.api("GET", "/orders/v9/orders")).json.errors[0].code).toBe("MissingAuthenticationToken");
	});

	it("an application that does not name itself or the time is remembered", async () => {
		stage = await createStage();
		await stage.api("GET", ME, { headers: { "user-agent": "node", "x-amz-date": "" } });
		expect(rules()).toEqual(["user-agent", "x-amz-date"]);
	});
});

describe("the store for people", () => {
	it("says that it is simulated, shows what is offered there, and its button buys like every buyer", async () => {
		stage = await createStage({ pendingMs: [60_000, 60_000] }, { name: "Hagi & Oak" });
		stage.seller.seed([
			{ sku: "TEA", title: "Green tea & cup", quantity: 1 },
			{ sku: "TEA-FBA", fba: 2 },
		]);
		const page = await stage.send({ host: "www.amazon.com", path: "/" });
		for (const said of ["Simulated Amazon store", "Green tea &amp; cup", "1 left", "fulfilled by Amazon"])
			expect(page.text).toContain(said);
		expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
		const buy = (host: string) =>
			stage.send({
				host,
				method: "POST",
				path: "/",
				headers: { "content-type": "application/x-www-form-urlencoded" },
				body: new URLSearchParams({ seller: stage.seller.id, sku: "TEA" }).toString(),
			});
		expect((await buy("www.amazon.com")).headers.location).toBe(`?order=${stage.seller.orders()[0]?.id}`);
		expect((await buy("www.amazon.com")).headers.location).toBe("?refused=1");
		expect((await buy("www.amazon.ca")).status).toBe(404);
		expect(stage.seller.orders().map(({ current }) => current.status)).toEqual(["PENDING"]);
	});
});
