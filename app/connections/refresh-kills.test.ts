import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { type MarketWorld, openMarketWorld } from "../../tests/kit/market-world.ts";
import type { TestShop } from "../../tests/kit/shop.ts";
import { CredentialsRejectedError } from "../channels/errors.ts";
import type { Pool } from "../db.server.ts";
import { consentedAccess } from "./consented-token.ts";

let w: MarketWorld;
let shop: TestShop;
let connectionId: number;
beforeAll(async () => {
	w = await openMarketWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	Object.assign(w.market, { rotation: "never", sticky: false, tokenSeconds: 3_600, beforeAnswer: undefined, faults: {} });
	shop = await w.shop();
	connectionId = await w.join(shop, w.account());
});

const access = (pool: Pool = w.deps.pool) => consentedAccess({ ...w.deps, pool }, { shopId: shop.shopId, connectionId });
/** The token has run out, and nobody holds the right to ask for another any more: the dead one's has ended. */
const runOut = () =>
	w.deps.pool.query(
		"UPDATE connection SET access_expires_at = now() - interval '1 minute', access_lease_until = least(access_lease_until, now()) WHERE id = $1",
		[connectionId],
	);
const leaseEnds = () =>
	w.deps.pool.query("UPDATE connection SET access_lease_until = least(access_lease_until, now()) WHERE id = $1", [connectionId]);
const health = async () => (await w.one<{ health: string }>("SELECT health FROM connection WHERE id = $1", [connectionId])).health;
const works = async (token: string) =>
	(await fetch(`${w.market.origin}/account`, { headers: { authorization: `Bearer ${token}` } })).status === 200;

/** Statements of a refresh that nobody kills. */
async function cleanRun(): Promise<number> {
	await runOut();
	const counted = dyingPool(w.deps.pool, { at: 0, moment: "before" });
	await access(counted.pool);
	return counted.statements();
}

async function killedAt(place: { at: number; moment: "before" | "after" }): Promise<void> {
	await runOut();
	await access(dyingPool(w.deps.pool, place).pool).then(
		() => {},
		(error: unknown) => expect(error).toBeInstanceOf(Killed),
	);
	await leaseEnds();
}

describe("R08 R31 a process is killed before or after any statement of a refresh", () => {
	for (const rotation of ["never", "lenient"] as const) {
		test(`a market that rotates ${rotation === "never" ? "never" : "and takes the old one until the new one was used"}: the next caller has a token that works`, async () => {
			w.market.rotation = rotation;
			const places = placesToDie(await cleanRun());
			expect(places.length).toBeGreaterThanOrEqual(8);
			for (const place of places) {
				await killedAt(place);
				expect([place, await works(await access())]).toEqual([place, true]);
				expect(await health()).toBe("green");
			}
		});
	}

	test("a market that spends the old one at once: only between its answer and our save is the owner asked; never is a token that works lost", async () => {
		w.market.rotation = "strict";
		const places = placesToDie(await cleanRun());
		const asked: string[] = [];
		for (const { at, moment } of places) {
			shop = await w.shop();
			connectionId = await w.join(shop, w.account());
			const before = w.market.count("/token");
			await killedAt({ at, moment });
			const spent = w.market.count("/token") - before;
			const next = await access().then(works, (error: unknown) => error);
			if (next === true) continue;
			expect(next).toBeInstanceOf(CredentialsRejectedError);
			expect([spent, await health()]).toEqual([1, "red"]);
			asked.push(`${at} ${moment}`);
		}
		// One statement saves what the market gave; dead before it, nobody knows the new one.
		expect(asked).toHaveLength(1);
		expect(asked[0]).toMatch(/ before$/);
	});
});
