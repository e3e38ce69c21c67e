import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSellables } from "#app/connections/guests/index.ts";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { type FilledShop, fillShop } from "../../../tests/kit/fill-shop.ts";
import { readChoosing } from "./read-choosing.ts";
import { readMatching, readMatchingRequest } from "./read-matching.ts";

let database: TestDatabase;
let shop: FilledShop;
const query = (sql: string, values: unknown[] = []) => database.pool.query(sql, values);
/** Of 300: 200 exact, 40 in lower case, 20 of an unknown SKU, 20 whose SKU stands on two products, 20 linked. */
beforeAll(async () => {
	database = await freshDatabase();
	shop = await fillShop(database.pool, "matching.myshopify.com", { listings: 300 });
	await fillShop(database.pool, "other.myshopify.com", { listings: 5 });
	const number = "substr(l.sku, 4)::int";
	await query(
		`UPDATE listing l SET item_id = CASE WHEN ${number} > 280 THEN item_id END, link_state = CASE WHEN ${number} > 280 THEN 'linked' ELSE 'unlinked' END,
		   sku = CASE WHEN ${number} BETWEEN 201 AND 240 THEN lower(sku) WHEN ${number} BETWEEN 241 AND 260 THEN 'ELSE-' || sku
		     WHEN ${number} BETWEEN 261 AND 280 THEN 'TWICE' ELSE sku END
		 WHERE shop_id = $1`,
		[shop.shopId],
	);
	await query("UPDATE item SET sku = 'TWICE' WHERE shop_id = $1 AND id = ANY($2)", [shop.shopId, shop.items.slice(260, 262)]);
});
afterAll(() => database.drop());

const read = (address = "", connectionId = shop.woocommerce) =>
	readMatching(database.pool, shop.shopId, connectionId, readMatchingRequest(new URLSearchParams(address)));

describe("the matching, page by page", () => {
	test("each listing is on one tab, each tab is counted, and the first that has something is open", async () => {
		const page = await read();
		expect(page.tab).toBe("exact");
		expect(page.counts).toEqual({ exact: 200, near: 40, several: 20, "channel-only": 20, "shopify-only": 38, linked: 20 });
		expect(page.rows).toHaveLength(50);
		expect(page.rows[0]).toMatchObject({ sku: "NW-0001", why: "Same SKU", candidates: [{ sku: "NW-0001" }] });
		expect((await read("tab=near")).rows[0]).toMatchObject({
			sku: "nw-0201",
			why: "SKU differs in letter case",
			candidates: [{ sku: "NW-0201" }],
		});
		expect((await read("tab=several")).rows[0]?.candidates).toHaveLength(2);
		expect((await read("tab=channel-only")).rows[0]).toMatchObject({ sku: "ELSE-NW-0241", candidates: [] });
	});

	for (const tab of ["exact", "linked", "shopify-only"] as const) {
		test(`every page of "${tab}" forward, and back again, shows each once and in order`, async () => {
			const seen: number[] = [];
			const pages: number[][] = [];
			let page = await read(`tab=${tab}`);
			for (;;) {
				pages.push(page.rows.map(({ id }) => id));
				seen.push(...page.rows.map(({ id }) => id));
				if (page.pages.after === null) break;
				page = await read(`tab=${tab}&after=${encodeURIComponent(page.pages.after)}`);
			}
			expect([seen.length, new Set(seen).size]).toEqual([page.counts[tab], page.counts[tab]]);
			for (const before of pages.slice(0, -1).reverse()) {
				page = await read(`tab=${tab}&before=${encodeURIComponent(page.pages.before ?? "")}`);
				expect(page.rows.map(({ id }) => id)).toEqual(before);
			}
			expect(page.pages.before).toBeNull();
		});
	}

	test("a search finds by SKU, barcode and title; percent signs and underscores are letters", async () => {
		expect((await read("tab=exact&q=nw-0042")).rows.map(({ sku }) => sku)).toEqual(["NW-0042"]);
		expect((await read("tab=linked&q=NW-0290")).rows).toHaveLength(1);
		expect((await read("tab=linked&q=%25")).rows).toHaveLength(0);
		expect((await read("tab=linked&q=_")).rows).toHaveLength(0);
		expect((await read("tab=exact&q=jacket")).rows.length).toBeGreaterThan(0);
	});

	test("nonsense for a cursor or a tab is the beginning", async () => {
		expect((await read("tab=nothing&after=%7B")).tab).toBe("exact");
		expect((await read("tab=linked&after=%5B1%2C2%5D")).rows).toHaveLength(20);
	});

	test("one listing by hand: what it could be, and what a search finds", async () => {
		const [near] = (await read("tab=near")).rows;
		const choose = (text: string, listingId = near?.id ?? 0) =>
			readChoosing(database.pool, shop.shopId, { connectionId: shop.woocommerce, listingId, query: text });
		expect(await choose("")).toMatchObject({ why: "alike", isPack: false, products: [{ sku: "NW-0201", listings: 0 }] });
		expect((await choose("NW-0290"))?.products).toMatchObject([{ sku: "NW-0290", listings: 1 }]);
		expect(await choose("no such thing")).toMatchObject({ why: "searched", products: [] });
	});

	test("R37 of another shop's channel nothing is read and nothing is linked", async () => {
		const other = await query(
			"SELECT l.id, l.connection_id FROM listing l JOIN shop s ON s.id = l.shop_id WHERE s.domain = 'other.myshopify.com' LIMIT 1",
		);
		const { id, connection_id: foreign } = other.rows[0] as { id: number; connection_id: number };
		const page = await read("tab=linked", foreign);
		expect([page.rows, page.counts.linked, page.counts.exact]).toEqual([[], 0, 0]);
		expect(await readChoosing(database.pool, shop.shopId, { connectionId: foreign, listingId: id, query: "" })).toBeNull();
		expect(await readChoosing(database.pool, shop.shopId, { connectionId: shop.woocommerce, listingId: id, query: "" })).toBeNull();
		expect((await readSellables(database.pool, shop.shopId, foreign)).listings).toEqual([]);
	});
});
