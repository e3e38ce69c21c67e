import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { RequestRejectedError } from "#app/channels/errors.ts";
import { recordDeadLetters } from "#dead-letters";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { drain, homeShows, listingOf, openShop } from "../../tests/kit/delivery.ts";
import { openReplayDesk, type ReplayDesk } from "../../tests/kit/replay-desk.ts";
import { expectCoherentState, order, put, stockOf } from "../../tests/kit/shop.ts";
import { decideReplay, previewReplay, readReplay, runReplays } from "./index.ts";

let database: TestDatabase;
let desk: ReplayDesk;
const wake = vi.fn(async () => {});
const open = async (items: number) => {
	desk = await openReplayDesk(database, wake, items);
};
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	wake.mockClear();
	await open(3);
});

describe("a run", () => {
	test("R22 R40 the chosen ones get today's figure, not the one that failed; its report comes when the channel has them; who and why stay", async () => {
		await desk.refuse(0, 1);
		await homeShows(database.pool, desk.shop, 0, 7);
		const id = (await desk.list("q=SKU-0")).rows[0]?.id ?? 0;
		desk.store.refuses.delete("listing-0");
		const runId = await desk.begun({ ids: [id] });
		expect(wake).toHaveBeenCalledWith("replay.run", { shopId: desk.shop.shopId });
		expect(await desk.round()).toEqual({ outcome: "more" });
		expect(wake).toHaveBeenCalledWith("delivery.push", { shopId: desk.shop.shopId, connectionId: desk.shop.guest });
		expect(await desk.standing(runId)).toMatchObject({ state: "running", waiting: 0, begun: 1, succeeded: 0 });
		expect(await listingOf(database.pool, desk.shop, 1)).toMatchObject({ parked: true });
		expect(await desk.toItsEnd(runId)).toEqual({ total: 1, succeeded: 1, failed: 0, nothing: 0, leftAlone: 0, state: "done" });
		expect([desk.store.figures.get("listing-0"), desk.store.figures.get("listing-1")]).toEqual([7, 10]);
		expect((await desk.list()).rows.map(({ sku }) => sku)).toEqual(["SKU-1"]);
		expect(await desk.entries()).toEqual([
			{ actor: "user-1", action: "replay.begun", after: { name: "Refused ones", reason: "Mended at the store", failures: 1 } },
			{ actor: "user-1", action: "replay.ended", after: { name: "Refused ones", succeeded: 1, failed: 0, nothing: 0, leftAlone: 0 } },
		]);
		expect(await desk.round()).toEqual({ outcome: "done" });
		await expectCoherentState(database.pool, desk.shop.shopId);
	});

	test("R22 what fails again is said, and is one failure, not two; what cannot be tried or was settled meanwhile is left alone", async () => {
		await desk.refuse(0, 1, 2);
		await desk.park("b", null);
		const chosen = await desk.all();
		desk.store.refuses.set("listing-0", new RequestRejectedError("Still not"));
		desk.store.refuses.delete("listing-1");
		await database.pool.query("UPDATE listing SET paused = true WHERE shop_id = $1 AND id = $2", [desk.shop.shopId, desk.shop.listings[2]]);
		const runId = await desk.begun(chosen);
		expect(await desk.toItsEnd(runId)).toEqual({ total: 4, succeeded: 1, failed: 1, nothing: 0, leftAlone: 2, state: "done" });
		expect((await desk.standing(runId))?.ended.map(({ state, sku, error }) => [state, sku, error])).toEqual([
			["failed", "SKU-0", "Still not"],
			["left_alone", "SKU-2", "Not this one"],
			["left_alone", "", "It could not be counted"],
		]);
		expect((await desk.list("kind=rejected")).rows.map(({ sku, error, attempts }) => [sku, error, attempts])).toEqual([
			["SKU-2", "Not this one", 1],
			["SKU-0", "Still not", 2],
		]);
	});

	test("R22 all that match are those that were there when they were counted; pressed twice, also at once, it is one run", async () => {
		await desk.refuse(0);
		const chosen = await desk.all("kind=rejected");
		await desk.refuse(1);
		const pressed = await Promise.all([desk.ask(chosen, { press: "same" }), desk.ask(chosen, { press: "same" })]);
		expect(pressed[0]).toMatchObject({ outcome: "asked", failures: 1 });
		expect(pressed[1]).toEqual(pressed[0]);
		await desk.round();
		expect([(await listingOf(database.pool, desk.shop, 0)).parked, (await listingOf(database.pool, desk.shop, 1)).parked]).toEqual([
			false,
			true,
		]);
		expect(await desk.entries()).toHaveLength(1);
	});

	test("R22 R23 messages count once, in however many runs and by however many workers they are tried again", async () => {
		await desk.park("a", order("77", [{ item: 0, held: 2 }]));
		const chosen = await desk.all("side=messages");
		const [one, other] = [await desk.begun(chosen), await desk.begun(chosen)];
		await Promise.all([desk.round(), desk.round(), desk.round()]);
		expect(await desk.events()).toEqual([{ source: "replay", correlation_id: "c-a" }]);
		const ends = [await desk.toItsEnd(one), await desk.toItsEnd(other)];
		expect(ends.map(({ succeeded, nothing }) => [succeeded, nothing])).toEqual([
			[1, 0],
			[0, 1],
		]);
		expect(await stockOf(database.pool, desk.shop, 0)).toEqual({ available: 8, short: 0, owed: -2 });
		expect(await desk.ask(chosen)).toEqual({ outcome: "nothing" });
		await expectCoherentState(database.pool, desk.shop.shopId);
	});

	test("R23 a replay of an order that was counted meanwhile moves nothing", async () => {
		const sale = order("78", [{ item: 0, held: 2 }]);
		await desk.park("a", sale);
		await put(database.pool, desk.shop, [sale]);
		await drain(database.pool, desk.shop);
		await desk.toItsEnd(await desk.begun(await desk.all()));
		expect((await stockOf(database.pool, desk.shop, 0)).available).toBe(8);
	});

	test("R22 R40 a difference that home refused is told it again at once; where nothing is owed any more the failure ends", async () => {
		await put(database.pool, desk.shop, [order("79", [{ item: 0, held: 2 }])]);
		await drain(database.pool, desk.shop);
		await database.pool.query("UPDATE stock SET next_attempt_at = now() + interval '1 hour' WHERE shop_id = $1 AND delta_owed <> 0", [
			desk.shop.shopId,
		]);
		const refused = (item: number) => ({
			shopId: desk.shop.shopId,
			direction: "out" as const,
			connectionId: desk.shop.home,
			operation: "home.adjust",
			errorClass: "listing-not-found",
			error: "Not stocked at this location",
			payload: { itemId: desk.shop.items[item], locationId: desk.shop.locations[0], delta: -2 },
			sourceKey: `owed:${desk.shop.items[item]}:${desk.shop.locations[0]}`,
			correlationId: "c",
			deltaBatchId: 1,
		});
		await recordDeadLetters(database.pool, [refused(0), refused(1)]);
		const runId = await desk.begun(await desk.all());
		await desk.round();
		expect(wake).toHaveBeenCalledWith("delivery.push", { shopId: desk.shop.shopId, connectionId: desk.shop.home });
		const { rows } = await database.pool.query(
			"SELECT bool_and(next_attempt_at <= now()) AS due FROM stock WHERE shop_id = $1 AND delta_owed <> 0",
			[desk.shop.shopId],
		);
		expect(rows).toEqual([{ due: true }]);
		await desk.round();
		expect(await desk.standing(runId)).toMatchObject({ begun: 1, nothing: 1 });
		// Refused once more: that is the verdict.
		await recordDeadLetters(database.pool, [refused(0)]);
		await desk.round();
		expect(await desk.standing(runId)).toMatchObject({ state: "done", failed: 1, nothing: 1 });
		expect((await desk.list()).rows).toHaveLength(1);
	});

	test("R37 another shop's numbers are nobody's here", async () => {
		await desk.refuse(0);
		const ids = (await desk.list()).rows.map(({ id }) => id);
		const other = await openShop(database.pool, { items: 1 });
		expect(await desk.ask({ ids }, { shopId: other.shopId })).toEqual({ outcome: "nothing" });
		const runId = await desk.begun({ ids });
		expect(await readReplay(database.pool, other.shopId, runId)).toBeNull();
		expect(await decideReplay(desk.depsOf(), other.shopId, { runId, word: "cancel", actor: "x" })).toBe("over");
		expect(await runReplays(desk.depsOf(), other.shopId)).toEqual({ outcome: "done" });
		expect(await desk.standing(runId)).toMatchObject({ state: "running", waiting: 1 });
	});
});

