import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { RequestRejectedError } from "#app/channels/errors.ts";
import type { Deps } from "#connections";
import { recordDeadLetters } from "#dead-letters";
import { pushListings, resolveMended } from "#delivery";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { deliveryDeps, drain, homeShows, listingOf, openShop } from "../../../tests/kit/delivery.ts";
import { dyingPool, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { createNeighbourStore, type NeighbourStore } from "../../../tests/kit/neighbour-store.ts";
import { expectCoherentState, order, put, stockOf, type TestShop } from "../../../tests/kit/shop.ts";
import { decideProblem } from "./decide-problem.ts";
import { readFailed, readFailedRequest } from "./read-failed.ts";
import { readFailure } from "./read-failure.ts";
import { type Chosen, discard, tryAgain } from "./try-again.ts";

let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
const wake = vi.fn(async () => {});
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	shop = await openShop(database.pool, { items: 3, opening: 10, guestState: "live" });
	store = createNeighbourStore({ "listing-0": 10, "listing-1": 10, "listing-2": 10 });
	await push();
});

const depsOf = (pool = database.pool) => ({ pool, wake, log: pino({ level: "silent" }) }) as unknown as Deps;
const push = () => pushListings(deliveryDeps(database.pool, new Map([[shop.guest, store]])), shop.shopId, shop.guest);
const list = (query = "", shopId = shop.shopId) => readFailed(database.pool, shopId, readFailedRequest(new URLSearchParams(query)));
const again = (chosen: Chosen, shopId = shop.shopId) => tryAgain(depsOf(), shopId, chosen, "user-1");
const all = async (query = ""): Promise<Chosen> => ({
	filter: readFailedRequest(new URLSearchParams(query)),
	throughId: (await list(query)).matching.throughId,
});
/** The store refuses these figures, and each is set aside. */
const refuse = async (...items: number[]) => {
	for (const n of items) {
		store.refuses.set(`listing-${n}`, new RequestRejectedError("Not this one"));
		await homeShows(database.pool, shop, n, 4);
	}
	await push();
};
/** An order that cannot be counted: it was set aside as it came, understood or not. */
const parkMessage = async (key: string, event: unknown) => {
	const { rows } = await database.pool.query<{ id: number }>(
		`INSERT INTO inbox_event (shop_id, connection_id, topic, source, correlation_id, event, payload, status, outcome)
		 VALUES ($1, $2, 'orders/create', 'webhook', $3, $4, '{"id": 7}', 'parked', 'cannot-apply') RETURNING id`,
		[shop.shopId, shop.guest, `c-${key}`, event === null ? null : JSON.stringify(event)],
	);
	const eventId = rows[0]?.id ?? 0;
	await recordDeadLetters(database.pool, [
		{
			shopId: shop.shopId,
			direction: "in",
			connectionId: shop.guest,
			eventId,
			operation: "orders/create",
			errorClass: event === null ? "unexpected-shape" : "cannot-apply",
			error: "It could not be counted",
			sourceKey: `event:${eventId}`,
			correlationId: `c-${key}`,
		},
	]);
	return eventId;
};
const events = async () =>
	(
		await database.pool.query("SELECT source, correlation_id FROM inbox_event WHERE shop_id = $1 AND source = 'replay' ORDER BY id", [
			shop.shopId,
		])
	).rows;

