import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Queryable } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { quietDeps } from "../../../tests/kit/deps.ts";
import { type FilledShop, fillShop } from "../../../tests/kit/fill-shop.ts";
import { pauseItems, saveRules } from "./change-rules.ts";
import { markOf } from "./mark.ts";
import { readStock, readStockRequest } from "./read-stock.ts";
import { findItems } from "./sql/find-items.ts";
import { stockCsv } from "./stock-csv.ts";

let db: TestDatabase;
let deps: Deps;
let shops = 0;
beforeAll(async () => {
	db = await freshDatabase();
	deps = quietDeps(db.pool);
});
afterAll(() => db.drop());

const newShop = (listings = 12): Promise<FilledShop> => fillShop(db.pool, `stock-${++shops}.myshopify.com`, { listings });
const ask = (query = "") => readStockRequest(new URLSearchParams(query));
const skus = async (shop: FilledShop, query: string) => (await readStock(db.pool, shop.shopId, ask(query))).rows.map(({ sku }) => sku);
const listingOf = async (shop: FilledShop, n: number) =>
	(
		await db.pool.query<{ id: number; policy: unknown; desired: number; paused: boolean }>(
			"SELECT id, policy, desired, paused FROM listing WHERE shop_id = $1 AND item_id = $2",
			[shop.shopId, shop.items[n]],
		)
	).rows[0] ?? { id: 0, policy: null, desired: -1, paused: false };
const audits = async (shop: FilledShop) =>
	(
		await db.pool.query<{ action: string; before: unknown; after: unknown }>(
			"SELECT action, before, after FROM audit WHERE shop_id = $1 ORDER BY id",
			[shop.shopId],
		)
	).rows;

