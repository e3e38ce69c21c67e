import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { quietDeps } from "../../../tests/kit/deps.ts";
import { type FilledShop, fillShop } from "../../../tests/kit/fill-shop.ts";
import { readActivity } from "../activity/read-activity.ts";
import { undoEntry } from "../activity/undo-entry.ts";
import { findParts } from "./find-parts.ts";
import type { Part } from "./parts.ts";
import { previewParts } from "./preview-parts.ts";
import { readItem } from "./read-item.ts";
import { saveParts } from "./save-parts.ts";

let db: TestDatabase;
let deps: Deps;
let shop: FilledShop;
let shops = 0;
const woken: unknown[] = [];
beforeAll(async () => {
	db = await freshDatabase();
	deps = quietDeps(db.pool, async (...of) => void woken.push(of));
});
afterAll(() => db.drop());
beforeEach(async () => {
	shop = await fillShop(db.pool, `parts-${++shops}.myshopify.com`, { listings: 8 });
	await db.pool.query("UPDATE stock SET available = 13, home_quantity = 13 WHERE shop_id = $1", [shop.shopId]);
	await db.pool.query("UPDATE listing SET desired = 13, shown = 13 WHERE shop_id = $1", [shop.shopId]);
	woken.length = 0;
});

const item = (n: number) => shop.items[n] ?? 0;
const part = (n: number, quantity: number): Part => ({ itemId: item(n), quantity });
const save = (n: number, parts: Part[], was: Part[] = []) => saveParts(deps, shop.shopId, { itemId: item(n), parts, was, actor: "1" });
const listing = async (n: number) =>
	(
		await db.pool.query("SELECT desired, dirty_since IS NOT NULL AS dirty FROM listing WHERE shop_id = $1 AND item_id = $2", [
			shop.shopId,
			item(n),
		])
	).rows[0];
const made = async (n: number) =>
	(
		await db.pool.query(
			`SELECT component_item_id AS "itemId", quantity, made_here AS here FROM bundle_component WHERE shop_id = $1 AND bundle_item_id = $2 ORDER BY 1`,
			[shop.shopId, item(n)],
		)
	).rows;
const audits = async () =>
	(await db.pool.query("SELECT id FROM audit WHERE shop_id = $1 AND action = 'bundle.changed' ORDER BY id", [shop.shopId])).rows;

