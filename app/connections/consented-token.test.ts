import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CredentialsRejectedError } from "#app/channels/errors.ts";
import { startChild } from "../../tests/kit/child.ts";
import { type MarketWorld, openMarketWorld } from "../../tests/kit/market-world.ts";
import type { TestShop } from "../../tests/kit/shop.ts";
import { startTcpProxy } from "../../tests/kit/tcp-proxy.ts";
import { createPool } from "../db.server.ts";
import { consentedAccess } from "./consented-token.ts";
import { openCredentials } from "./credentials.ts";
import { disconnect } from "./guests/go-live.ts";
import { openClient } from "./open-client.ts";
import { resealCredentials } from "./reseal.ts";

let w: MarketWorld;
let shop: TestShop;
let account: string;
let connectionId: number;
beforeAll(async () => {
	w = await openMarketWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	Object.assign(w.market, { rotation: "never", sticky: false, tokenSeconds: 3_600, beforeAnswer: undefined, faults: {} });
	w.market.app.clientSecret = "market-secret-0123456789";
	shop = await w.shop();
	account = w.account();
	connectionId = await w.join(shop, account);
});

const access = (refused?: string, deps = w.deps) => consentedAccess(deps, { shopId: shop.shopId, connectionId }, refused);
const row = () =>
	w.one<{
		access_token: string | null;
		access_lease: string | null;
		access_problem: string | null;
		health: string;
		health_reason: string | null;
		credentials: string;
	}>("SELECT access_token, access_lease, access_problem, health, health_reason, credentials FROM connection WHERE id = $1", [connectionId]);
/** As it will be when the token has so many minutes left. */
const age = (minutes: number) =>
	w.deps.pool.query("UPDATE connection SET access_expires_at = now() + $2 * interval '1 minute' WHERE id = $1", [connectionId, minutes]);
const pauseIsOver = () => w.deps.pool.query("UPDATE connection SET access_again_at = now() WHERE id = $1", [connectionId]);
const kept = async () => openCredentials(w.deps.keyRing, { shopId: shop.shopId, channel: "neighbour", account }, (await row()).credentials);
/** Requests to the token page since the last look. */
const counter = () => {
	const before = w.market.count("/token");
	return () => w.market.count("/token") - before;
};
const works = async (token: string) =>
	(await fetch(`${w.market.origin}/account`, { headers: { authorization: `Bearer ${token}` } })).status === 200;

test("R36 the token is asked for once, kept sealed, and used until five minutes before its end", async () => {
	const asked = counter();
	const token = await access();
	expect(await works(token)).toBe(true);
	expect((await row()).access_token).toMatch(/^v1\.k1\./);
	await age(6);
	expect(await access()).toBe(token);
	expect(asked()).toBe(1);
	await age(4);
	const next = await access();
	expect([next === token, await works(next), asked()]).toEqual([false, true, 2]);
});

test("R37 a token that was copied into another connection's row does not open there", async () => {
	await access();
	const other = await w.join(await w.shop());
	await w.deps.pool.query("UPDATE connection SET access_token = $2, access_expires_at = now() + interval '1 hour' WHERE id = $1", [
		other,
		(await row()).access_token,
	]);
	const { shop_id } = await w.one<{ shop_id: number }>("SELECT shop_id FROM connection WHERE id = $1", [other]);
	await expect(consentedAccess(w.deps, { shopId: shop_id, connectionId: other })).rejects.toThrow(/does not open/);
});

describe("one refresh at a time", () => {
	test("twenty callers here and forty in two other processes are one request, and all get the same token", async () => {
		const asked = counter();
		w.market.beforeAnswer = () => sleep(300);
		const key = Buffer.from(w.deps.keyRing[0]?.key ?? "").toString("base64");
		const args = [w.database.url, w.market.origin, key, String(shop.shopId), String(connectionId), "20"];
		const children = await Promise.all([1, 2].map(() => startChild("tests/pipeline/consented-process.ts", args)));
		await w.deps.pool.query("CREATE TABLE consented_go ()");
		const own = await Promise.all(Array.from({ length: 20 }, () => access()));
		const errors = await Promise.all(children.map((child) => child.stop()));
		expect(errors).toEqual(["", ""]);
		expect(asked()).toBe(1);
		expect(new Set(own).size).toBe(1);
		expect(await w.all("SELECT token, callers FROM consented_seen")).toEqual([
			{ token: own[0], callers: 20 },
			{ token: own[0], callers: 20 },
		]);
	});

	test("killed between the market's answer and our save: the lease ends by itself, and the old refresh token brings another", async () => {
		for (const rotation of ["never", "lenient"] as const) {
			w.market.rotation = rotation;
			const key = Buffer.from(w.deps.keyRing[0]?.key ?? "").toString("base64");
			await w.deps.pool.query("UPDATE connection SET access_token = NULL WHERE id = $1", [connectionId]);
			await w.deps.pool.query("CREATE TABLE IF NOT EXISTS consented_go ()");
			let answered: () => void = () => {};
			const answering = new Promise<void>((resolve) => {
				answered = resolve;
			});
			w.market.beforeAnswer = async (path) => {
				if (path !== "/token") return;
				answered();
				await sleep(2_000);
			};
			const child = await startChild("tests/pipeline/consented-process.ts", [
				w.database.url,
				w.market.origin,
				key,
				String(shop.shopId),
				String(connectionId),
				"1",
			]);
			await answering;
			await child.kill();
			w.market.beforeAnswer = undefined;
			expect(await row()).toMatchObject({ access_token: null, access_lease: expect.any(String) });
			await w.deps.pool.query("UPDATE connection SET access_lease_until = now() WHERE id = $1", [connectionId]);
			expect([rotation, await works(await access())]).toEqual([rotation, true]);
			expect((await row()).health).toBe("green");
		}
	});

	test("a token that still has minutes serves while another process refreshes; a spent one waits for the new", async () => {
		const token = await access();
		await age(4);
		const lease = (ms: number) =>
			w.deps.pool.query(
				"UPDATE connection SET access_lease = 'other', access_lease_until = now() + $2 * interval '1 millisecond' WHERE id = $1",
				[connectionId, ms],
			);
		await lease(60_000);
		expect(await access()).toBe(token);
		await age(0);
		await lease(300);
		const asked = counter();
		expect(await access()).not.toBe(token);
		expect(asked()).toBe(1);
	});
});

