import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import type { TestShop } from "../../../tests/kit/shop.ts";
import { parseCsv, toCsv } from "./csv.ts";
import { exportUnmatched, importMatches, linkListings, proposeMatching, readCatalogue, undoLinks, unlinkListings } from "./index.ts";

let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

type Scene = { shop: TestShop; store: OpenStore; connectionId: number };
/** Home has these SKUs with 10 pieces each; the store sells those. */
async function scene(home: readonly (string | null)[], sold: readonly string[]): Promise<Scene> {
	const shop = await w.shop(home.map((sku) => ({ sku, stock: 10 })));
	const store = w.store(sold.map((sku) => ({ sku, quantity: 10 })));
	const connectionId = await w.connect(shop, store);
	await w.refill();
	await readCatalogue(w.deps, shop.shopId, connectionId);
	return { shop, store, connectionId };
}
const listings = async ({ connectionId }: Scene) =>
	w.all<{ id: number; sku: string; external_id: string; item: string | null; desired: number | null }>(
		`SELECT l.id, l.sku, l.external_id, i.sku AS item, l.desired FROM listing l LEFT JOIN item i ON i.shop_id = l.shop_id AND i.id = l.item_id
		 WHERE l.connection_id = $1 ORDER BY l.id`,
		[connectionId],
	);
const linksOf = async (s: Scene) => Object.fromEntries((await listings(s)).map(({ sku, item }) => [sku, item]));
const newestAudit = async ({ shop }: Scene) =>
	(await w.all<{ id: number }>("SELECT id FROM audit WHERE shop_id = $1 ORDER BY id DESC LIMIT 1", [shop.shopId]))[0]?.id ?? 0;
const link = async (s: Scene) => {
	const { exact } = await proposeMatching(w.deps.pool, s.shop.shopId, s.connectionId);
	return linkListings(w.deps, s.shop.shopId, s.connectionId, exact, "user-1");
};

describe("R45 a linking is undone as a whole, and the undoing as well", () => {
	test("links, their undoing, and the undoing of that", async () => {
		const s = await scene(["A", "B"], ["A", "B"]);
		expect(await link(s)).toEqual({ linked: 2, refused: [] });
		const linked = await newestAudit(s);
		const undo = (auditId: number) => undoLinks(w.deps, s.shop.shopId, s.connectionId, { auditId, actor: "user-2" });
		expect(await undo(linked)).toEqual({ outcome: "undone", listings: 2, left: 0 });
		expect((await listings(s)).map(({ item, desired }) => [item, desired])).toEqual([
			[null, null],
			[null, null],
		]);
		const unlinked = await newestAudit(s);
		expect(await undo(linked)).toEqual({ outcome: "undone", listings: 0, left: 2 });
		expect(await undo(unlinked)).toEqual({ outcome: "undone", listings: 2, left: 0 });
		expect((await listings(s)).map(({ item, desired }) => [item, desired])).toEqual([
			["A", 10],
			["B", 10],
		]);
	});

	test("what was linked to something else since stays as it is", async () => {
		const s = await scene(["A", "B"], ["A", "B"]);
		await link(s);
		const linked = await newestAudit(s);
		const [first] = await listings(s);
		await unlinkListings(w.deps, s.shop.shopId, s.connectionId, [first?.id ?? 0], "user-1");
		const other = { listingId: first?.id ?? 0, itemId: s.shop.items[1] ?? 0 };
		await linkListings(w.deps, s.shop.shopId, s.connectionId, [other], "user-1");
		expect(await undoLinks(w.deps, s.shop.shopId, s.connectionId, { auditId: linked, actor: "u" })).toEqual({
			outcome: "undone",
			listings: 1,
			left: 1,
		});
		expect(await linksOf(s)).toEqual({ A: "B", B: null });
	});

	test("R37 another shop's entry, another connection's and one that is no linking are unknown, and nothing changes", async () => {
		const [mine, other] = [await scene(["A"], ["A"]), await scene(["A"], ["A"])];
		await link(mine);
		await link(other);
		const foreign = await newestAudit(other);
		const undo = (auditId: number) => undoLinks(w.deps, mine.shop.shopId, mine.connectionId, { auditId, actor: "u" });
		expect(await undo(foreign)).toEqual({ outcome: "unknown" });
		const connected = await w.one<{ id: number }>("SELECT id FROM audit WHERE shop_id = $1 AND action = 'connection.created'", [
			mine.shop.shopId,
		]);
		expect(await undo(connected.id)).toEqual({ outcome: "unknown" });
		expect([await linksOf(mine), await linksOf(other)]).toEqual([{ A: "A" }, { A: "A" }]);
	});
});

