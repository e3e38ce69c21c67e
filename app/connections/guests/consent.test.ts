import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dyingPool, Killed, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { everyText } from "../../../tests/kit/every-text.ts";
import { type MarketWorld, openMarketWorld } from "../../../tests/kit/market-world.ts";
import type { TestShop } from "../../../tests/kit/shop.ts";
import { availableChannels } from "../app-settings.ts";
import { consentEndsAt, findEndingConsents } from "../consent-ends.ts";
import { openClient } from "../open-client.ts";
import { completeConsent } from "./complete-consent.ts";
import { connectGuest } from "./connect.ts";
import { beginConsent } from "./consent.ts";
import { disconnect } from "./go-live.ts";
import { forgetOldRequests } from "./one-click.ts";

let w: MarketWorld;
let shop: TestShop;
let account: string;
beforeAll(async () => {
	w = await openMarketWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	shop = await w.shop();
	account = w.account();
	w.market.rotation = "never";
});

const complete = (nonce: string, { userId = "user-1", shopId = shop.shopId } = {}) => completeConsent(w.deps, { shopId, userId, nonce });
const live = (of = account) =>
	w.all<{ id: number; shop_id: number; state: string; name: string; health: string; consented_at: Date; settings: object }>(
		"SELECT id, shop_id, state, name, health, consented_at, settings FROM connection WHERE channel = 'neighbour' AND account = $1 AND state <> 'disconnected'",
		[of],
	);
/** The whole way of one browser up to the page of the app that completes it. */
const agreed = async (of = shop, who: { userId?: string; connectionId?: number } = {}) =>
	w.back(await w.market.agree(await w.begin(of, who), account));
const NOT_AGREED = { outcome: "refused", reason: expect.stringContaining("not agreed") };

test("R36 R40 the whole way: the market's page, back through one address into the admin, completed by the same user, and the sealed access works", async () => {
	const url = await w.begin(shop);
	expect(new URL(url).searchParams.get("region")).toBe("east");
	const back = await w.market.agree(url, account);
	expect(back).toMatch(/^https:\/\/app\.lockstep\.example\/connect\/callback\?/);
	const answer = await w.visit(back);
	const { domain } = await w.one<{ domain: string }>("SELECT domain FROM shop WHERE id = $1", [shop.shopId]);
	const location = new URL(String(answer.headers.location));
	expect([answer.status, `${location.origin}${location.pathname}`]).toEqual([
		303,
		`https://admin.shopify.com/store/${domain.split(".")[0]}/apps/client-id/app/channels/connected`,
	]);
	expect(answer.headers["cache-control"]).toBe("no-store");
	expect(answer.headers["referrer-policy"]).toBe("no-referrer");
	// Neither the code nor the link's own nonce goes on with the browser.
	for (const secret of ["code", "state"]) expect(location.href).not.toContain(new URL(back).searchParams.get(secret) as string);
	expect((await everyText(w.database.pool)).filter(({ text }) => text.includes(new URL(back).searchParams.get("code") as string))).toEqual(
		[],
	);

	const nonce = location.searchParams.get("nonce") ?? "";
	const connected = await complete(nonce);
	expect(connected).toMatchObject({ outcome: "connected" });
	const [connection] = await live();
	expect(connection).toMatchObject({ state: "connecting", name: account, health: "green", settings: { chosen: { region: "east" } } });
	const endsAt = consentEndsAt(w.channel, connection?.consented_at ?? null);
	expect(endsAt?.getTime()).toBe((connection?.consented_at.getTime() ?? 0) + 365 * 86_400_000);
	expect(await w.all("SELECT actor, action FROM audit WHERE shop_id = $1", [shop.shopId])).toEqual([
		{ actor: "user-1", action: "connection.created" },
	]);
	const { client } = await openClient(w.deps, shop.shopId, connection?.id ?? 0);
	expect(await client.check()).toMatchObject({ health: "green", account });
	for (const { text } of await everyText(w.database.pool)) expect(text).not.toMatch(/(refresh|access|code)-[0-9a-f]{24}/);
	// Loaded again: the same connection, and nothing asked of the market a second time.
	const tokens = w.market.count("/token");
	expect(await complete(nonce)).toEqual(connected);
	expect(w.market.count("/token")).toBe(tokens);
});