describe("R14 what a product is made of, said by the merchant", () => {
	test("R12 R45 what the form foretells is what its listing then must show; it is undone with one press, and that too", async () => {
		const sixPack = [part(1, 6)];
		const foretold = await previewParts(db.pool, shop.shopId, item(0), sixPack);
		expect(foretold).toMatchObject({ available: 2, listings: [{ channel: "WooCommerce", sku: "NW-0001", from: 13, to: 2, isSent: true }] });
		expect(await listing(0)).toEqual({ desired: 13, dirty: false });
		expect(await save(0, sixPack)).toEqual({ outcome: "saved" });
		expect(await listing(0)).toEqual({ desired: 2, dirty: true });
		expect(woken).toEqual([["delivery.push", { shopId: shop.shopId, connectionId: shop.woocommerce }]]);
		expect(await made(0)).toEqual([{ itemId: item(1), quantity: 6, here: true }]);
		expect(await readItem(db.pool, shop.shopId, item(0), { reader: "1", before: null })).toMatchObject({
			bundle: true,
			available: 2,
			locations: [],
		});

		const { rows } = await db.pool.query("SELECT count(*)::int AS movements FROM movement WHERE shop_id = $1", [shop.shopId]);
		expect(rows).toEqual([{ movements: 0 }]);
		const [entry] = await audits();
		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "2" })).toEqual({ outcome: "undone", things: 1 });
		expect([await made(0), (await listing(0)).desired]).toEqual([[], 13]);
		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "2" })).toEqual({ outcome: "overtaken" });
		const undone = (await audits())[1];
		expect(await undoEntry(deps, shop.shopId, { entryId: undone.id, actor: "2" })).toEqual({ outcome: "undone", things: 1 });
		expect((await listing(0)).desired).toBe(2);
		const activity = await readActivity(db.pool, shop.shopId, "1", { kind: "bundles", person: null, after: null, before: null });
		expect(activity.entries.map(({ what, before, after }) => [what, before, after])).toContainEqual([
			"Changed what NW-0001 is made of",
			"itself",
			"6 × NW-0002",
		]);
	});

	test("what it is made of already is no change, and what somebody else changed meanwhile is not written over", async () => {
		await save(0, [part(1, 2), part(2, 1)]);
		expect(await save(0, [part(2, 1), part(1, 2)], [])).toEqual({ outcome: "unchanged" });
		expect(await save(0, [part(3, 1)], [])).toEqual({ outcome: "overtaken" });
		expect(await made(0)).toHaveLength(2);
		expect(await audits()).toHaveLength(1);
		expect(await save(0, [], [part(1, 2), part(2, 1)])).toEqual({ outcome: "saved" });
		expect((await listing(0)).desired).toBe(13);
	});

	test("no bundles in bundles, nothing that Shopify does not count, nothing of Shopify's own; each refusal says why and changes nothing", async () => {
		await save(0, [part(1, 2)]);
		await db.pool.query("UPDATE item SET tracked = false WHERE id = $1", [item(4)]);
		await db.pool.query("UPDATE item SET is_home_bundle = true WHERE id = $1", [item(5)]);
		await db.pool.query("UPDATE item SET deleted_at = now() WHERE id = $1", [item(6)]);
		const other = await fillShop(db.pool, `parts-other-${shops}.myshopify.com`, { listings: 1 });
		const refused = async (n: number, parts: Part[]) => {
			const saved = await save(n, parts);
			return saved.outcome === "refused" ? saved.reason : saved.outcome;
		};
		expect(await refused(1, [part(2, 1)])).toBe("It is a part of a bundle, so it cannot be one itself.");
		expect(await refused(2, [part(0, 1)])).toBe("NW-0001: It is a bundle itself: add what that one is made of.");
		expect(await refused(2, [part(2, 1)])).toBe("NW-0003: That is this product itself.");
		expect(await refused(2, [part(4, 1)])).toBe("NW-0005: Shopify does not count it.");
		expect(await refused(5, [part(2, 1)])).toBe("What it is made of is edited in Shopify.");
		expect(await refused(2, [part(6, 1)])).toBe("A part: It is gone from Shopify.");
		expect(await refused(2, [{ itemId: other.items[0] ?? 0, quantity: 1 }])).toBe("A part: It is gone from Shopify.");
		expect(await refused(2, [part(3, 0)])).toBe("Each part is in it 1 to 999 times.");
		expect(await refused(2, [part(3, 1_000)])).toBe("Each part is in it 1 to 999 times.");
		expect(await refused(2, [part(3, 1), part(3, 2)])).toBe("A part stands in it twice.");
		expect(
			await refused(
				2,
				Array.from({ length: 31 }, () => part(3, 1)),
			),
		).toBe("A bundle has at most 30 different parts, as in Shopify.");
		expect(await saveParts(deps, shop.shopId, { itemId: other.items[0] ?? 0, parts: [part(3, 1)], was: [], actor: "1" })).toEqual({
			outcome: "unknown",
		});
		expect(await audits()).toHaveLength(1);
		const found = await findParts(db.pool, shop.shopId, { itemId: item(2), query: "NW-000" });
		expect(found.filter(({ why }) => why === null).map(({ sku }) => sku)).toEqual(["NW-0002", "NW-0004", "NW-0008"]);
	});

	test("R09 of two at once that would put one bundle into another, one is refused", async () => {
		const outcomes = await Promise.all([save(0, [part(1, 2)]), save(1, [part(2, 3)])]);
		expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["refused", "saved"]);
	});

	test("R12 a part that sells when it is out governs no figure, and the form says so", async () => {
		await db.pool.query("UPDATE item SET sells_when_out = true WHERE id = $1", [item(1)]);
		expect((await previewParts(db.pool, shop.shopId, item(0), [part(1, 6)])).listings).toMatchObject([{ from: 13, to: null }]);
		await save(0, [part(1, 6)]);
		expect((await listing(0)).desired).toBeNull();
	});
});
