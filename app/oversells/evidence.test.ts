import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { askForBulkUndo } from "#app/backfill/index.ts";
import { readOversell } from "#app/pages/oversells/read-card.ts";
import { drainShop } from "#apply";
import type { CanonicalEvent } from "#domain";
import { appendEvents } from "#inbox";
import { createBulkKit } from "../../tests/kit/bulk-sets.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { applyDeps, makeShop, order, reading, type TestShop } from "../../tests/kit/shop.ts";

/** One unit there is, sold at home and at the store; what differs is who heard of what when. Times are seconds before now. */
let database: TestDatabase;
let shop: TestShop;
let now: number;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	shop = await makeShop(database.pool, { items: 1, opening: 1 });
	await drain();
	// Whole seconds, as the channels' stamps are.
	now = Math.floor(Date.now() / 1_000) * 1_000;
});

const query = (sql: string, values: unknown[] = []) => database.pool.query(sql, [shop.shopId, ...values]);
const drain = () => drainShop(applyDeps(database.pool), shop.shopId);
const ago = (seconds: number) => new Date(now - seconds * 1_000).toISOString();
/** Told of by a channel, received so long ago and counted now. */
async function tell(connectionId: number, event: CanonicalEvent, heardS: number) {
	await appendEvents(database.pool, [
		{
			...{ shopId: shop.shopId, connectionId, topic: event.type, source: "webhook", payload: null, event, deliveryKey: null },
			...{ correlationId: "test", occurredAt: null, receivedAt: ago(heardS) },
		},
	]);
	await drain();
}
const home = (boughtS: number, heardS: number) =>
	tell(shop.home, order("900", [{ item: 0, held: 1, external: "item-0" }], { created: ago(boughtS) }), heardS);
const store = (boughtS: number, heardS: number, id = "1") =>
	tell(shop.guest, order(id, [{ item: 0, held: 1 }], { created: ago(boughtS) }), heardS);
/** The store was asked to show nothing so long ago (below zero: in so many seconds), and took it then. */
const told = (sentS: number, takenS: number) =>
	query(
		`INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, took_ms, correlation_id, at)
		 VALUES ($1, $2, $3, 'listing.write', 0, 'landed', $4, 'c', $5)`,
		[shop.guest, shop.listings[0], Math.round((sentS - takenS) * 1_000), ago(takenS)],
	);
const why = async (orderId = "1") => {
	const { rows } = await query("SELECT id FROM oversell WHERE shop_id = $1 AND order_id = $2", [orderId]);
	const card = await readOversell(database.pool, shop.shopId, { id: rows[0]?.id ?? 0, reader: "ann" });
	const [line] = card?.lines ?? [];
	return { reason: line?.why.reason, who: line?.why.who, slow: line?.why.steps.filter(({ slow }) => slow).map(({ what }) => what) };
};

it("R11 home told of its sale after the store had sold the same", async () => {
	await home(100, 30);
	await store(60, 20);
	expect(await why()).toEqual({ reason: "told-late", who: "Shopify", slow: ["Lockstep heard of it from Shopify"] });
});

it("R11 Lockstep had it, and had told nobody when the store sold it", async () => {
	await home(100, 99);
	await store(60, 20);
	expect(await why()).toMatchObject({ reason: "lockstep-behind", slow: ["woocommerce had not been told by then"] });
});

it("R11 the owed order was the first, and its own channel told of it late", async () => {
	await home(50, 49);
	await store(100, 20);
	expect(await why()).toEqual({ reason: "told-late", who: "woocommerce", slow: ["Lockstep heard of the order from woocommerce"] });
});

it("R11 the store sold its own last unit twice", async () => {
	await store(100, 99, "0");
	await store(98, 97);
	expect(await why()).toMatchObject({ reason: "own-checkout", who: "woocommerce" });
});

it("R11 both were bought within two seconds", async () => {
	await home(21, 20);
	await store(20, 19);
	expect(await why()).toMatchObject({ reason: "at-once" });
});

it("R11 the stock was lowered in Shopify", async () => {
	await tell(shop.home, { ...reading(0, 0, ago(40)), readAt: ago(40) } as CanonicalEvent, 39);
	await store(30, 29);
	expect(await why()).toMatchObject({ reason: "lowered-at-home" });
});

