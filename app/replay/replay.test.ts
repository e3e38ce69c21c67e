import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { RequestRejectedError } from "#app/channels/errors.ts";
import { readFailed, readFailedRequest } from "#app/pages/failed/read-failed.ts";
import type { Deps } from "#connections";
import { recordDeadLetters } from "#dead-letters";
import { pushListings } from "#delivery";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { deliveryDeps, drain, homeShows, listingOf, openShop } from "../../tests/kit/delivery.ts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { parkMessage } from "../../tests/kit/failures.ts";
import { createNeighbourStore, type NeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { expectCoherentState, order, put, stockOf, type TestShop } from "../../tests/kit/shop.ts";
import { askForReplay, type Chosen, decideReplay, previewReplay, readReplay, runReplays } from "./index.ts";

let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
const wake = vi.fn(async () => {});
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	wake.mockClear();
	await open(3);
});

const open = async (items: number) => {
	shop = await openShop(database.pool, { items, opening: 10, guestState: "live" });
	store = createNeighbourStore(Object.fromEntries(shop.items.map((_, n) => [`listing-${n}`, 10])));
	await push();
};
const depsOf = (pool = database.pool) => ({ pool, wake, log: pino({ level: "silent" }) }) as unknown as Deps;
const push = () => pushListings(deliveryDeps(database.pool, new Map([[shop.guest, store]])), shop.shopId, shop.guest);
const list = (query = "", shopId = shop.shopId) => readFailed(database.pool, shopId, readFailedRequest(new URLSearchParams(query)));
const all = async (query = ""): Promise<Chosen> => ({
	filter: readFailedRequest(new URLSearchParams(query)),
	throughId: (await list(query)).matching.throughId,
});
let presses = 0;
const ask = (chosen: Chosen, { press = `press-${++presses}`, shopId = shop.shopId, pool = database.pool } = {}) =>
	askForReplay(depsOf(pool), shopId, chosen, { name: "Refused ones", reason: "Mended at the store", actor: "user-1", press });
const begun = async (chosen: Chosen) => {
	const asked = await ask(chosen);
	if (asked.outcome !== "asked") throw new Error("nothing to try again");
	return asked.runId;
};
const round = () => runReplays(depsOf(), shop.shopId);
const standing = async (runId: number) => readReplay(database.pool, shop.shopId, runId);
/** As workers do it: rounds, pushes and drains until nothing is left to do. */
const toItsEnd = async (runId: number) => {
	for (let n = 0; n < 200; n++) {
		await round();
		await push();
		await drain(database.pool, shop);
		if ((await standing(runId))?.doneAt) break;
	}
	const { total, succeeded, failed, nothing, leftAlone, state } = (await standing(runId)) ?? {};
	return { total, succeeded, failed, nothing, leftAlone, state };
};
/** The store refuses these figures, and each is set aside. */
const refuse = async (...items: number[]) => {
	for (const n of items) {
		store.refuses.set(`listing-${n}`, new RequestRejectedError("Not this one"));
		await homeShows(database.pool, shop, n, 4);
	}
	await push();
};
const park = (key: string, event: unknown) => parkMessage(database.pool, shop, key, event);
const events = async () =>
	(
		await database.pool.query("SELECT source, correlation_id FROM inbox_event WHERE shop_id = $1 AND source = 'replay' ORDER BY id", [
			shop.shopId,
		])
	).rows;
const entries = async () =>
	(
		await database.pool.query("SELECT actor, action, after FROM audit WHERE shop_id = $1 AND action LIKE 'replay.%' ORDER BY id", [
			shop.shopId,
		])
	).rows;
const writes = (id = "listing-0") => store.calls.filter(({ operation, ids }) => operation === "write" && ids.includes(id)).length;

