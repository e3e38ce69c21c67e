import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { type FilledShop, fillShop, sell } from "../../../tests/kit/fill-shop.ts";
import { readItem } from "./read-item.ts";

let db: TestDatabase;
let shop: FilledShop;
beforeAll(async () => {
	db = await freshDatabase();
	shop = await fillShop(db.pool, "item-1.myshopify.com", { listings: 4 });
});
afterAll(() => db.drop());

const read = (itemId: number | undefined, before: string | null = null, shopId = shop.shopId) =>
	readItem(db.pool, shopId, itemId ?? 0, { reader: "1", before });

describe("R35 a product's page", () => {
	test.each([
		[0, 3],
		[3, 50],
	])(
		"R10 its story is read page by page: every sale stands on exactly one, those of one moment together (%i: %i at once)",
		async (n, together) => {
			const item = shop.items[n] ?? 0;
			await db.pool.query("UPDATE stock SET available = 500 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item]);
			const base = Date.now();
			for (let sale = 0; sale < 95; sale++) {
				// So many sales at a time in one millisecond, as of one transaction.
				const agoMs = Date.now() - base + 3_600_000 - Math.floor(sale / together) * 1_000;
				await sell(db.pool, shop, { connection: shop.woocommerce, order: `${item}-${sale}`, item, units: 1, agoMs });
			}
			const seen: string[] = [];
			let before: string | null = null;
			for (let pages = 0; pages < 10; pages++) {
				const story: { events: { key: string; at: string }[]; before: string | null } = (await read(item, before))?.story ?? {
					events: [],
					before: null,
				};
				seen.push(...story.events.map(({ key }) => key));
				expect([...story.events].sort((a, b) => (a.at < b.at ? 1 : -1)).map(({ at }) => at)).toEqual(story.events.map(({ at }) => at));
				before = story.before;
				if (before === null) break;
			}
			expect(before).toBeNull();
			expect(new Set(seen).size).toBe(95);
			expect(seen).toHaveLength(95);
		},
	);

	test("R37 another shop's product is none, and its sales are in nobody's story", async () => {
		const other = await fillShop(db.pool, "item-2.myshopify.com", { listings: 2 });
		await sell(db.pool, other, { connection: other.woocommerce, order: "1", item: other.items[0] ?? 0, units: 1 });
		expect(await read(other.items[0])).toBeNull();
		expect((await read(other.items[0], null, other.shopId))?.story.events).toHaveLength(1);
		expect((await read(shop.items[2]))?.story.events).toEqual([]);
	});

	test("a time in the address that is none begins at the newest", async () => {
		expect((await read(shop.items[1], "nonsense"))?.sku).toBe("NW-0002");
	});
});