describe("its pace", () => {
	test("R22 R19 beside a channel's own traffic it adds one at a time, and never more than fill a write or two", async () => {
		await open(60);
		await desk.refuse(...desk.shop.items.keys());
		desk.store.refuses.clear();
		const runId = await desk.begun(await desk.all());
		// Live figures wait: those of the last 25 were set right by hand and are on their way.
		await database.pool.query(
			"UPDATE listing SET parked = false, attempts = 0, attempts_class = NULL, dirty_since = now() WHERE shop_id = $1 AND id = ANY($2)",
			[desk.shop.shopId, desk.shop.listings.slice(35)],
		);
		await desk.round();
		expect(await desk.standing(runId)).toMatchObject({ begun: 1 });
		await desk.round();
		expect(await desk.standing(runId)).toMatchObject({ begun: 1 });
		await desk.push();
		await desk.round();
		const { begun: onTheirWay = 0, waiting = 0 } = (await desk.standing(runId)) ?? {};
		// Some of the next twenty were settled with the live ones.
		expect(onTheirWay).toBeGreaterThan(1);
		expect(onTheirWay).toBeLessThanOrEqual(20);
		expect(waiting).toBeGreaterThan(0);
		expect(await desk.toItsEnd(runId)).toMatchObject({ total: 60, failed: 0, leftAlone: 0, state: "done" });
	});

	test("R22 paused, nothing more begins; resumed, it goes on; cancelled, what had begun comes to its end and the rest stays", async () => {
		await open(50);
		await desk.refuse(...desk.shop.items.keys());
		desk.store.refuses.clear();
		const runId = await desk.begun(await desk.all());
		const say = (word: "pause" | "resume" | "cancel") => decideReplay(desk.depsOf(), desk.shop.shopId, { runId, word, actor: "user-2" });
		await desk.round();
		expect(await say("pause")).toBe("decided");
		expect(await say("pause")).toBe("unchanged");
		await desk.push();
		expect(await desk.round()).toEqual({ outcome: "done" });
		expect(await desk.standing(runId)).toMatchObject({ state: "paused", succeeded: 20, begun: 0, waiting: 30 });
		expect(await say("resume")).toBe("decided");
		await desk.round();
		expect(await desk.standing(runId)).toMatchObject({ state: "running", begun: 20, waiting: 10 });
		expect(await say("cancel")).toBe("decided");
		await desk.round();
		expect(await desk.standing(runId)).toMatchObject({ state: "cancelling", begun: 20, waiting: 0, leftAlone: 10 });
		expect(await desk.toItsEnd(runId)).toEqual({ total: 50, succeeded: 40, failed: 0, nothing: 0, leftAlone: 10, state: "cancelled" });
		expect(await say("resume")).toBe("over");
		expect((await desk.entries()).map(({ actor, action }) => `${actor} ${action}`)).toEqual([
			"user-1 replay.begun",
			"user-2 replay.paused",
			"user-2 replay.resumed",
			"user-2 replay.cancelled",
			"user-1 replay.ended",
		]);
		expect((await desk.list()).problems).toMatchObject([{ count: 10 }]);
	});

	test("R22 a channel that cannot be reached is waited for; one that is disconnected leaves its failures as they are", async () => {
		await desk.refuse(0);
		const runId = await desk.begun(await desk.all());
		await database.pool.query("UPDATE connection SET breaker_until = now() + interval '1 hour' WHERE id = $1", [desk.shop.guest]);
		await desk.round();
		expect(await desk.standing(runId)).toMatchObject({ begun: 0, waiting: 1, state: "running" });
		await database.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [desk.shop.guest]);
		await desk.round();
		expect(await desk.standing(runId)).toMatchObject({ leftAlone: 1, state: "done" });
	});
});