describe("a run", () => {
	test("R22 R40 the chosen ones get today's figure, not the one that failed; its report comes when the channel has them; who and why stay", async () => {
		await refuse(0, 1);
		await homeShows(database.pool, shop, 0, 7);
		const id = (await list("q=SKU-0")).rows[0]?.id ?? 0;
		store.refuses.delete("listing-0");
		const runId = await begun({ ids: [id] });
		expect(wake).toHaveBeenCalledWith("replay.run", { shopId: shop.shopId });
		expect(await round()).toEqual({ outcome: "more" });
		expect(wake).toHaveBeenCalledWith("delivery.push", { shopId: shop.shopId, connectionId: shop.guest });
		expect(await standing(runId)).toMatchObject({ state: "running", waiting: 0, begun: 1, succeeded: 0 });
		expect(await listingOf(database.pool, shop, 1)).toMatchObject({ parked: true });
		expect(await toItsEnd(runId)).toEqual({ total: 1, succeeded: 1, failed: 0, nothing: 0, leftAlone: 0, state: "done" });
		expect([store.figures.get("listing-0"), store.figures.get("listing-1")]).toEqual([7, 10]);
		expect((await list()).rows.map(({ sku }) => sku)).toEqual(["SKU-1"]);
		expect(await entries()).toEqual([
			{ actor: "user-1", action: "replay.begun", after: { name: "Refused ones", reason: "Mended at the store", failures: 1 } },
			{ actor: "user-1", action: "replay.ended", after: { name: "Refused ones", succeeded: 1, failed: 0, nothing: 0, leftAlone: 0 } },
		]);
		expect(await round()).toEqual({ outcome: "done" });
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R22 what fails again is said, and is one failure, not two; what cannot be tried or was settled meanwhile is left alone", async () => {
		await refuse(0, 1, 2);
		await park("b", null);
		const chosen = await all();
		store.refuses.set("listing-0", new RequestRejectedError("Still not"));
		store.refuses.delete("listing-1");
		await database.pool.query("UPDATE listing SET paused = true WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.listings[2]]);
		const runId = await begun(chosen);
		expect(await toItsEnd(runId)).toEqual({ total: 4, succeeded: 1, failed: 1, nothing: 0, leftAlone: 2, state: "done" });
		expect((await standing(runId))?.ended.map(({ state, sku, error }) => [state, sku, error])).toEqual([
			["failed", "SKU-0", "Still not"],
			["left_alone", "SKU-2", "Not this one"],
			["left_alone", "", "It could not be counted"],
		]);
		expect((await list("kind=rejected")).rows.map(({ sku, error, attempts }) => [sku, error, attempts])).toEqual([
			["SKU-2", "Not this one", 1],
			["SKU-0", "Still not", 2],
		]);
	});

	test("R22 all that match are those that were there when they were counted; pressed twice, also at once, it is one run", async () => {
		await refuse(0);
		const chosen = await all("kind=rejected");
		await refuse(1);
		const pressed = await Promise.all([ask(chosen, { press: "same" }), ask(chosen, { press: "same" })]);
		expect(pressed[0]).toMatchObject({ outcome: "asked", failures: 1 });
		expect(pressed[1]).toEqual(pressed[0]);
		await round();
		expect([(await listingOf(database.pool, shop, 0)).parked, (await listingOf(database.pool, shop, 1)).parked]).toEqual([false, true]);
		expect(await entries()).toHaveLength(1);
	});

	test("R22 R23 messages count once, in however many runs and by however many workers they are tried again", async () => {
		await park("a", order("77", [{ item: 0, held: 2 }]));
		const chosen = await all("side=messages");
		const [one, other] = [await begun(chosen), await begun(chosen)];
		await Promise.all([round(), round(), round()]);
		expect(await events()).toEqual([{ source: "replay", correlation_id: "c-a" }]);
		const ends = [await toItsEnd(one), await toItsEnd(other)];
		expect(ends.map(({ succeeded, nothing }) => [succeeded, nothing])).toEqual([
			[1, 0],
			[0, 1],
		]);
		expect(await stockOf(database.pool, shop, 0)).toEqual({ available: 8, short: 0, owed: -2 });
		expect(await ask(chosen)).toEqual({ outcome: "nothing" });
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R23 a replay of an order that was counted meanwhile moves nothing", async () => {
		const sale = order("78", [{ item: 0, held: 2 }]);
		await park("a", sale);
		await put(database.pool, shop, [sale]);
		await drain(database.pool, shop);
		await toItsEnd(await begun(await all()));
		expect((await stockOf(database.pool, shop, 0)).available).toBe(8);
	});

	test("R22 R40 a difference that home refused is told it again at once; where nothing is owed any more the failure ends", async () => {
		await put(database.pool, shop, [order("79", [{ item: 0, held: 2 }])]);
		await drain(database.pool, shop);
		await database.pool.query("UPDATE stock SET next_attempt_at = now() + interval '1 hour' WHERE shop_id = $1 AND delta_owed <> 0", [
			shop.shopId,
		]);
		const refused = (item: number) => ({
			shopId: shop.shopId,
			direction: "out" as const,
			connectionId: shop.home,
			operation: "home.adjust",
			errorClass: "listing-not-found",
			error: "Not stocked at this location",
			payload: { itemId: shop.items[item], locationId: shop.locations[0], delta: -2 },
			sourceKey: `owed:${shop.items[item]}:${shop.locations[0]}`,
			correlationId: "c",
			deltaBatchId: 1,
		});
		await recordDeadLetters(database.pool, [refused(0), refused(1)]);
		const runId = await begun(await all());
		await round();
		expect(wake).toHaveBeenCalledWith("delivery.push", { shopId: shop.shopId, connectionId: shop.home });
		const { rows } = await database.pool.query(
			"SELECT bool_and(next_attempt_at <= now()) AS due FROM stock WHERE shop_id = $1 AND delta_owed <> 0",
			[shop.shopId],
		);
		expect(rows).toEqual([{ due: true }]);
		await round();
		expect(await standing(runId)).toMatchObject({ begun: 1, nothing: 1 });
		// Refused once more: that is the verdict.
		await recordDeadLetters(database.pool, [refused(0)]);
		await round();
		expect(await standing(runId)).toMatchObject({ state: "done", failed: 1, nothing: 1 });
		expect((await list()).rows).toHaveLength(1);
	});

	test("R37 another shop's numbers are nobody's here", async () => {
		await refuse(0);
		const ids = (await list()).rows.map(({ id }) => id);
		const other = await openShop(database.pool, { items: 1 });
		expect(await ask({ ids }, { shopId: other.shopId })).toEqual({ outcome: "nothing" });
		const runId = await begun({ ids });
		expect(await readReplay(database.pool, other.shopId, runId)).toBeNull();
		expect(await decideReplay(depsOf(), other.shopId, { runId, word: "cancel", actor: "x" })).toBe("over");
		expect(await runReplays(depsOf(), other.shopId)).toEqual({ outcome: "done" });
		expect(await standing(runId)).toMatchObject({ state: "running", waiting: 1 });
	});
});

describe("its pace", () => {
	test("R22 R19 beside a channel's own traffic it adds one at a time, and never more than fill a write or two", async () => {
		await open(60);
		await refuse(...shop.items.keys());
		store.refuses.clear();
		const runId = await begun(await all());
		// Live figures wait: those of the last 25 were set right by hand and are on their way.
		await database.pool.query(
			"UPDATE listing SET parked = false, attempts = 0, attempts_class = NULL, dirty_since = now() WHERE shop_id = $1 AND id = ANY($2)",
			[shop.shopId, shop.listings.slice(35)],
		);
		await round();
		expect(await standing(runId)).toMatchObject({ begun: 1 });
		await round();
		expect(await standing(runId)).toMatchObject({ begun: 1 });
		await push();
		await round();
		const { begun: onTheirWay = 0, waiting = 0 } = (await standing(runId)) ?? {};
		// Some of the next twenty were settled with the live ones.
		expect(onTheirWay).toBeGreaterThan(1);
		expect(onTheirWay).toBeLessThanOrEqual(20);
		expect(waiting).toBeGreaterThan(0);
		expect(await toItsEnd(runId)).toMatchObject({ total: 60, failed: 0, leftAlone: 0, state: "done" });
	});

	test("R22 paused, nothing more begins; resumed, it goes on; cancelled, what had begun comes to its end and the rest stays", async () => {
		await open(50);
		await refuse(...shop.items.keys());
		store.refuses.clear();
		const runId = await begun(await all());
		const say = (word: "pause" | "resume" | "cancel") => decideReplay(depsOf(), shop.shopId, { runId, word, actor: "user-2" });
		await round();
		expect(await say("pause")).toBe("decided");
		expect(await say("pause")).toBe("unchanged");
		await push();
		expect(await round()).toEqual({ outcome: "done" });
		expect(await standing(runId)).toMatchObject({ state: "paused", succeeded: 20, begun: 0, waiting: 30 });
		expect(await say("resume")).toBe("decided");
		await round();
		expect(await standing(runId)).toMatchObject({ state: "running", begun: 20, waiting: 10 });
		expect(await say("cancel")).toBe("decided");
		await round();
		expect(await standing(runId)).toMatchObject({ state: "cancelling", begun: 20, waiting: 0, leftAlone: 10 });
		expect(await toItsEnd(runId)).toEqual({ total: 50, succeeded: 40, failed: 0, nothing: 0, leftAlone: 10, state: "cancelled" });
		expect(await say("resume")).toBe("over");
		expect((await entries()).map(({ actor, action }) => `${actor} ${action}`)).toEqual([
			"user-1 replay.begun",
			"user-2 replay.paused",
			"user-2 replay.resumed",
			"user-2 replay.cancelled",
			"user-1 replay.ended",
		]);
		expect((await list()).problems).toMatchObject([{ count: 10 }]);
	});

	test("R22 a channel that cannot be reached is waited for; one that is disconnected leaves its failures as they are", async () => {
		await refuse(0);
		const runId = await begun(await all());
		await database.pool.query("UPDATE connection SET breaker_until = now() + interval '1 hour' WHERE id = $1", [shop.guest]);
		await round();
		expect(await standing(runId)).toMatchObject({ begun: 0, waiting: 1, state: "running" });
		await database.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [shop.guest]);
		await round();
		expect(await standing(runId)).toMatchObject({ leftAlone: 1, state: "done" });
	});
});