describe("R11 R27 units that a bulk change took", () => {
	/** By a file that a person confirmed, just now; the buyers order in some seconds by the store's own clock. */
	const bulk = async (text: string) => {
		const kit = createBulkKit(database);
		const id = await kit.bring(shop, text);
		await kit.run(shop);
		await kit.confirm(shop, id, { leaveOut: true, right: "approve" });
		await kit.run(shop);
		return { id, kit };
	};
	const lineOf = async (orderId: string) => {
		const { rows } = await query("SELECT id FROM oversell WHERE shop_id = $1 AND order_id = $2", [orderId]);
		return (await readOversell(database.pool, shop.shopId, { id: rows[0]?.id ?? 0, reader: "ann" }))?.lines[0];
	};

	it("the page names the change and leads to it", async () => {
		const { id } = await bulk("SKU,Quantity\nSKU-0,0\n");
		await store(-20, -20);
		expect((await lineOf("1"))?.why).toMatchObject({ reason: "lowered-in-bulk" });
		const [first, second] = (await lineOf("1"))?.why.steps ?? [];
		expect(first).toMatchObject({ what: "1 unit taken off in a bulk change", where: null });
		expect(first?.link).toEqual({ url: `/app/bulk-changes/${id}`, text: "stock.csv" });
		expect(second?.what).toBe("That was counted, and every other channel was to show less");
	});

	it("also one that was taken back: rolling back took them off again", async () => {
		const { id, kit } = await bulk("SKU,Change\nSKU-0,+2\n");
		await store(90, 89, "0");
		const undone = await askForBulkUndo(kit.deps, shop.shopId, { changeId: id, actor: "9" });
		await kit.run(shop);
		await store(-20, -20);
		expect(undone.outcome).toBe("asked");
		const why = (await lineOf("1"))?.why;
		expect(why).toMatchObject({ reason: "lowered-in-bulk" });
		expect(why?.steps[0]?.link).toEqual({
			url: `/app/bulk-changes/${undone.outcome === "asked" ? undone.changeId : 0}`,
			text: "Rolled back: stock.csv",
		});
	});

	it("not one that was rolled back before the order took what was not there", async () => {
		const { id, kit } = await bulk("SKU,Quantity\nSKU-0,0\n");
		await askForBulkUndo(kit.deps, shop.shopId, { changeId: id, actor: "9" });
		await kit.run(shop);
		await store(-10, -10, "0");
		await store(-20, -20);
		expect((await lineOf("1"))?.why).toMatchObject({ reason: "own-checkout" });
	});
});

it("R11 the store was told after the buyer had ordered, took long to take it, or had taken it before", async () => {
	await home(100, 99);
	// By its own clock the buyer orders in twenty seconds: what the store takes by then is in time.
	await store(-20, 0);
	await told(-30, -31);
	expect(await why()).toEqual({ reason: "lockstep-behind", who: "woocommerce", slow: ["Lockstep told woocommerce to show 0"] });
	await query("DELETE FROM delivery_attempt WHERE shop_id = $1");
	await told(-3, -3.5);
	expect(await why()).toMatchObject({ reason: "own-checkout", who: "woocommerce" });
});

it("R11 the store was only watched, paused, or its listing was, when the buyer ordered; not what became of it since", async () => {
	await home(100, 30);
	await store(60, 20);
	const act = (action: string, seconds: number, subject: string, after: unknown = null) =>
		query("INSERT INTO audit (shop_id, actor, action, subject, after, at) VALUES ($1, 'a', $2, $3, $4, $5)", [
			action,
			subject,
			after === null ? null : JSON.stringify(after),
			ago(seconds),
		]);
	await act("connection.paused", 10, String(shop.guest));
	expect((await why()).reason).toBe("told-late");
	await query("DELETE FROM audit WHERE shop_id = $1");
	await act("connection.watching", 90, String(shop.guest));
	expect((await why()).reason).toBe("not-sent");
	await query("DELETE FROM audit WHERE shop_id = $1");
	await act("listings.paused", 90, String(shop.guest), { listingIds: [shop.listings[0]] });
	expect((await why()).reason).toBe("not-sent");
	await act("listings.resumed", 80, String(shop.guest), { listingIds: [shop.listings[0]] });
	expect((await why()).reason).toBe("told-late");
});

it("R11 messages that are not kept any more leave the reason unknown, and it says so", async () => {
	await home(100, 30);
	await store(60, 20);
	await query("DELETE FROM inbox_event WHERE shop_id = $1");
	expect((await why()).reason).toBe("unknown");
});