describe("rotated refresh tokens", () => {
	test("are saved in one step with the token, what is ours among the credentials stays, and each is used once", async () => {
		w.market.rotation = "strict";
		const before = await kept();
		const seen = new Set([before.refreshToken]);
		for (let n = 0; n < 5; n++) {
			await age(0);
			expect(await works(await access())).toBe(true);
			const now = await kept();
			expect({ ...now, refreshToken: "" }).toEqual({ ...before, refreshToken: "" });
			seen.add(now.refreshToken);
		}
		expect(seen.size).toBe(6);
		expect(before.webhookSecret).toMatch(/^[0-9a-f]{64}$/);
	});

	test("R08 are not lost when the database goes away between the answer and the save: it is saved when it is back", async () => {
		w.market.rotation = "strict";
		const proxy = await startTcpProxy(w.database.url);
		const pool = createPool({ url: proxy.through(w.database.url), max: 4, name: "behind the proxy" });
		try {
			await age(0);
			w.market.beforeAnswer = (path) => {
				if (path === "/token") proxy.cut();
			};
			const waiting = access(undefined, { ...w.deps, pool });
			await expect.poll(() => w.market.requests.at(-1)?.path).toBe("/token");
			await sleep(600);
			w.market.beforeAnswer = undefined;
			proxy.restore();
			const token = await waiting;
			expect(await works(token)).toBe(true);
			expect(await access()).toBe(token);
			await age(0);
			expect(await works(await access())).toBe(true);
		} finally {
			await pool.end();
			await proxy.close();
		}
	});

	test("are saved also by who lost its lease meanwhile: the others hold what is spent", async () => {
		w.market.rotation = "strict";
		await age(0);
		w.market.beforeAnswer = async (path) => {
			if (path !== "/token") return;
			w.market.beforeAnswer = undefined;
			await w.deps.pool.query(
				"UPDATE connection SET access_lease = 'other', access_lease_until = now() + interval '1 minute' WHERE id = $1",
				[connectionId],
			);
		};
		const token = await access();
		await w.deps.pool.query("UPDATE connection SET access_lease = NULL, access_lease_until = NULL WHERE id = $1", [connectionId]);
		expect(await access()).toBe(token);
		await age(0);
		expect(await works(await access())).toBe(true);
	});

	test("of a consent that was given anew meanwhile are dropped: the new consent counts", async () => {
		w.market.rotation = "strict";
		await age(0);
		w.market.beforeAnswer = async (path) => {
			if (path !== "/token") return;
			w.market.beforeAnswer = undefined;
			const nonce = await w.back(await w.market.agree(await w.begin(shop, { connectionId }), account));
			const { completeConsent } = await import("./guests/complete-consent.ts");
			expect(await completeConsent(w.deps, { shopId: shop.shopId, userId: "user-1", nonce })).toMatchObject({ outcome: "renewed" });
		};
		await access().catch((error: unknown) => expect(error).toMatchObject({ errorClass: "unavailable" }));
		const fresh = (await kept()).refreshToken;
		expect(await works(await access())).toBe(true);
		expect((await kept()).refreshToken).not.toBe(fresh);
	});

	test("R36 sealing anew with another key at that very moment loses neither", async () => {
		w.market.rotation = "strict";
		const next = { id: "k2", key: Buffer.alloc(32, 9) };
		const keyRing = [next, ...w.deps.keyRing];
		await access();
		await age(0);
		w.market.beforeAnswer = async (path) => {
			if (path !== "/token") return;
			w.market.beforeAnswer = undefined;
			expect((await resealCredentials({ ...w.deps, keyRing })).resealed).toBeGreaterThanOrEqual(2);
		};
		await access(undefined, { ...w.deps, keyRing });
		await age(0);
		expect(await works(await access(undefined, { ...w.deps, keyRing }))).toBe(true);
		await resealCredentials({ ...w.deps, keyRing: [...w.deps.keyRing, next] });
	});
});