test("R22 10,000 failures of 100 products on two channels: at most one push of each on each, and replayed twice no further change", async () => {
	await open(100);
	const { rows: made } = await database.pool.query<{ id: number }>(
		`INSERT INTO connection (shop_id, channel, account, name, state, policy, cut_at, order_watermark, webhook_token)
		 SELECT shop_id, channel, 'second.example' || shop_id, 'Second', state, policy, cut_at, order_watermark, 'second' || shop_id FROM connection WHERE id = $1 RETURNING id`,
		[shop.guest],
	);
	const second = made[0]?.id ?? 0;
	await database.pool.query(
		`INSERT INTO listing (shop_id, connection_id, external_id, sku, item_id, link_state, desired, shown, read_at)
		 SELECT shop_id, $2, external_id, sku, item_id, 'linked', desired, shown, read_at FROM listing WHERE shop_id = $1 AND connection_id = $3`,
		[shop.shopId, second, shop.guest],
	);
	const stores = new Map(
		[shop.guest, second].map((id) => [id, createNeighbourStore(Object.fromEntries(shop.items.map((_, n) => [`listing-${n}`, 10])))]),
	);
	// Set aside at 4 of 10, with fifty failures each; home has moved on to 7 since.
	await database.pool.query(
		"UPDATE listing SET parked = true, attempts = 5, desired = 7, dirty_since = now() - interval '1 day' WHERE shop_id = $1",
		[shop.shopId],
	);
	await database.pool.query(
		`INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, source_key, correlation_id)
		 SELECT shop_id, 'out', connection_id, id, 'listing.write', CASE WHEN n % 2 = 0 THEN 'rejected' ELSE 'timeout' END, 'no', 'listing:' || id || ':' || n, 'c'
		 FROM listing, generate_series(1, 50) n WHERE shop_id = $1`,
		[shop.shopId],
	);
	const pushAll = async () => {
		for (const id of stores.keys()) await pushListings(deliveryDeps(database.pool, stores), shop.shopId, id);
	};
	const startedAt = performance.now();
	const chosen = await all();
	const runId = await begun(chosen);
	for (let n = 0; n < 60 && !(await standing(runId))?.doneAt; n++) {
		await round();
		await pushAll();
	}
	expect(await standing(runId)).toMatchObject({ total: 10_000, succeeded: 10_000, failed: 0, nothing: 0, leftAlone: 0, state: "done" });
	const written = () =>
		[...stores.values()].map(({ calls }) => calls.filter(({ operation }) => operation === "write").flatMap(({ ids }) => ids).length);
	expect(written()).toEqual([100, 100]);
	for (const { figures } of stores.values()) expect([...new Set(figures.values())]).toEqual([7]);
	expect(performance.now() - startedAt).toBeLessThan(30_000);
	// Once more, and once more as if they had failed again although the channels show the figure.
	expect(await ask(chosen)).toEqual({ outcome: "nothing" });
	await database.pool.query("UPDATE dead_letter SET state = 'open' WHERE shop_id = $1", [shop.shopId]);
	const again = await begun(await all());
	for (let n = 0; n < 60 && !(await standing(again))?.doneAt; n++) {
		await round();
		await pushAll();
	}
	expect(await standing(again)).toMatchObject({ total: 10_000, failed: 0, leftAlone: 0, state: "done" });
	expect(written()).toEqual([100, 100]);
}, 120_000);