describe("R37 who may finish a consent", () => {
	test("not another shop, not another user, not whoever knows only the link; and their attempts do not use it up", async () => {
		const other = await w.shop();
		const url = await w.begin(shop);
		const state = new URL(url).searchParams.get("state") ?? "";
		const nonce = await w.back(await w.market.agree(url, account));
		expect(await complete(nonce, { shopId: other.shopId })).toMatchObject(NOT_AGREED);
		expect(await complete(nonce, { userId: "user-2" })).toMatchObject(NOT_AGREED);
		expect(await complete(state)).toMatchObject(NOT_AGREED);
		expect(await complete("")).toMatchObject(NOT_AGREED);
		expect(await live()).toEqual([]);
		expect(await complete(nonce)).toMatchObject({ outcome: "connected" });
		expect(await complete(nonce, { userId: "user-2" })).toMatchObject(NOT_AGREED);
		expect(await complete(nonce, { shopId: other.shopId })).toMatchObject(NOT_AGREED);
	});

	test("a stranger who is lured into agreeing under another shop's link does not give his account away: the way on is his alone", async () => {
		const url = await w.begin(shop, { userId: "lurer" });
		// The stranger's browser gets the nonce; the lurer has only the link.
		await w.back(await w.market.agree(url, account));
		const known = new URL(url).searchParams.get("state") ?? "";
		expect(await complete(known, { userId: "lurer" })).toMatchObject(NOT_AGREED);
		expect(await live()).toEqual([]);
	});

	test("not with the answer of another nonce: what is sealed for one does not open under another", async () => {
		const [mine, theirs] = [await agreed(), await agreed(await w.shop())];
		await w.deps.pool.query(
			"UPDATE connect_request SET sealed = (SELECT sealed FROM connect_request WHERE ticket = $1) WHERE ticket = $2",
			[theirs, mine],
		);
		await expect(complete(mine)).rejects.toThrow(/does not open/);
		expect(await live()).toEqual([]);
	});

	test("an account that the way back only names is not connected: the market itself says whose access it is", async () => {
		const victim = w.account();
		const back = new URL(await w.market.agree(await w.begin(shop), account));
		back.searchParams.set("account", victim);
		const nonce = await w.back(back.href);
		expect(await complete(nonce)).toMatchObject({
			outcome: "refused",
			reason: `Neighbour gave access to ${account}, not to ${victim}. Please start again.`,
		});
		expect([await live(), await live(victim)]).toEqual([[], []]);
	});
});

describe("R37 once and in time", () => {
	test("of five at once one finishes, the market is asked once, and all are told the same connection", async () => {
		const nonce = await agreed();
		const before = w.market.count("/token");
		const outcomes = await Promise.all(Array.from({ length: 5 }, () => complete(nonce)));
		const [connection, ...more] = await live();
		expect(more).toEqual([]);
		expect(outcomes).toEqual(Array(5).fill({ outcome: "connected", connectionId: connection?.id }));
		// The code, and one access token for the first call.
		expect(w.market.count("/token") - before).toBe(2);
	});

	test("too late, the way back and the completion are both refused, and what was sealed is forgotten", async () => {
		const url = await w.begin(shop);
		const back = await w.market.agree(url, account);
		const late = (nonce: string) =>
			w.deps.pool.query("UPDATE connect_request SET expires_at = now() - interval '1 second' WHERE nonce = $1", [nonce]);
		await late(new URL(url).searchParams.get("state") ?? "");
		expect((await w.visit(back)).status).toBe(403);
		const second = await w.begin(shop);
		const nonce = await w.back(await w.market.agree(second, account));
		await late(new URL(second).searchParams.get("state") ?? "");
		expect(await complete(nonce)).toMatchObject(NOT_AGREED);
		await forgetOldRequests(w.deps.pool);
		expect(await w.all("SELECT FROM connect_request WHERE shop_id = $1 AND sealed IS NOT NULL", [shop.shopId])).toEqual([]);
	});

	test("the way back loaded twice leads on twice, another answer under the same link is refused, and an old way on is dead", async () => {
		const url = await w.begin(shop);
		const back = await w.market.agree(url, account);
		const other = await w.market.agree(url, w.account());
		const first = await w.back(back);
		const second = await w.back(back);
		expect(first).not.toBe(second);
		expect((await w.visit(other)).status).toBe(403);
		expect(await complete(first)).toMatchObject(NOT_AGREED);
		expect(await complete(second)).toMatchObject({ outcome: "connected" });
		expect((await w.visit(back)).status).toBe(403);
	});

	test("addresses that nobody asked for say a sentence and change nothing", async () => {
		const before = await w.one("SELECT count(*)::int AS n FROM connect_request");
		for (const query of ["", "?state=", "?state=guessed&code=x", `?state=${"x".repeat(9_000)}`]) {
			const answer = await w.visit(`https://app.lockstep.example/connect/callback${query}`);
			expect([query.length, answer.status, answer.body.includes("not valid any more")]).toEqual([query.length, 403, true]);
		}
		expect(await w.one("SELECT count(*)::int AS n FROM connect_request")).toEqual(before);
	});
});

test("denied on the market's page, nothing is connected and the merchant reads so", async () => {
	const nonce = await w.back(await w.market.agree(await w.begin(shop), account, "deny"));
	expect(await complete(nonce)).toEqual({
		outcome: "refused",
		reason: "The access was not granted on Neighbour's page. Nothing has changed.",
	});
	expect(await live()).toEqual([]);
});

