import fc from "fast-check";
import { expect, test } from "vitest";
import { type Matching, matchListings, type Sellable } from "./matching.ts";

const thing = (id: number, sku: string | null, barcode: string | null = null): Sellable => ({ id, sku, barcode, title: `Thing ${id}` });
const match = (listing: Partial<Sellable>, ...items: Sellable[]): Matching =>
	matchListings([{ id: 1, sku: null, barcode: null, title: "", ...listing }], items);
const NOTHING: Matching = { exact: [], near: [], ambiguous: [], missingAtHome: [], missingOnChannel: [] };

test("the exact SKU first, then the exact barcode", () => {
	expect(match({ sku: "A-1" }, thing(7, "A-1"), thing(8, "A-2"))).toEqual({
		...NOTHING,
		exact: [{ listingId: 1, itemId: 7, by: "sku" }],
		missingOnChannel: [8],
	});
	expect(match({ sku: "SHOP-9", barcode: "4006381333931" }, thing(7, "A-1", "4006381333931"))).toMatchObject({
		exact: [{ listingId: 1, itemId: 7, by: "barcode" }],
	});
	expect(match({ sku: "A-1", barcode: "1" }, thing(7, "A-1", "2"))).toMatchObject({ exact: [{ itemId: 7, by: "sku" }] });
});

test("R14 several listings may stand for one item", () => {
	const listings = [thing(1, "A"), thing(2, "A"), thing(3, null, "44")];
	expect(matchListings(listings, [thing(7, "A", "44")]).exact).toEqual([
		{ listingId: 1, itemId: 7, by: "sku" },
		{ listingId: 2, itemId: 7, by: "sku" },
		{ listingId: 3, itemId: 7, by: "barcode" },
	]);
});

test("near misses are listed with what differs, and never linked: blanks, letter case, leading zeros, separators", () => {
	const near = (sku: string, at: string) => match({ sku }, thing(7, at));
	for (const [listing, item, difference] of [
		["A-1 ", "A-1", "blanks"],
		["A 1", "A1", "blanks"],
		["a-1", "A-1", "letter case"],
		["00123", "123", "leading zeros"],
		["A-1", "A_1", "separators"],
		["A.1/B", "A1B", "separators"],
		["ÄX", "äx", "letter case"],
	] as const) {
		expect(near(listing, item)).toEqual({ ...NOTHING, near: [{ listingId: 1, itemIds: [7], by: "sku", difference }] });
	}
	expect(match({ barcode: "0036000291452" }, thing(7, "x", "036000291452"))).toEqual({
		...NOTHING,
		near: [{ listingId: 1, itemIds: [7], by: "barcode", difference: "leading zeros" }],
	});
	expect(near("A-1", "A-2")).toEqual({ ...NOTHING, missingAtHome: [1], missingOnChannel: [7] });
	expect(match({ sku: "a-1" }, thing(7, "A-1"), thing(8, "A -1")).near).toEqual([
		{ listingId: 1, itemIds: [7, 8], by: "sku", difference: "letter case" },
	]);
});

test("a pack is shown beside its single piece, and never linked by itself", () => {
	for (const [listing, item] of [
		["MUG-6PK", "MUG"],
		["MUG_X6", "mug"],
		["6xMUG", "MUG"],
		["MUG-PACK12", "MUG"],
		["MUG", "MUG-3er"],
	] as const) {
		expect(match({ sku: listing }, thing(7, item)).near).toEqual([{ listingId: 1, itemIds: [7], by: "sku", difference: "pack size" }]);
	}
	for (const [listing, item] of [
		["MUG-60", "MUG"],
		["X6", "X"],
		["6PK", "PK"],
	] as const) {
		expect(match({ sku: listing }, thing(7, item)).near).toEqual([]);
	}
});

test("ambiguous ones are listed with all they may be: a SKU twice at home, a barcode twice, SKU and barcode of two different things", () => {
	expect(match({ sku: "A" }, thing(7, "A"), thing(8, "A"))).toEqual({
		...NOTHING,
		ambiguous: [{ listingId: 1, itemIds: [7, 8], by: "sku" }],
	});
	expect(match({ barcode: "5" }, thing(7, "A", "5"), thing(8, "B", "5"))).toEqual({
		...NOTHING,
		ambiguous: [{ listingId: 1, itemIds: [7, 8], by: "barcode" }],
	});
	expect(match({ sku: "A", barcode: "5" }, thing(7, "A", "4"), thing(8, "B", "5"))).toEqual({
		...NOTHING,
		ambiguous: [{ listingId: 1, itemIds: [7, 8], by: "both" }],
	});
	// A placeholder that stands on everything contradicts nothing.
	expect(match({ sku: "A", barcode: "0" }, thing(7, "A", "0"), thing(8, "B", "0"), thing(9, "C", "0")).exact).toEqual([
		{ listingId: 1, itemId: 7, by: "sku" },
	]);
});