describe("looking ahead", () => {
	const openStore = async () => ({
		channel: desk.store.channel,
		client: desk.store.connect({ beforeCall: async () => {}, onCall: () => {} }),
	});
	const preview = async (opener: unknown = openStore) => previewReplay(desk.depsOf(), desk.shop.shopId, await desk.all(), opener as never);

	test("R22 it says what would be sent, what the channel itself shows, and how much of it there is; nothing is changed", async () => {
		await desk.refuse(0, 1);
		await desk.park("a", order("77", [{ item: 0, held: 2 }]));
		await desk.park("b", null);
		await homeShows(database.pool, desk.shop, 0, 7);
		desk.store.figures.set("listing-0", 3);
		const before = desk.writes();
		const { sample, ...counts } = await preview();
		expect(counts).toEqual({
			failures: 4,
			more: false,
			updates: 2,
			messages: 1,
			cannot: 1,
			channels: [{ connectionId: desk.shop.guest, updates: 2 }],
		});
		expect(sample.map(({ sku, now, wouldSend, shows }) => [sku, now, wouldSend, shows])).toEqual([
			["", null, null, { unread: "not-asked" }],
			["", null, null, { unread: "not-asked" }],
			["SKU-1", 4, 4, { read: 10 }],
			["SKU-0", 7, 7, { read: 3 }],
		]);
		expect(desk.writes()).toBe(before);
		expect(await listingOf(database.pool, desk.shop, 0)).toMatchObject({ parked: true });
	});

	test("R22 a channel that does not answer keeps nobody waiting, and one in trouble is not asked", async () => {
		await desk.refuse(0);
		const shows = async (opener: unknown) => (await preview(opener)).sample.map((one) => one.shows);
		expect(
			await shows(async () => {
				throw new RequestRejectedError("no");
			}),
		).toEqual([{ unread: "no-answer" }]);
		const startedAt = performance.now();
		expect(await shows(() => new Promise(() => {}))).toEqual([{ unread: "no-answer" }]);
		expect(performance.now() - startedAt).toBeLessThan(8_000);
		await database.pool.query("UPDATE connection SET breaker_until = now() + interval '1 hour' WHERE id = $1", [desk.shop.guest]);
		expect(await shows(openStore)).toEqual([{ unread: "not-asked" }]);
	});
});