describe("the unmatched as a file, out and in again", () => {
	const file = (rows: (readonly string[])[]) => toCsv([["Listing ID", "Shopify SKU"], ...rows]);
	const bring = (s: Scene, text: string) => importMatches(w.deps, s.shop.shopId, s.connectionId, { text, actor: "user-1" });

	test("each listing with the reason why it is not matched, and what it could be", async () => {
		const s = await scene(["00123", "MUG", "TWICE", "TWICE"], ["123", "MUG-6PK", "TWICE", "ELSE"]);
		const [head, ...rows] = parseCsv(await exportUnmatched(w.deps.pool, s.shop.shopId, s.connectionId)).map(({ cells }) => cells);
		expect(head).toEqual(["Listing ID", "Listing title", "Listing SKU", "Listing barcode", "Why not matched", "Could be", "Shopify SKU"]);
		expect(rows.map(([, , sku, , why, could]) => [sku, why, could])).toEqual([
			["123", "Differs in leading zeros", "00123"],
			["MUG-6PK", "Differs in pack size", "MUG"],
			["TWICE", "Several products are possible", "TWICE | TWICE"],
			["ELSE", "No such SKU or barcode in Shopify", ""],
		]);
	});

	test("good lines are linked, each bad one is told by its number, empty ones are passed over", async () => {
		const s = await scene(["A", "B", "C", "00123", "TWICE", "TWICE"], ["a", "b", "c", "d", "e"]);
		const [a, b, c, d, e] = (await listings(s)).map(({ external_id }) => external_id) as [string, string, string, string, string];
		const text = file([
			[a, "A"],
			[b, ""],
			["no-such", "B"],
			[c, "NOWHERE"],
			[d, "123"],
			[e, "TWICE"],
			[a, "B"],
			[b, "B"],
		]);
		expect(await bring(s, text)).toEqual({
			outcome: "imported",
			linked: 2,
			empty: 1,
			complaints: [
				{ line: 4, reason: 'There is no listing "no-such" on this channel.' },
				{ line: 5, reason: "No product in Shopify has the SKU NOWHERE." },
				{ line: 6, reason: "No product in Shopify has the SKU 123. Did you mean 00123? Spreadsheets drop leading zeros." },
				{ line: 7, reason: "2 products in Shopify have the SKU TWICE. Link this one by hand." },
				{ line: 8, reason: "Line 2 names another product for the same listing." },
			],
			moreComplaints: 0,
		});
		expect(await linksOf(s)).toEqual({ a: "A", b: "B", c: null, d: null, e: null });
		expect(await bring(s, file([[a, "B"]]))).toMatchObject({
			linked: 0,
			complaints: [{ line: 2, reason: expect.stringContaining("linked to another product") }],
		});
	});

	test("a file of something else is refused, and nothing changes", async () => {
		const s = await scene(["A"], ["a"]);
		expect(await bring(s, "Product,Price\nA,1\n")).toMatchObject({ outcome: "refused" });
		expect(await bring(s, "")).toMatchObject({ outcome: "refused" });
		expect(await bring(s, `Listing ID,Shopify SKU\n${"1,A\n".repeat(20_001)}`)).toMatchObject({ outcome: "refused" });
		expect(await bring(s, `Listing ID,Shopify SKU\n${"x".repeat(5_000_001)}`)).toMatchObject({ outcome: "refused" });
		expect(await linksOf(s)).toEqual({ a: null });
	});

	test("R37 a file that names another shop's listings links none of them", async () => {
		const [mine, other] = [await scene(["A"], ["x"]), await scene(["A"], ["y", "z"])];
		const foreign = (await listings(other)).at(-1)?.external_id ?? "";
		expect(await bring(mine, file([[foreign, "A"]]))).toMatchObject({ linked: 0, complaints: [{ line: 2 }] });
		expect(await importMatches(w.deps, mine.shop.shopId, other.connectionId, { text: file([[foreign, "A"]]), actor: "u" })).toMatchObject({
			linked: 0,
			complaints: [{ line: 2 }],
		});
		expect(await linksOf(other)).toEqual({ y: null, z: null });
	});

	test("what a spreadsheet would take for a formula is marked on the way out, and whole again on the way in", () => {
		const cells = ["=1+1", "+49", "-A", "@x", "'=quoted", "plain", "a,b", 'say "x"', "two\nlines", "\tt"];
		const text = toCsv([cells]);
		expect(text).not.toMatch(/(^|,|")[=+@-]/m);
		expect(parseCsv(text)).toEqual([{ line: 1, cells }]);
	});

	test("files as German and Mac spreadsheets write them are read as well", () => {
		expect(parseCsv("A;B\r\n1;2,5\r\n\r\n3;4")).toEqual([
			{ line: 1, cells: ["A", "B"] },
			{ line: 2, cells: ["1", "2,5"] },
			{ line: 4, cells: ["3", "4"] },
		]);
		expect(parseCsv("A\tB\n1\t2")).toHaveLength(2);
	});
});