describe("the list", () => {
	test("R21 it says what failed where and why, newest first, and what a filter leaves of it", async () => {
		await refuse(0, 1);
		await parkMessage("a", null);
		const { rows, problems, matching } = await list();
		expect(rows.map(({ side, subject, sku, errorClass, canTryAgain }) => ({ side, subject, sku, errorClass, canTryAgain }))).toEqual([
			{ side: "messages", subject: "Message “orders/create”", sku: "", errorClass: "unexpected-shape", canTryAgain: false },
			{ side: "updates", subject: "SKU-1", sku: "SKU-1", errorClass: "rejected", canTryAgain: true },
			{ side: "updates", subject: "SKU-0", sku: "SKU-0", errorClass: "rejected", canTryAgain: true },
		]);
		expect(problems.map(({ side, errorClass, count }) => [side, errorClass, count])).toEqual([
			["updates", "rejected", 2],
			["messages", "unexpected-shape", 1],
		]);
		expect(matching).toEqual({ count: 3, more: false, throughId: rows[0]?.id });
		const ids = async (query: string) => (await list(query)).rows.map(({ id }) => id);
		expect(await ids("side=updates")).toEqual([rows[1]?.id, rows[2]?.id]);
		expect(await ids("kind=unexpected-shape")).toEqual([rows[0]?.id]);
		expect(await ids("q=sku-0")).toEqual([rows[2]?.id]);
		expect(await ids(`channel=${shop.home}`)).toEqual([]);
		expect(await ids("side=nonsense&channel=-1&after=nonsense")).toEqual(rows.map(({ id }) => id));
	});

	test("R21 ten thousand are counted up to a bound and read page by page, there and back", async () => {
		await database.pool.query(
			`INSERT INTO dead_letter (shop_id, direction, connection_id, operation, error_class, error, source_key, correlation_id)
			 SELECT $1, 'out', $2, 'listing.write', 'rejected', 'no ' || n, 'k' || n, 'c' FROM generate_series(1, 10050) n`,
			[shop.shopId, shop.guest],
		);
		const first = await list();
		expect(first.matching).toMatchObject({ count: 10_000, more: true });
		const second = await list(`after=${encodeURIComponent(first.pages.after ?? "")}`);
		expect(second.rows[0]?.error).toBe("no 10000");
		const back = await list(`before=${encodeURIComponent(second.pages.before ?? "")}`);
		expect(back.rows.map(({ id }) => id)).toEqual(first.rows.map(({ id }) => id));
	});

	test("R21 one of them: what it shows, what it should, and each try; R37 in another shop there is no such thing", async () => {
		await refuse(0);
		const [row] = (await list()).rows;
		const failure = await readFailure(database.pool, shop.shopId, row?.id ?? 0);
		expect(failure).toMatchObject({ state: "open", figures: { now: 4, shows: 10 }, decided: null, error: "Not this one" });
		expect(failure?.tries[0]).toMatchObject({ outcome: "failed", quantity: 4, error: "Not this one" });
		const other = await openShop(database.pool, { items: 1 });
		expect(await readFailure(database.pool, other.shopId, row?.id ?? 0)).toBeNull();
		expect((await list("", other.shopId)).isEmpty).toBe(true);
	});
});

describe("problems", () => {
	test("R21 R40 what a person says of a problem is kept with who and when, once; it is good until the problem is over", async () => {
		await refuse(0, 1);
		const [problem] = (await list()).problems;
		expect(problem).toMatchObject({ count: 2, state: "open", isBack: false, error: "Not this one", decided: null });
		const say = (word: "acknowledge" | "ignore" | "reopen", shopId = shop.shopId) =>
			decideProblem(database.pool, shopId, { id: problem?.id ?? 0, word, actor: "user-1" });
		const other = await openShop(database.pool, { items: 1 });
		expect(await say("ignore", other.shopId)).toBe("over");
		expect((await Promise.all([say("acknowledge"), say("acknowledge")])).sort()).toEqual(["decided", "unchanged"]);
		expect((await list()).problems[0]).toMatchObject({ state: "acknowledged", decided: { who: "Somebody of your staff" } });
		expect(await say("ignore")).toBe("decided");
		const { rows } = await database.pool.query(
			"SELECT actor, action, subject, after FROM audit WHERE shop_id = $1 AND action LIKE 'problem.%' ORDER BY id",
			[shop.shopId],
		);
		expect(rows).toMatchObject([
			{ actor: "user-1", action: "problem.acknowledged", subject: String(shop.guest), after: { errorClass: "rejected", failures: 2 } },
			{ action: "problem.ignored" },
		]);
		store.refuses.clear();
		await again(await all());
		await push();
		await resolveMended(database.pool);
		expect((await list()).problems).toEqual([]);
		expect(await say("reopen")).toBe("over");
		await refuse(2);
		expect((await list()).problems).toMatchObject([{ id: problem?.id, count: 1, state: "open", isBack: true, decided: null }]);
	});

	test("R21 a problem's own filter shows its failures and no others", async () => {
		await refuse(0);
		await parkMessage("a", null);
		expect((await list(`side=messages&channel=${shop.guest}&kind=unexpected-shape&what=orders/create`)).rows).toHaveLength(1);
		expect((await list(`side=updates&channel=${shop.guest}&kind=rejected&what=listing.write`)).rows).toHaveLength(1);
		expect((await list("what=listing.read")).rows).toEqual([]);
	});
});

