import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { noticeOutOfStep } from "#flow";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { openShop } from "../../tests/kit/delivery.ts";
import type { TestShop } from "../../tests/kit/shop.ts";
import { forgetOldEvents } from "./send-events.ts";

let database: TestDatabase;
let shop: TestShop;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	shop = await openShop(database.pool, { items: 6, guestState: "live" });
	await run("INSERT INTO flow_use (shop_id, definition, handle, in_use, stamp) VALUES ($1, 'x', 'channel-out-of-step', true, now())");
	// In step: every listing shows what it should, since a moment ago.
	await run("UPDATE listing SET shown = desired, dirty_since = NULL, recheck = false WHERE shop_id = $1");
});

const run = async (sql: string, values: unknown[] = [shop.shopId]) => (await database.pool.query(sql, values)).rows;
const look = () => noticeOutOfStep(database.pool);
const told = () => run("SELECT subject_id, detail FROM flow_event WHERE shop_id = $1 ORDER BY id");
const setGuest = (change: string) => run(`UPDATE connection SET ${change} WHERE shop_id = $1 AND id = $2`, [shop.shopId, shop.guest]);
const setTold = (interval: string) =>
	run("UPDATE flow_spell SET told_at = told_at - $2::interval WHERE shop_id = $1", [shop.shopId, interval]);

test("a channel that cannot be reached is told of once while that lasts, and again when it happens again an hour later", async () => {
	await look();
	expect(await told()).toEqual([]);
	await setGuest("health = 'red', health_reason = 'The keys were revoked'");
	await look();
	await look();
	expect(await told()).toEqual([{ subject_id: shop.guest, detail: { reason: "The keys were revoked", behind: 0 } }]);
	await setGuest("health = 'green', health_reason = NULL");
	await look();
	await setGuest("health = 'red'");
	await look();
	// It comes and goes.
	expect(await told()).toHaveLength(1);
	await setTold("61 minutes");
	await look();
	expect(await told()).toHaveLength(2);
	// Days on end are one spell.
	await setTold("3 days");
	await look();
	expect(await told()).toHaveLength(2);
});

test("updates that wait for ten minutes are late; set aside, paused, or accepted by the channel they are not", async () => {
	const wait = (more: string) =>
		run(`UPDATE listing SET dirty_since = now() - interval '11 minutes', ${more} WHERE shop_id = $1 AND id = $2`, [
			shop.shopId,
			shop.listings[0],
		]);
	for (const excuse of ["parked = true", "parked = false, paused = true", "paused = false, accepted_at = now()"]) {
		await wait(excuse);
		await look();
		expect(await told()).toEqual([]);
	}
	await wait("accepted_at = NULL");
	await run("UPDATE listing SET dirty_since = now() WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.listings[1]]);
	await look();
	expect(await told()).toEqual([
		{ subject_id: shop.guest, detail: { reason: "2 updates have been waiting for more than 10 minutes.", behind: 2 } },
	]);
});

test("five listings that something else changed within an hour are told of, four are not", async () => {
	const differ = (count: number) =>
		run(
			`INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause)
			 SELECT $1, $2, unnest($3::bigint[]), 3, 9, 'raised-elsewhere'`,
			[shop.shopId, shop.guest, shop.listings.slice(0, count)],
		);
	await differ(4);
	await differ(4);
	await look();
	expect(await told()).toEqual([]);
	await differ(5);
	await look();
	expect(await told()).toMatchObject([{ detail: { reason: "5 listings were changed by something else within the last hour." } }]);
});

test("only live channels, only where a workflow waits for it, and never twice though two workers look at once", async () => {
	await setGuest("health = 'red', health_reason = 'no'");
	for (const state of ["watching", "paused", "connecting"]) {
		await setGuest(`state = '${state}'`);
		await look();
		expect(await told()).toEqual([]);
	}
	await setGuest("state = 'live'");
	await run("UPDATE flow_use SET in_use = false WHERE shop_id = $1");
	await look();
	expect(await told()).toEqual([]);
	await run("UPDATE flow_use SET in_use = true WHERE shop_id = $1");
	await Promise.all(Array.from({ length: 8 }, look));
	expect(await told()).toHaveLength(1);
});

test("what was told is forgotten after thirty days, what waits is not", async () => {
	await run(
		`INSERT INTO flow_event (shop_id, handle, subject_id, source_key, occurred_at, state, done_at)
		 SELECT $1, 'oversell-detected', 1, 'k' || n, now(), CASE WHEN n = 3 THEN 'waiting' ELSE 'sent' END, now() - n * interval '20 days' FROM generate_series(1, 3) n`,
	);
	await forgetOldEvents(database.pool);
	expect(await run("SELECT source_key FROM flow_event WHERE shop_id = $1 ORDER BY 1")).toEqual([
		{ source_key: "k1" },
		{ source_key: "k3" },
	]);
});
