import { afterAll, beforeAll, expect, test } from "vitest";
import { sayOtherWriter, sayWhatToDo } from "#app/components/other-writer.tsx";
import { pollOrders } from "#reconcile";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { type GuestWorld, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import { makeShop } from "../../../tests/kit/shop.ts";
import { OTHER_WRITER_DAYS, readOtherWriter } from "./read-other-writer.ts";

let w: GuestWorld;
/** Of shops that are only rows: no worker looks after them. */
let rows: TestDatabase;
beforeAll(async () => {
	w = await openGuestWorld();
	rows = await freshDatabase();
});
afterAll(async () => {
	await w.close();
	await rows.drop();
});

const note = (shop: { shopId: number; guest: number }, listing: number | undefined, found: number, agoHours: number) =>
	rows.pool.query(
		`INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause, at)
		 VALUES ($1, $2, $3, 5, $4, CASE WHEN $4 > 5 THEN 'raised-elsewhere' ELSE 'another-writer' END, now() - $5 * interval '1 hour')`,
		[shop.shopId, shop.guest, listing, found, agoHours],
	);

test("R43 how often, on which products and when last something else changed figures in a week; the newest of each product, a few of them", async () => {
	const shop = await makeShop(rows.pool, { items: 8, opening: 5 });
	expect(await readOtherWriter(rows.pool, shop.shopId, shop.guest)).toBeNull();
	await note(shop, shop.listings[7], 9, OTHER_WRITER_DAYS * 24 + 1);
	expect(await readOtherWriter(rows.pool, shop.shopId, shop.guest)).toBeNull();
	for (let n = 0; n < 7; n++) await note(shop, shop.listings[n], 9, 20 - n);
	await note(shop, shop.listings[0], 2, 1);
	const seen = await readOtherWriter(rows.pool, shop.shopId, shop.guest);
	expect(seen).toMatchObject({ times: { count: 8, more: false }, raised: 7, lowered: 1, products: 7, isLive: true });
	expect(seen?.newest.map(({ sku, itemId, expected, found }) => [sku, itemId, expected, found])).toEqual([
		["SKU-0", shop.items[0], 5, 2],
		...[6, 5, 4, 3].map((n) => [`SKU-${n}`, shop.items[n], 5, 9]),
	]);
	expect(seen?.lastAt).toBe(seen?.newest[0]?.at);
	if (!seen) throw new Error("Nothing was seen");
	expect(sayOtherWriter({ ...seen, name: "Outlet" })).toBe(
		"In the last 7 days 8 figures were changed on Outlet neither by an order nor by Lockstep, on 7 products: 7 raised, 1 lowered.",
	);
	expect(sayWhatToDo({ ...seen, isLive: false })).toContain("Switch off the other stock updates before you go live.");

	const other = await makeShop(rows.pool, { items: 1 });
	expect(await readOtherWriter(rows.pool, other.shopId, shop.guest)).toBeNull();
	expect(await readOtherWriter(rows.pool, shop.shopId, other.guest)).toBeNull();
});

test("R43 past a thousand it is not counted on", async () => {
	const shop = await makeShop(rows.pool, { items: 1, opening: 5 });
	await rows.pool.query(
		`INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause) SELECT $1, $2, $3, 5, 9, 'raised-elsewhere' FROM generate_series(1, 1500)`,
		[shop.shopId, shop.guest, shop.listings[0]],
	);
	expect(await readOtherWriter(rows.pool, shop.shopId, shop.guest)).toMatchObject({ times: { count: 1_000, more: true }, products: 1 });
});

test("R43 a store whose stock something else writes is named with what to look at; its own sales are nobody else's", async () => {
	const shop = await w.shop([
		{ sku: "MUG", stock: 8 },
		{ sku: "CAP", stock: 7 },
	]);
	const store = w.store([
		{ sku: "MUG", quantity: 8 },
		{ sku: "CAP", quantity: 7 },
	]);
	const connectionId = await w.join(shop, store, { watch: true });
	await w.run(store);
	const read = () => readOtherWriter(w.deps.pool, shop.shopId, connectionId);
	await w.buy(store, "MUG");
	await w.run(store);
	expect(await read()).toBeNull();

	await store.editStock("CAP", 20);
	const due = async () => {
		await w.all("UPDATE listing SET next_attempt_at = now() WHERE shop_id = $1 AND next_attempt_at > now() RETURNING id", [shop.shopId]);
		await w.run(store);
	};
	await w.run(store);
	await due();
	expect(await read()).toMatchObject({ times: { count: 1, more: false }, raised: 1, lowered: 0, kind: "WooCommerce", isLive: false });

	// Lowered without an order: known once all orders of that time have been read.
	await store.editStock("MUG", 3);
	await w.run(store);
	await due();
	await w.all("UPDATE listing SET unseen_at = unseen_at - interval '1 hour' WHERE shop_id = $1 RETURNING id", [shop.shopId]);
	await w.refill();
	await pollOrders(w.deps, shop.shopId, connectionId);
	await w.run(store);
	const seen = await read();
	expect(seen).toMatchObject({ times: { count: 2, more: false }, raised: 1, lowered: 1, products: 2 });
	expect(seen?.newest.map(({ sku, expected, found }) => `${sku} ${expected} to ${found}`)).toEqual(["MUG 7 to 3", "CAP 7 to 20"]);
	if (seen) expect(sayWhatToDo(seen)).toMatch(/^WooCommerce does not tell who it was.*In WooCommerce look at the keys/);
});