describe("trying again", () => {
	test("R22 the chosen ones get today's figure, not the one that failed; what still fails is one failure, not two", async () => {
		await refuse(0, 1);
		await homeShows(database.pool, shop, 0, 7);
		const id = (await list("q=SKU-0")).rows[0]?.id ?? 0;
		store.refuses.clear();
		expect(await again({ ids: [id] })).toEqual({ updates: 1, messages: 0, left: 0, more: false });
		expect(wake).toHaveBeenCalledWith("delivery.push", { shopId: shop.shopId, connectionId: shop.guest });
		expect(await listingOf(database.pool, shop, 1)).toMatchObject({ parked: true });
		await push();
		await resolveMended(database.pool);
		expect([store.figures.get("listing-0"), store.figures.get("listing-1")]).toEqual([7, 10]);
		expect((await list()).rows.map(({ sku }) => sku)).toEqual(["SKU-1"]);
		store.refuses.set("listing-1", new RequestRejectedError("Still not"));
		await again(await all());
		await push();
		expect((await list()).rows.map(({ sku, error }) => [sku, error])).toEqual([["SKU-1", "Still not"]]);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R22 all that match are those that were there when they were counted", async () => {
		await refuse(0);
		const chosen = await all("kind=rejected");
		await refuse(1);
		expect(await again(chosen)).toMatchObject({ updates: 1 });
		expect([(await listingOf(database.pool, shop, 0)).parked, (await listingOf(database.pool, shop, 1)).parked]).toEqual([false, true]);
	});

	test("R22 R23 a message is put into the inbox anew and counts once, however often and by however many it is pressed", async () => {
		await parkMessage("a", order("77", [{ item: 0, held: 2 }]));
		await parkMessage("b", null);
		const chosen = await all("side=messages");
		const pressed = await Promise.all([again(chosen), again(chosen)]);
		expect(pressed.reduce((sum, { messages }) => sum + messages, 0)).toBe(1);
		expect(await again(chosen)).toEqual({ updates: 0, messages: 0, left: 1, more: false });
		expect(await events()).toEqual([{ source: "replay", correlation_id: "c-a" }]);
		await drain(database.pool, shop);
		expect(await stockOf(database.pool, shop, 0)).toEqual({ available: 8, short: 0, owed: -2 });
		// The one that was never understood stays where a person sees it.
		expect((await list()).rows.map(({ errorClass }) => errorClass)).toEqual(["unexpected-shape"]);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R23 a replay of an order that was counted meanwhile moves nothing", async () => {
		const sale = order("78", [{ item: 0, held: 2 }]);
		await parkMessage("a", sale);
		await put(database.pool, shop, [sale]);
		await drain(database.pool, shop);
		await again(await all());
		await drain(database.pool, shop);
		expect((await stockOf(database.pool, shop, 0)).available).toBe(8);
	});

	test("R22 R08 killed before or after any of its statements, the next press does what is left, once", async () => {
		await refuse(0);
		const clean = dyingPool(database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		await parkMessage("count", order("900", [{ item: 2, held: 0 }]));
		await tryAgain(depsOf(clean.pool), shop.shopId, await all(), "user-1");
		const statements = clean.statements();
		expect(statements).toBeGreaterThan(6);
		let n = 0;
		for (const place of placesToDie(statements)) {
			await refuse(0);
			await parkMessage(`k${++n}`, order(`k${n}`, [{ item: 1, held: 1 }]));
			const chosen = await all();
			await tryAgain(depsOf(dyingPool(database.pool, place).pool), shop.shopId, chosen, "user-1").catch(() => {});
			await again(chosen);
			expect(await listingOf(database.pool, shop, 0)).toMatchObject({ parked: false });
		}
		expect((await events()).length).toBe(n + 1);
		await drain(database.pool, shop);
		await expectCoherentState(database.pool, shop.shopId);
	}, 120_000);

	test("R22 R40 a difference that home refused is told it again at once, and who asked for it is written", async () => {
		await put(database.pool, shop, [order("79", [{ item: 0, held: 2 }])]);
		await drain(database.pool, shop);
		await database.pool.query("UPDATE stock SET next_attempt_at = now() + interval '1 hour' WHERE shop_id = $1 AND delta_owed <> 0", [
			shop.shopId,
		]);
		await recordDeadLetters(database.pool, [
			{
				shopId: shop.shopId,
				direction: "out",
				connectionId: shop.home,
				operation: "home.adjust",
				errorClass: "listing-not-found",
				error: "Not stocked at this location",
				payload: { itemId: shop.items[0], locationId: shop.locations[0], delta: -2 },
				sourceKey: `owed:${shop.items[0]}:${shop.locations[0]}`,
				correlationId: "c",
				deltaBatchId: 1,
			},
		]);
		expect((await list("q=sku-0")).rows).toMatchObject([{ subject: "SKU-0", canTryAgain: true }]);
		expect(await again(await all())).toEqual({ updates: 1, messages: 0, left: 0, more: false });
		expect(wake).toHaveBeenCalledWith("delivery.push", { shopId: shop.shopId, connectionId: shop.home });
		const { rows } = await database.pool.query(
			`SELECT (SELECT bool_and(next_attempt_at <= now()) FROM stock WHERE shop_id = $1 AND delta_owed <> 0) AS due,
			   (SELECT array_agg(actor || ' ' || subject) FROM audit WHERE shop_id = $1 AND action = 'updates.retried') AS audit`,
			[shop.shopId],
		);
		expect(rows).toEqual([{ due: true, audit: [`user-1 ${shop.home}`] }]);
	});

	test("R37 another shop's numbers are nobody's here", async () => {
		await refuse(0);
		const ids = (await list()).rows.map(({ id }) => id);
		const other = await openShop(database.pool, { items: 1 });
		expect(await again({ ids }, other.shopId)).toEqual({ updates: 0, messages: 0, left: 0, more: false });
		expect(await discard(depsOf(), other.shopId, { ids }, { reason: "x", actor: "user-1" })).toEqual({ discarded: 0, more: false });
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ parked: true });
		expect((await list()).rows).toHaveLength(1);
	});
});