describe("R35 the stock page", () => {
	test("each state of a product is found by its filter, and by no other", async () => {
		const shop = await newShop();
		const set = (sql: string, n: number) => db.pool.query(sql, [shop.shopId, shop.items[n]]);
		await set("UPDATE listing SET shown = shown + 1 WHERE shop_id = $1 AND item_id = $2", 0);
		await set("UPDATE listing SET shown = shown + 1, parked = true WHERE shop_id = $1 AND item_id = $2", 1);
		await set("UPDATE listing SET shown = shown + 1, paused = true WHERE shop_id = $1 AND item_id = $2", 2);
		await set("UPDATE stock SET available = 0, short = 2 WHERE shop_id = $1 AND item_id = $2", 3);
		await set("UPDATE listing SET desired = 0, shown = 0 WHERE shop_id = $1 AND item_id = $2", 3);
		await set("DELETE FROM listing WHERE shop_id = $1 AND item_id = $2", 4);
		expect(await skus(shop, "state=off")).toEqual(["NW-0001", "NW-0002"]);
		expect(await skus(shop, "state=failed")).toEqual(["NW-0002"]);
		expect(await skus(shop, "state=paused")).toEqual(["NW-0003"]);
		expect(await skus(shop, "state=owed")).toEqual(["NW-0004"]);
		expect(await skus(shop, "state=out")).toEqual(["NW-0004"]);
		expect(await skus(shop, "state=unlisted")).toEqual(["NW-0005"]);
		expect(await skus(shop, "q=nw-0011")).toEqual(["NW-0011"]);
		expect(await skus(shop, "q=%25")).toEqual([]);
		expect(await skus(shop, `channel=${shop.woocommerce}`)).toHaveLength(11);
		expect(await skus(shop, "state=nonsense&channel=drop")).toHaveLength(12);
		// Each together with a channel and a word.
		const both = (state: string) => skus(shop, `state=${state}&channel=${shop.woocommerce}&q=NW`);
		expect(await both("off")).toEqual(["NW-0001", "NW-0002"]);
		expect([await both("failed"), await both("paused")]).toEqual([["NW-0002"], ["NW-0003"]]);
		expect([await both("owed"), await both("out"), await both("unlisted")]).toEqual([["NW-0004"], ["NW-0004"], ["NW-0005"]]);
		const { rows } = await readStock(db.pool, shop.shopId, ask());
		expect(rows.slice(0, 6).map((row) => row.listings.map(({ mark }) => mark))).toEqual([
			["waiting"],
			["failed"],
			["paused"],
			["right"],
			[],
			["right"],
		]);
		expect(rows[3]).toMatchObject({ available: 0, owed: 2 });
		await set("DELETE FROM listing WHERE shop_id = $1 AND item_id = $2", 3);
		expect([await both("owed"), await both("out")]).toEqual([[], []]);
		expect(await skus(shop, "state=out")).toEqual(["NW-0004"]);
	});

	test("pages forwards and backwards are the same cuts, products without a SKU included", async () => {
		const shop = await newShop(23);
		await db.pool.query("UPDATE item SET sku = NULL WHERE shop_id = $1 AND id = ANY($2)", [shop.shopId, shop.items.slice(0, 7)]);
		const page = (query: string) => readStock(db.pool, shop.shopId, ask(query), 10);
		const first = await page("");
		const second = await page(`after=${encodeURIComponent(first.pages.after ?? "")}`);
		const third = await page(`after=${encodeURIComponent(second.pages.after ?? "")}`);
		const ids = [first, second, third].map(({ rows }) => rows.map(({ itemId }) => itemId));
		expect(ids.map((one) => one.length)).toEqual([10, 10, 3]);
		expect(new Set(ids.flat()).size).toBe(23);
		expect([first.pages.before, third.pages.after]).toEqual([null, null]);
		const back = await page(`before=${encodeURIComponent(third.pages.before ?? "")}`);
		expect(back.rows.map(({ itemId }) => itemId)).toEqual(ids[1]);
		const start = await page(`before=${encodeURIComponent(back.pages.before ?? "")}`);
		expect(start.rows.map(({ itemId }) => itemId)).toEqual(ids[0]);
		expect(start.pages.before).toBeNull();
		expect((await page("after=nonsense")).rows.map(({ itemId }) => itemId)).toEqual(ids[0]);
	});

	test("R14 a bundle has what its parts suffice for", async () => {
		const shop = await newShop(3);
		const [bundle, one, two] = shop.items;
		await db.pool.query("DELETE FROM stock WHERE shop_id = $1 AND item_id = $2", [shop.shopId, bundle]);
		await db.pool.query("UPDATE stock SET available = CASE item_id WHEN $2 THEN 9 ELSE 3 END WHERE shop_id = $1", [shop.shopId, one]);
		await db.pool.query(
			"INSERT INTO bundle_component (shop_id, bundle_item_id, component_item_id, quantity) VALUES ($1, $2, $3, 2), ($1, $2, $4, 1)",
			[shop.shopId, bundle, one, two],
		);
		expect((await readStock(db.pool, shop.shopId, ask())).rows[0]).toMatchObject({ bundle: true, available: 3 });
	});

	test("R37 another shop's products, channels and cursors lead nowhere", async () => {
		const [mine, other] = [await newShop(4), await newShop(6)];
		expect(await skus(mine, `channel=${other.woocommerce}`)).toEqual([]);
		const cursor = JSON.stringify(["NW-0002", other.items[1]]);
		const found = await readStock(db.pool, mine.shopId, ask(`after=${encodeURIComponent(cursor)}`));
		expect(found.rows.every(({ itemId }) => mine.items.includes(itemId))).toBe(true);
		const theirs = (await listingOf(other, 0)).id;
		expect(await saveRules(deps, mine.shopId, { rules: [{ listingId: theirs, policy: { kind: "fixed", fixed: 0 } }], actor: "u" })).toEqual(
			{ outcome: "unknown" },
		);
		const pause = { itemIds: other.items, channelId: null, paused: true, reason: "x", actor: "u" };
		expect(await pauseItems(deps, mine.shopId, pause)).toEqual({ found: 0, listings: 0 });
		expect(await listingOf(other, 0)).toMatchObject({ policy: null, paused: false });
		expect([await audits(mine), await audits(other)]).toEqual([[], []]);
	});

	test("a page of 10,000 products is read along the index, forwards and backwards, and never by sorting them", async () => {
		const shop = await newShop(10_000);
		await db.pool.query("ANALYZE");
		const plans: string[] = [];
		const explaining = {
			async query(sql: string, values: unknown[]) {
				const { rows } = await db.pool.query<{ "QUERY PLAN": string }>(`EXPLAIN ${sql}`, values);
				plans.push(rows.map((row) => row["QUERY PLAN"]).join("\n"));
				return { rows: [] };
			},
		} as unknown as Queryable;
		const middle = ["NW-5000", shop.items[4_999] ?? 0];
		for (const page of [
			{ after: null, before: null },
			{ after: middle, before: null },
			{ after: null, before: middle },
		]) {
			await findItems(explaining, shop.shopId, ask(), { ...page, limit: 51 });
		}
		expect(plans).toHaveLength(3);
		for (const plan of plans) {
			expect(plan).toContain("item_stock_page");
			expect(plan).not.toContain("Sort");
		}
	});
});