test("R22 R08 killed before or after any statement of asking or of a round, the next one brings it to the same end, once", async () => {
	const run = async (at: number, moment: "before" | "after") => {
		await open(2);
		await refuse(0);
		store.refuses.clear();
		await park("k", order("k", [{ item: 1, held: 1 }]));
		const chosen = await all();
		const before = writes();
		const press = `kill-${at}-${moment}`;
		const dying = dyingPool(database.pool, { at, moment });
		const life = async () => {
			await ask(chosen, { press, pool: dying.pool });
			await runReplays(depsOf(dying.pool), shop.shopId);
			await push();
			await drain(database.pool, shop);
			await runReplays(depsOf(dying.pool), shop.shopId);
		};
		await life().catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
		});
		const asked = await ask(chosen, { press });
		if (asked.outcome !== "asked") throw new Error(`nothing after a kill at ${at} ${moment}`);
		expect([at, moment, await toItsEnd(asked.runId)]).toEqual([
			at,
			moment,
			{ total: 2, succeeded: 2, failed: 0, nothing: 0, leftAlone: 0, state: "done" },
		]);
		expect([at, moment, writes() - before, (await events()).length]).toEqual([at, moment, 1, 1]);
		expect((await entries()).map(({ action }) => action)).toEqual(["replay.begun", "replay.ended"]);
		expect((await stockOf(database.pool, shop, 1)).available).toBe(9);
		return dying.statements();
	};
	const statements = await run(Number.POSITIVE_INFINITY, "before");
	expect(statements).toBeGreaterThan(40);
	for (const { at, moment } of placesToDie(statements)) await run(at, moment);
}, 240_000);

