import { createHmac } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { at, CLIENT, DOMAIN, exchangeBody, openStage, type Stage } from "./contract/stage.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let stage: Stage;
afterEach(() => stage.close());

const exchange = (body: Record<string, string>) =>
	stage
		.post("/admin/oauth/access_token", body)
		.then((reply) => ({ status: reply.status, body: JSON.parse(reply.text) as Record<string, unknown> }));
const refresh = (token: unknown) =>
	exchange({ client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret, grant_type: "refresh_token", refresh_token: String(token) });
const ask = async (token: unknown) =>
	(await stage.post("/admin/api/2026-10/graphql.json", { query: "{ shop { name } }" }, { "x-shopify-access-token": String(token) })).status;

describe("the stand-in's tokens", () => {
	it("a session token is exchanged for an offline token that expires in an hour and can be refreshed", async () => {
		stage = await openStage({ shopify: { scopes: ["read_products", "write_inventory"] } });
		const { status, body } = await exchange(exchangeBody(stage.shop.mintSessionToken()));
		expect(status).toBe(200);
		expect(body).toEqual({
			access_token: expect.stringMatching(/^shpat_[0-9a-f]{32}$/),
			scope: "read_products,write_inventory",
			expires_in: 3600,
			refresh_token: expect.stringMatching(/^shprt_[0-9a-f]{32}$/),
			refresh_token_expires_in: 90 * 86_400,
		});
		expect(await ask(body.access_token)).toBe(200);
		stage.world.clock.skip(HOUR_MS);
		expect(await ask(body.access_token)).toBe(401);
		const next = await refresh(body.refresh_token);
		expect(next.status).toBe(200);
		expect(await ask(next.body.access_token)).toBe(200);
	});

	it("a session token with a wrong signature, audience, shop or age is refused", async () => {
		stage = await openStage();
		const good = stage.shop.mintSessionToken();
		const [head = "", claims = ""] = good.split(".");
		const resigned = (changes: Record<string, unknown>) => {
			const body = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url").toString()), ...changes })).toString(
				"base64url",
			);
			return `${head}.${body}.${createHmac("sha256", CLIENT.clientSecret).update(`${head}.${body}`).digest("base64url")}`;
		};
		const bad = [
			`${good.slice(0, -4)}AAAA`,
			resigned({ aud: "another-app" }),
			resigned({ dest: "https://other.myshopify.com" }),
			resigned({ exp: Date.now() / 1000 - 11 }),
			resigned({ nbf: Date.now() / 1000 + 20 }),
		];
		for (const token of bad)
			expect(await exchange(exchangeBody(token))).toMatchObject({ status: 400, body: { error: "invalid_subject_token" } });
		expect(await exchange(exchangeBody(resigned({})))).toMatchObject({ status: 200 });
		expect(await exchange(exchangeBody(good, { client_secret: "guess" }))).toMatchObject({
			status: 400,
			body: { error: "invalid_client" },
		});
	});

	it("an old refresh token works again until its replacement has been used, and at most 30 days", async () => {
		stage = await openStage();
		const first = (await stage.signIn()).refresh_token;
		const lost = await refresh(first);
		const again = await refresh(first);
		expect([lost.status, again.status]).toEqual([200, 200]);
		expect(again.body.refresh_token).not.toBe(lost.body.refresh_token);
		const third = await refresh(again.body.refresh_token);
		expect(third.status).toBe(200);
		expect(await refresh(first)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });

		const kept = third.body.refresh_token;
		expect((await refresh(kept)).status).toBe(200);
		stage.world.clock.skip(29 * DAY_MS);
		expect((await refresh(kept)).status).toBe(200);
		stage.world.clock.skip(2 * DAY_MS);
		expect((await refresh(kept)).status).toBe(400);
	});

	it("a refresh token that was never used dies after 90 days", async () => {
		stage = await openStage();
		const { refresh_token } = await stage.signIn();
		stage.world.clock.skip(90 * DAY_MS);
		expect(await refresh(refresh_token)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
	});

	it("an uninstall ends every token at once, and a reinstalled app exchanges anew", async () => {
		stage = await openStage();
		const tokens = await stage.signIn();
		stage.shop.uninstall();
		expect(await ask(tokens.access_token)).toBe(401);
		expect((await refresh(tokens.refresh_token)).status).toBe(400);
		expect((await exchange(exchangeBody(stage.shop.mintSessionToken()))).status).toBe(400);
		stage.shop.reinstall();
		expect(await ask(tokens.access_token)).toBe(401);
		expect(await ask((await stage.signIn()).access_token)).toBe(200);
	});

	it("a token that never expires is given out, and refused by the API", async () => {
		stage = await openStage();
		const { body } = await exchange(exchangeBody(stage.shop.mintSessionToken(), { expiring: "0" }));
		expect(body).toEqual({ access_token: expect.any(String), scope: expect.any(String) });
		const reply = await stage.post(
			"/admin/api/2026-10/graphql.json",
			{ query: "{ shop { name } }" },
			{ "x-shopify-access-token": String(body.access_token) },
		);
		expect(reply.status).toBe(403);
		expect(reply.text).toContain("Non-expiring access tokens are no longer accepted");
		const migrated = await exchange(
			exchangeBody(String(body.access_token), { subject_token_type: "urn:shopify:params:oauth:token-type:offline-access-token" }),
		);
		expect(migrated.body.refresh_token).toEqual(expect.any(String));
		expect(await ask(migrated.body.access_token)).toBe(200);
	});

	it("an online token names its user", async () => {
		stage = await openStage();
		const token = stage.shopify.mintSessionToken({ shop: DOMAIN, userId: 548_380_009 });
		const { body } = await exchange(
			exchangeBody(token, { requested_token_type: "urn:shopify:params:oauth:token-type:online-access-token" }),
		);
		expect(body).toMatchObject({ expires_in: 86_399, associated_user: { id: 548_380_009 } });
	});

	it("a token of one shop opens no other, though their ids are equal", async () => {
		stage = await openStage();
		const other = stage.shopify.createShop({ domain: "second.myshopify.com", booksAs: null });
		stage.shop.seed({ products: [{ title: "One", variants: [{ sku: "SAME", stock: 3 }] }] });
		other.seed({ products: [{ title: "Two", variants: [{ sku: "SAME", stock: 9 }] }] });
		expect(other.idsOf("SAME")).toEqual(stage.shop.idsOf("SAME"));
		const { access_token } = await stage.signIn();
		const reply = await stage.post(
			"/admin/api/2026-10/graphql.json",
			{ query: "{ shop { name } }" },
			{ "x-shopify-access-token": String(access_token) },
			"second.myshopify.com",
		);
		expect(reply.status).toBe(401);
		stage.shop.checkout({ lines: [{ sku: "SAME", quantity: 1 }] });
		expect([stage.shop.available("SAME"), other.available("SAME")]).toEqual([2, 9]);
		expect(stage.world.books.truth("SAME")).toBe(2);
	});

	it("parameters of a link into the app are signed over all of them, sorted", async () => {
		stage = await openStage();
		const params = stage.shopify.signParams({ shop: DOMAIN, host: "aG9zdA", embedded: "1" });
		const hmac = params.get("hmac");
		params.delete("hmac");
		const message = [...params]
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([key, value]) => `${key}=${value}`)
			.join("&");
		expect(hmac).toBe(createHmac("sha256", CLIENT.clientSecret).update(message).digest("hex"));
		expect(at(stage, "shop", "domain")).toBe(DOMAIN);
	});
});