test("what has no code, or one of blanks, matches nothing", () => {
	for (const code of [null, "", "  "]) {
		expect(match({ sku: code, barcode: code }, thing(7, code, code), thing(8, "A"))).toEqual({
			...NOTHING,
			missingAtHome: [1],
			missingOnChannel: [7, 8],
		});
	}
});

test("items that are listed already are not missing on the channel, and still make a code ambiguous", () => {
	const items = [thing(7, "A"), thing(8, "A"), thing(9, "B")];
	expect(matchListings([thing(1, "A")], items, new Set([7]))).toEqual({
		...NOTHING,
		ambiguous: [{ listingId: 1, itemIds: [7, 8], by: "sku" }],
		missingOnChannel: [9],
	});
});

test("an exact match is only ever an equal code that is unique at home; every listing is in one list, and every list was met", () => {
	// Codes that meet: equal, and equal but for case, blanks, zeros and separators.
	const codes = ["A1", "a1", "A 1", "A-1", "0A1", "B2", "B-2", "C3", "D4", "E5", "7", "07", "8", "9", " ", ""];
	const code = fc.option(fc.constantFrom(...codes), { nil: null, freq: 3 });
	const things = fc.array(fc.record({ sku: code, barcode: code }), { maxLength: 8, size: "max" });
	const met = { exact: 0, near: 0, ambiguous: 0, missingAtHome: 0, missingOnChannel: 0 };
	fc.assert(
		fc.property(things, things, (listed, stocked) => {
			const listings = listed.map((codes, n) => ({ id: n + 1, title: "", ...codes }));
			const items = stocked.map((codes, n) => ({ id: n + 101, title: "", ...codes }));
			const found = matchListings(listings, items);
			for (const name of Object.keys(met) as (keyof Matching)[]) met[name] += found[name].length;
			for (const { listingId, itemId, by } of found.exact) {
				const mine = listings[listingId - 1]?.[by];
				const same = items.filter((item) => item[by] === mine).map(({ id }) => id);
				expect({ mine, same }).toEqual({ mine: expect.stringMatching(/\S/), same: [itemId] });
				// By its barcode only where its SKU is nobody's.
				if (by === "barcode") expect(items.filter(({ sku }) => sku?.trim() && sku === listings[listingId - 1]?.sku)).toEqual([]);
			}
			for (const { listingId, itemIds, by } of found.near) {
				const mine = listings[listingId - 1]?.[by];
				for (const itemId of itemIds) expect(items[itemId - 101]?.[by]).not.toBe(mine);
			}
			const once = [...found.exact, ...found.near, ...found.ambiguous].map(({ listingId }) => listingId);
			expect([...once, ...found.missingAtHome].sort((a, b) => a - b)).toEqual(listings.map(({ id }) => id));
			const named = new Set([
				...found.exact.map(({ itemId }) => itemId),
				...[...found.near, ...found.ambiguous].flatMap(({ itemIds }) => itemIds),
			]);
			expect(found.missingOnChannel).toEqual(items.map(({ id }) => id).filter((id) => !named.has(id)));
		}),
		{ numRuns: 1_000 },
	);
	expect(Math.min(...Object.values(met))).toBeGreaterThan(40);
});

test("8,000 SKUs on both sides are matched in well under a second, look-alikes included", () => {
	const items = Array.from({ length: 8_000 }, (_, n) => thing(n + 10_000, `SKU-${n}`, `40063813${n}`));
	const listings = items.map(({ sku }, n) => thing(n + 1, n % 10 === 0 ? `${sku?.toLowerCase()} ` : sku));
	const startedAt = performance.now();
	const found = matchListings(listings, items);
	expect(performance.now() - startedAt).toBeLessThan(1_500);
	expect([found.exact.length, found.near.length]).toEqual([7_200, 800]);
});