test("a code that the market does not take any more, and a market that is down, are told apart; neither connects", async () => {
	const spent = await agreed();
	w.market.faults["/token"] = [400];
	expect(await complete(spent)).toMatchObject({ outcome: "refused", reason: expect.stringContaining("did not accept this consent") });
	const down = await agreed();
	w.market.faults["/token"] = [503];
	expect(await complete(down)).toMatchObject({ outcome: "refused", reason: expect.stringContaining("did not answer as expected") });
	expect(await live()).toEqual([]);
	expect(await complete(await agreed())).toMatchObject({ outcome: "connected" });
});

describe("R45 agreeing again", () => {
	test("renews the connection with its secrets and cut kept, turns it green, and ends a refresh that was under way", async () => {
		const connectionId = await w.join(shop, account);
		const before = await w.one<{ credentials: string }>("SELECT credentials FROM connection WHERE id = $1", [connectionId]);
		await w.deps.pool.query(
			`UPDATE connection SET state = 'live', health = 'red', health_reason = 'x', breaker_failures = 5, access_lease = 'another process',
			   access_lease_until = now() + interval '1 hour', access_problem = 'x', consented_at = now() - interval '1 year' WHERE id = $1`,
			[connectionId],
		);
		w.market.revoke(account);
		const nonce = await agreed(shop, { connectionId });
		expect(await complete(nonce)).toEqual({ outcome: "renewed", connectionId });
		const after = await w.one<{ credentials: string; state: string }>(
			`SELECT credentials, state, health, health_reason, breaker_failures, access_lease, access_problem, consented_at > now() - interval '1 minute' AS fresh
			 FROM connection WHERE id = $1`,
			[connectionId],
		);
		expect(after).toMatchObject({
			state: "live",
			health: "green",
			health_reason: null,
			breaker_failures: 0,
			access_lease: null,
			access_problem: null,
			fresh: true,
		});
		expect(after.credentials).not.toBe(before.credentials);
		const { client } = await openClient(w.deps, shop.shopId, connectionId);
		expect(await client.check()).toMatchObject({ health: "green" });
		expect(await live()).toHaveLength(1);
		expect((await w.all<{ action: string }>("SELECT action FROM audit WHERE shop_id = $1 ORDER BY id", [shop.shopId])).at(-1)?.action).toBe(
			"connection.renewed",
		);
	});

	test("another account does not take a connection's place; connected as new while it is live here, it is renewed", async () => {
		const mine = account;
		const connectionId = await w.join(shop, mine);
		account = w.account();
		expect(await complete(await agreed(shop, { connectionId }))).toMatchObject({
			outcome: "refused",
			reason: expect.stringContaining("another account"),
		});
		expect([(await live(mine)).length, await live(account)]).toEqual([1, []]);
		account = mine;
		expect(await complete(await agreed())).toEqual({ outcome: "renewed", connectionId });
	});

	test("R37 a connection of another shop cannot be renewed, nor a closed one, nor one of another channel", async () => {
		const other = await w.shop();
		const theirs = await w.join(other);
		const begin = (connectionId: number) =>
			beginConsent(w.deps, {
				shopId: shop.shopId,
				userId: "u",
				channelId: "neighbour",
				chosen: { region: "east" },
				connectionId,
				returnPath: "/app",
			});
		const gone = { outcome: "refused", reason: "This connection does not exist any more." };
		expect(await begin(theirs)).toEqual(gone);
		expect(await begin(shop.guest)).toEqual(gone);
		const closed = await w.join(shop, account);
		await disconnect(w.deps, shop.shopId, closed, "user-1");
		expect(await begin(closed)).toEqual(gone);
	});
});

test("R31 a consent that ends within a month is told of, with its day, to its own shop only, and not once it is renewed", async () => {
	const other = await w.shop();
	const [soon, later, theirs] = [await w.join(shop, account), await w.join(shop), await w.join(other)];
	const age = (connectionId: number, days: number) =>
		w.deps.pool.query("UPDATE connection SET consented_at = now() - $2 * interval '1 day' WHERE id = $1", [connectionId, days]);
	for (const [connectionId, days] of [
		[soon, 336],
		[later, 334],
		[theirs, 366],
	] as const)
		await age(connectionId, days);
	const found = await findEndingConsents(w.deps.pool, shop.shopId);
	expect(found).toMatchObject([{ connectionId: soon, channel: "neighbour", name: account }]);
	expect(Math.round(((found[0]?.endsAt.getTime() ?? 0) - Date.now()) / 86_400_000)).toBe(29);
	expect((await findEndingConsents(w.deps.pool, other.shopId)).map(({ connectionId }) => connectionId)).toEqual([theirs]);
	expect(await complete(await agreed(shop, { connectionId: soon }))).toMatchObject({ outcome: "renewed" });
	expect(await findEndingConsents(w.deps.pool, shop.shopId)).toEqual([]);
});