describe("discarding", () => {
	test("R22 R40 it asks why, says who, and is done once; the same failure later is open again, with what was decided before", async () => {
		await refuse(0);
		const id = (await list()).rows[0]?.id ?? 0;
		const decision = { reason: "Not sold there any more", actor: "user-1" };
		expect(await discard(depsOf(), shop.shopId, { ids: [id] }, decision)).toEqual({ discarded: 1, more: false });
		expect(await discard(depsOf(), shop.shopId, { ids: [id] }, { ...decision, actor: "user-2" })).toEqual({ discarded: 0, more: false });
		expect((await list()).isEmpty).toBe(true);
		expect(await readFailure(database.pool, shop.shopId, id)).toMatchObject({ state: "discarded", decided: { reason: decision.reason } });
		const { rows } = await database.pool.query(
			"SELECT actor, action, after FROM audit WHERE shop_id = $1 AND action = 'failures.discarded'",
			[shop.shopId],
		);
		expect(rows).toEqual([{ actor: "user-1", action: "failures.discarded", after: { ids: [id], reason: decision.reason } }]);
		await database.pool.query("UPDATE listing SET parked = false, attempts = 0, attempts_class = NULL WHERE shop_id = $1", [shop.shopId]);
		await homeShows(database.pool, shop, 0, 3);
		await push();
		expect((await list()).rows.map((row) => row.id)).toEqual([id]);
	});
});