describe("R12 R45 rules of many listings", () => {
	test("each gets its own, what they show follows at once, and what was before undoes it through the same door", async () => {
		const shop = await newShop(6);
		const [a, b] = [await listingOf(shop, 0), await listingOf(shop, 1)];
		const rules = [
			{ listingId: a.id, policy: { kind: "buffer" as const, buffer: 2 } },
			{ listingId: b.id, policy: { kind: "fixed" as const, fixed: 1 } },
		];
		expect(await saveRules(deps, shop.shopId, { rules, actor: "7" })).toEqual({ outcome: "saved", listings: 2 });
		expect([(await listingOf(shop, 0)).desired, (await listingOf(shop, 1)).desired]).toEqual([a.desired - 2, 1]);
		expect(await saveRules(deps, shop.shopId, { rules, actor: "7" })).toEqual({ outcome: "saved", listings: 0 });
		const [entry, ...more] = await audits(shop);
		expect(more).toEqual([]);
		expect(entry?.before).toEqual({
			listings: [
				{ id: a.id, policy: null },
				{ id: b.id, policy: null },
			],
		});
		const undo = [a.id, b.id].map((listingId) => ({ listingId, policy: null }));
		await saveRules(deps, shop.shopId, { rules: undo, actor: "7" });
		expect([(await listingOf(shop, 0)).desired, (await listingOf(shop, 1)).desired]).toEqual([a.desired, b.desired]);
	});

	test("one wrong listing among many changes none", async () => {
		const shop = await newShop(3);
		const a = await listingOf(shop, 0);
		const rules = [a.id, 999_999_999].map((listingId) => ({ listingId, policy: { kind: "fixed" as const, fixed: 1 } }));
		expect(await saveRules(deps, shop.shopId, { rules, actor: "7" })).toEqual({ outcome: "unknown" });
		await expect(
			saveRules(deps, shop.shopId, { rules: [{ listingId: a.id, policy: { kind: "buffer", buffer: -1 } }], actor: "7" }),
		).rejects.toThrow();
		expect(await listingOf(shop, 0)).toEqual(a);
		expect(await audits(shop)).toEqual([]);
	});
});

describe("the file of the stock page", () => {
	test("it holds all pages of the filter, and nothing of another shop", async () => {
		const shop = await newShop(620);
		await newShop(5);
		let text = "";
		for await (const part of stockCsv(db.pool, shop.shopId, ask())) text += part;
		const lines = text.trim().split("\r\n");
		expect(lines).toHaveLength(621);
		expect(new Set(lines.slice(1).map((line) => line.split(",")[0])).size).toBe(620);
		expect(lines[1]).toMatch(/^NW-0001,"Enamel mug, 350 ml",\d+,0,WooCommerce,NW-0001,/);
	});
});

test("the mark of a listing: what a person decided comes first, then what needs one, then what takes time", () => {
	const right = {
		connectionState: "live" as const,
		paused: false,
		notLive: false,
		parked: false,
		desired: 5,
		shown: 5,
		unseen: 0,
		seen: null,
		uncertain: false,
	};
	expect(markOf(right)).toBe("right");
	expect(markOf({ ...right, shown: 4, unseen: 1 })).toBe("right");
	expect(markOf({ ...right, desired: 0, shown: -2 })).toBe("right");
	expect(markOf({ ...right, shown: 6 })).toBe("waiting");
	expect(markOf({ ...right, uncertain: true })).toBe("waiting");
	expect(markOf({ ...right, seen: 9 })).toBe("difference");
	expect(markOf({ ...right, shown: 6, parked: true })).toBe("failed");
	expect(markOf({ ...right, shown: 6, parked: true, paused: true })).toBe("paused");
	expect(markOf({ ...right, shown: 6, paused: true, notLive: true })).toBe("not-live");
	expect(markOf({ ...right, shown: 6, connectionState: "watching" })).toBe("would-change");
	expect(markOf({ ...right, shown: null, connectionState: "watching" })).toBe("unread");
	expect(markOf({ ...right, connectionState: "paused" })).toBe("channel-paused");
	expect(markOf({ ...right, desired: null })).toBe("not-counted");
});