test("R37 one account is live in one shop: the other shop is told that it is taken, and gets it once it is free", async () => {
	const other = await w.shop();
	const theirs = await w.join(other, account);
	expect(await complete(await agreed())).toMatchObject({ outcome: "taken", here: false });
	await disconnect(w.deps, other.shopId, theirs, "user-1");
	expect(await w.one("SELECT credentials, access_token FROM connection WHERE id = $1", [theirs])).toEqual({
		credentials: null,
		access_token: null,
	});
	expect(await complete(await agreed())).toMatchObject({ outcome: "connected" });
	expect((await live()).map(({ shop_id }) => shop_id)).toEqual([shop.shopId]);
});

test("R08 killed at any statement of the completion, there is a whole connection or none, and agreeing again connects", async () => {
	const counting = dyingPool(w.deps.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
	const first = await agreed();
	expect(await completeConsent({ ...w.deps, pool: counting.pool }, { shopId: shop.shopId, userId: "user-1", nonce: first })).toMatchObject({
		outcome: "connected",
	});
	let [died, whole] = [0, 0];
	const isOver = () =>
		w.deps.pool.query("UPDATE connect_request SET expires_at = now() WHERE shop_id = $1 AND state = 'used' AND connection_id IS NULL", [
			shop.shopId,
		]);
	for (const place of placesToDie(counting.statements())) {
		account = w.account();
		const nonce = await agreed();
		const { pool } = dyingPool(w.deps.pool, place);
		await completeConsent({ ...w.deps, pool }, { shopId: shop.shopId, userId: "user-1", nonce }).catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error as { cause?: unknown }).cause) throw error;
			died++;
		});
		const made = await live();
		if (made.length === 1) whole++;
		// What the page says when it is loaded again is what there is.
		const untouched = place.at === 1 && place.moment === "before";
		await isOver();
		const again = await complete(nonce);
		expect([place, again.outcome]).toEqual([place, untouched || made.length === 1 ? "connected" : "refused"]);
		if (again.outcome === "refused") expect(await complete(await agreed())).toMatchObject({ outcome: "connected" });
		expect(await live()).toHaveLength(1);
	}
	expect(died).toBeGreaterThan(8);
	expect(whole).toBeGreaterThan(0);
});

describe("what this server does not have", () => {
	test("a channel without its settings is not available, says which are missing, and begins no consent", async () => {
		const deps = { ...w.deps, env: { ...w.deps.env, appSettings: {} } };
		const neighbour = availableChannels(deps).find(({ channel }) => channel.id === "neighbour");
		expect(neighbour).toMatchObject({ available: false, missing: ["NEIGHBOUR_CLIENT_ID", "NEIGHBOUR_CLIENT_SECRET"] });
		expect(availableChannels(w.deps).find(({ channel }) => channel.id === "neighbour")).toMatchObject({ available: true });
		expect(availableChannels(deps).find(({ channel }) => channel.id === "woocommerce")).toMatchObject({ available: true });
		const input = { shopId: shop.shopId, userId: "u", channelId: "neighbour", chosen: { region: "east" }, returnPath: "/app" };
		expect(await beginConsent(deps, input)).toEqual({ outcome: "refused", reason: "Neighbour is not available on this server." });
		expect(await beginConsent(w.deps, { ...input, channelId: "woocommerce" })).toMatchObject({ outcome: "refused" });
	});

	test("what the channel does not offer to choose is refused, and no address leads out of the app", async () => {
		const begin = (chosen: Record<string, string>, returnPath = "/app") =>
			beginConsent(w.deps, { shopId: shop.shopId, userId: "u", channelId: "neighbour", chosen, returnPath });
		const please = { outcome: "refused", reason: "Please choose: Region." };
		expect(await begin({})).toEqual(please);
		expect(await begin({ region: "north" })).toEqual(please);
		for (const path of ["https://evil.example/app", "//evil.example/app", "/apps", "/auth/login"]) {
			expect(await begin({ region: "west", other: "x" }, path)).toMatchObject({ outcome: "started" });
		}
		expect(await w.all("SELECT DISTINCT return_path, chosen FROM connect_request WHERE shop_id = $1", [shop.shopId])).toEqual([
			{ return_path: "/app", chosen: { region: "west" } },
		]);
	});

	test("keys are not typed in for a channel that is connected by consent", async () => {
		const typed = { channel: "neighbour", account, credentials: { refreshToken: w.market.grant(account) }, actor: "u" };
		expect(await connectGuest(w.deps, shop.shopId, typed)).toEqual({
			outcome: "refused",
			reason: "Neighbour is connected by agreeing on its own page.",
		});
	});
});