describe("a token that the channel refuses", () => {
	test("is never given again, to nobody: it is gone before the new one is asked for", async () => {
		const token = await access();
		w.market.faults["/token"] = [503];
		await expect(access(token)).rejects.toMatchObject({ errorClass: "unavailable" });
		expect((await row()).access_token).toBeNull();
		// Nobody storms the market meanwhile.
		const asked = counter();
		await expect(access()).rejects.toMatchObject({ errorClass: "unavailable" });
		expect(asked()).toBe(0);
		await pauseIsOver();
		expect(await access()).not.toBe(token);
	});

	test("is not given again either when the channel itself gives it again", async () => {
		const token = await access();
		w.market.sticky = true;
		await expect(access(token)).rejects.toThrow("gives the token again that it has just refused");
		w.market.sticky = false;
		const next = await access();
		expect([next === token, await works(next)]).toEqual([false, true]);
	});

	test("costs one refresh, however many requests it was refused to", async () => {
		const token = await access();
		w.market.expire(account);
		const asked = counter();
		const renewed = await Promise.all(Array.from({ length: 10 }, () => access(token)));
		expect([new Set(renewed).size, asked(), await works(renewed[0] ?? "")]).toEqual([1, 1, true]);
	});

	test("R34 the client asks for another by itself, and the request is repeated once", async () => {
		await access();
		w.market.expire(account);
		const { client } = await openClient(w.deps, shop.shopId, connectionId);
		expect(await client.check()).toMatchObject({ health: "green", account });
	});
});

describe("R31 access that was taken back", () => {
	test("turns the connection red with a sentence for the merchant, asks once a minute, and heals when it works again", async () => {
		const refresh = (await kept()).refreshToken as string;
		w.market.revoke(account);
		const asked = counter();
		await expect(access()).rejects.toThrow(CredentialsRejectedError);
		const reason = "Neighbour no longer accepts Lockstep's access to this account. Renew the connection to agree again.";
		expect(await row()).toMatchObject({ health: "red", health_reason: reason, access_problem: reason, access_lease: null });
		await expect(access()).rejects.toThrow(reason);
		expect(asked()).toBe(1);
		// The market had lost it and has found it again.
		w.market.regrant(refresh, account);
		await pauseIsOver();
		expect(await works(await access())).toBe(true);
		expect(await row()).toMatchObject({ health: "green", health_reason: null, access_problem: null });
	});

	test("is said while the token still serves, before it hurts", async () => {
		const token = await access();
		await age(4);
		w.market.faults["/token"] = [];
		const before = w.market.app.clientSecret;
		w.market.app.clientSecret = "rotated by the operator";
		expect(await access()).toBe(token);
		expect(await row()).toMatchObject({ health: "degraded", health_reason: expect.stringContaining("Whoever runs Lockstep") });
		// No consent is lost by it: work waits as for a channel that is down.
		await age(0);
		await expect(access()).rejects.toMatchObject({ errorClass: "unavailable", code: "invalid_client" });
		await pauseIsOver();
		await expect(access()).rejects.toMatchObject({ errorClass: "unavailable", code: "invalid_client" });
		expect((await row()).health).toBe("red");
		w.market.app.clientSecret = before;
		await pauseIsOver();
		expect(await access()).not.toBe(token);
		expect(await row()).toMatchObject({ health: "green", health_reason: null });
	});

	test("after the time of a consent is over says so", async () => {
		await w.deps.pool.query("UPDATE connection SET consented_at = now() - interval '366 days' WHERE id = $1", [connectionId]);
		w.market.revoke(account);
		await expect(access()).rejects.toThrow("agree again every 365 days, and that time is over");
	});

	test("leaves another trouble's colour alone when it heals", async () => {
		await access();
		await w.deps.pool.query("UPDATE connection SET health = 'degraded', health_reason = 'slow', access_problem = 'refused' WHERE id = $1", [
			connectionId,
		]);
		await age(0);
		await access();
		expect(await row()).toMatchObject({ health: "degraded", health_reason: "slow", access_problem: null });
	});
});

test("a market that is down costs nothing while the token is good, and is asked again after a pause", async () => {
	const token = await access();
	await age(4);
	w.market.faults["/token"] = [503];
	expect(await access()).toBe(token);
	expect((await row()).health).toBe("green");
	await age(0);
	await pauseIsOver();
	w.market.faults["/token"] = [503];
	await expect(access()).rejects.toMatchObject({ errorClass: "unavailable" });
	await sleep(2_050);
	expect(await works(await access())).toBe(true);
});

test("a closed connection and a server without the channel's settings give no token, and ask for none", async () => {
	const asked = counter();
	await expect(access(undefined, { ...w.deps, env: { ...w.deps.env, appSettings: {} } })).rejects.toThrow("not set up on this server");
	await disconnect(w.deps, shop.shopId, connectionId, "user-1");
	await expect(access()).rejects.toThrow("is disconnected");
	expect(asked()).toBe(0);
});