describe("looking ahead", () => {
	const openStore = async () => ({ channel: store.channel, client: store.connect({ beforeCall: async () => {}, onCall: () => {} }) });
	const preview = async (opener: unknown = openStore) => previewReplay(depsOf(), shop.shopId, await all(), opener as never);

	test("R22 it says what would be sent, what the channel itself shows, and how much of it there is; nothing is changed", async () => {
		await refuse(0, 1);
		await park("a", order("77", [{ item: 0, held: 2 }]));
		await park("b", null);
		await homeShows(database.pool, shop, 0, 7);
		store.figures.set("listing-0", 3);
		const before = writes();
		const { sample, ...counts } = await preview();
		expect(counts).toEqual({
			failures: 4,
			more: false,
			updates: 2,
			messages: 1,
			cannot: 1,
			channels: [{ connectionId: shop.guest, updates: 2 }],
		});
		expect(sample.map(({ sku, now, wouldSend, shows }) => [sku, now, wouldSend, shows])).toEqual([
			["", null, null, { unread: "not-asked" }],
			["", null, null, { unread: "not-asked" }],
			["SKU-1", 4, 4, { read: 10 }],
			["SKU-0", 7, 7, { read: 3 }],
		]);
		expect(writes()).toBe(before);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ parked: true });
	});

	test("R22 a channel that does not answer keeps nobody waiting, and one in trouble is not asked", async () => {
		await refuse(0);
		const shows = async (opener: unknown) => (await preview(opener)).sample.map((one) => one.shows);
		expect(
			await shows(async () => {
				throw new RequestRejectedError("no");
			}),
		).toEqual([{ unread: "no-answer" }]);
		const startedAt = performance.now();
		expect(await shows(() => new Promise(() => {}))).toEqual([{ unread: "no-answer" }]);
		expect(performance.now() - startedAt).toBeLessThan(8_000);
		await database.pool.query("UPDATE connection SET breaker_until = now() + interval '1 hour' WHERE id = $1", [shop.guest]);
		expect(await shows(openStore)).toEqual([{ unread: "not-asked" }]);
	});
});
