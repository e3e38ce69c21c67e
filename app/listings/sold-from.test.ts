import { afterAll, beforeAll, expect, test } from "vitest";
import { drainShop } from "#apply";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { applyDeps, expectCoherentState, makeShop, order, put, stockOf } from "../../tests/kit/shop.ts";

let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());

test("R14 a sale of a listing that sells another one's pieces takes that one's item, and its figure falls by itself", async () => {
	const shop = await makeShop(db.pool);
	const owner = await db.pool.query<{ id: number; external_id: string; shown: number | null }>(
		"SELECT id, external_id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND item_id = $3",
		[shop.shopId, shop.guest, shop.items[0]],
	);
	const { id, external_id } = owner.rows[0] ?? { id: 0, external_id: "" };
	await db.pool.query("UPDATE listing SET shown = 10, desired = 10, read_at = '2026-01-01', written_at = '2026-01-01' WHERE id = $1", [id]);
	await db.pool.query(
		"INSERT INTO listing (shop_id, connection_id, external_id, parent_external_id, sold_from) VALUES ($1, $2, 'v-29', $3, $3)",
		[shop.shopId, shop.guest, external_id],
	);
	const sale = order("1", [{ item: 0, held: 3 }]);
	if (sale.type !== "order.snapshot") throw new Error("An order is a snapshot");
	await put(db.pool, shop, [{ ...sale, lines: sale.lines.map((line) => ({ ...line, listingExternalId: "v-29" })) }]);
	await drainShop(applyDeps(db.pool), shop.shopId, {});
	expect(await stockOf(db.pool, shop, 0)).toMatchObject({ available: 7, short: 0 });
	const after = await db.pool.query(
		"SELECT external_id, shown, desired, link_state FROM listing WHERE shop_id = $1 AND (id = $2 OR external_id = 'v-29') ORDER BY id",
		[shop.shopId, id],
	);
	expect(after.rows).toEqual([
		{ external_id, shown: 7, desired: 7, link_state: "linked" },
		{ external_id: "v-29", shown: null, desired: null, link_state: "unlinked" },
	]);
	await expectCoherentState(db.pool, shop.shopId);
});
