import { afterAll, beforeAll, expect, test } from "vitest";
import { drainShop } from "#apply";
import { applyDeps } from "../../../tests/kit/apply-deps.ts";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { at, makeShop, order, put, reading, type TestShop } from "../../../tests/kit/shop.ts";
import { readItem } from "./read-item.ts";

let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());

/** A moment with nothing of the test within some milliseconds of it, before or after. */
async function now(): Promise<string> {
	const { rows } = await db.pool.query<{ at: Date }>("SELECT clock_timestamp() AS at FROM pg_sleep(0.01)");
	await db.pool.query("SELECT pg_sleep(0.01)");
	return rows[0]?.at.toISOString() ?? "";
}
const drain = (shop: TestShop) => drainShop(applyDeps(db.pool), shop.shopId);
const then = async (shop: TestShop, moment: string, item = 0) =>
	(await readItem(db.pool, shop.shopId, shop.items[item] ?? 0, { reader: "1", before: null, at: moment }))?.past;
const told = (shop: TestShop, quantity: number, outcome = "landed") =>
	db.pool.query(
		`INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, correlation_id) VALUES ($1, $2, $3, 'listing.write', $4, $5, 'test')`,
		[shop.shopId, shop.guest, shop.listings[0], quantity, outcome],
	);

test("R10 R35 how a product stood at any past moment: at each place, what each channel had been told, what it sold since, and its rule", async () => {
	const shop = await makeShop(db.pool, {
		items: 2,
		locations: 2,
		opening: 10,
		bundles: [
			[
				{ item: 0, quantity: 2 },
				{ item: 1, quantity: 1 },
			],
		],
	});
	const before = new Date(Date.parse(await now()) - 60_000).toISOString();
	await drain(shop);
	const opened = await now();
	await told(shop, 20);
	await put(db.pool, shop, [order("1", [{ item: 0, held: 3 }])]);
	await drain(shop);
	const sold = await now();
	await told(shop, 15, "refused");
	await put(db.pool, shop, [reading(0, 50, at("11:00:00"), 1)], { connection: "home" });
	await drain(shop);
	await told(shop, 57, "accepted");
	await db.pool.query(
		"INSERT INTO audit (shop_id, actor, action, subject, before, after) VALUES ($1, 'ann', 'policy.changed', $2, $3, $4)",
		[
			shop.shopId,
			String(shop.guest),
			JSON.stringify({ listings: [{ id: shop.listings[0], policy: { kind: "buffer", buffer: 4 } }] }),
			JSON.stringify({ policy: null, listingIds: [shop.listings[0]] }),
		],
	);
	const raised = await now();

	expect(await then(shop, before)).toMatchObject({
		figure: null,
		places: [],
		listings: [{ told: null, soldSince: 0, policy: { kind: "buffer", buffer: 4 } }],
	});
	expect(await then(shop, opened)).toMatchObject({
		figure: 20,
		places: [
			{ name: "Location 0", figure: 10 },
			{ name: "Location 1", figure: 10 },
		],
		listings: [{ told: null, soldSince: 0 }],
	});
	expect(await then(shop, sold)).toMatchObject({
		figure: 17,
		places: [
			{ name: "Location 0", figure: 7 },
			{ name: "Location 1", figure: 10 },
		],
		listings: [{ told: { quantity: 20, confirmed: true }, soldSince: 3, policy: { kind: "buffer", buffer: 4 } }],
	});
	expect(await then(shop, raised)).toMatchObject({
		figure: 57,
		listings: [{ told: { quantity: 57, confirmed: false }, soldSince: 0, policy: null }],
	});

	// A bundle has what its parts sufficed for: 17 of the one, two each, and 20 of the other.
	expect(await then(shop, sold, 2)).toMatchObject({
		figure: 8,
		places: [
			{ name: "SKU-0 (2 each)", figure: 17 },
			{ name: "SKU-1", figure: 20 },
		],
	});

	// What led there, and nothing of what came after.
	const story = (await readItem(db.pool, shop.shopId, shop.items[0] ?? 0, { reader: "1", before: null, at: sold }))?.story.events ?? [];
	expect(story[0]?.text).toBe("3 units sold on woocommerce (order #1)");
	expect(story.every((event) => event.at <= sold)).toBe(true);
});

test("R10 R37 a moment that is to come, or none, is about now; another shop's product is none", async () => {
	const shop = await makeShop(db.pool, { items: 1, opening: 4 });
	const other = await makeShop(db.pool, { items: 1, opening: 4 });
	await drain(shop);
	expect(await then(shop, new Date(Date.now() + 3_600_000).toISOString())).toBeNull();
	expect(await then(shop, "yesterday or so")).toBeNull();
	expect(await readItem(db.pool, other.shopId, shop.items[0] ?? 0, { reader: "1", before: null, at: await now() })).toBeNull();
});
