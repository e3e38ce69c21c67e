import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { changeLinks, type LinkChange } from "#app/connections/guests/index.ts";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { quietDeps } from "../../../tests/kit/deps.ts";
import { type FilledShop, fillShop } from "../../../tests/kit/fill-shop.ts";
import { readActivity } from "../activity/read-activity.ts";
import { undoEntry } from "../activity/undo-entry.ts";
import { findListingsToLink } from "./find-listings.ts";
import { previewLinks } from "./preview-links.ts";
import { readItem } from "./read-item.ts";

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
	shop = await fillShop(db.pool, `links-${++shops}.myshopify.com`, { listings: 4 });
	await db.pool.query("UPDATE stock SET available = 13, home_quantity = 13 WHERE shop_id = $1", [shop.shopId]);
	await db.pool.query("UPDATE stock SET available = 5, home_quantity = 5 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(1)]);
	await db.pool.query("UPDATE listing SET desired = 13, shown = 13 WHERE shop_id = $1", [shop.shopId]);
	woken.length = 0;
});

const item = (n: number) => shop.items[n] ?? 0;
type Standing = { id: number; item_id: number | null; desired: number | null; shown: number | null; dirty: boolean; paused: boolean };
const one = async <Row>(sql: string, values: unknown[]): Promise<Row> => (await db.pool.query(sql, values)).rows[0] as Row;
/** The listing that was linked to that product at first. */
const listing = (n: number) =>
	one<Standing>(
		"SELECT id, item_id, desired, shown, dirty_since IS NOT NULL AS dirty, paused FROM listing WHERE shop_id = $1 AND external_id = $2",
		[shop.shopId, `woo-${item(n)}`],
	);
const save = (changes: LinkChange[], actor = "1") => changeLinks(deps, shop.shopId, { changes, actor });
const unlinked = async (n: number) => {
	const { id } = await listing(n);
	expect(await save([{ listingId: id, was: item(n), to: null }])).toEqual({ outcome: "saved", listings: 1 });
	return id;
};
const entries = async () =>
	(await db.pool.query<{ id: number; action: string }>("SELECT id, action FROM audit WHERE shop_id = $1 ORDER BY id", [shop.shopId])).rows;
const foretell = (n: number, of: { link?: number[]; unlink?: number[] }) =>
	previewLinks(db.pool, shop.shopId, { itemId: item(n), link: of.link ?? [], unlink: of.unlink ?? [] });

describe("R14 R45 a product's listings are linked and unlinked on its page", () => {
	test("what the form foretells of a linked listing is what it then must show; several may stand for one product", async () => {
		const id = await unlinked(0);
		expect(await listing(0)).toMatchObject({ item_id: null, desired: null, shown: 13, dirty: false });
		expect(await foretell(1, { link: [id] })).toEqual([
			{ listingId: id, channel: "WooCommerce", shows: 13, to: 5, isUnlinked: false, from: null, isSent: true },
		]);
		expect(await listing(0)).toMatchObject({ item_id: null });
		woken.length = 0;
		expect(await save([{ listingId: id, was: null, to: item(1) }])).toEqual({ outcome: "saved", listings: 1 });
		// Read before anything is written to it: what it showed may be old.
		expect(await listing(0)).toMatchObject({ item_id: item(1), desired: 5, shown: null, dirty: true });
		expect(woken).toContainEqual(["delivery.push", { shopId: shop.shopId, connectionId: shop.woocommerce }]);
		expect(woken).toContainEqual(["ingest.fetch", { shopId: shop.shopId, connectionId: shop.woocommerce }]);
		const page = await readItem(db.pool, shop.shopId, item(1), { reader: "1", before: null });
		expect(page?.listings.map(({ should }) => should)).toEqual([5, 5]);
	});

	test("its own rule counts, a bundle's parts count, what nobody counts is left alone, and what is not sent is said", async () => {
		const id = await unlinked(0);
		await db.pool.query(`UPDATE listing SET policy = '{"kind":"buffer","buffer":2}' WHERE id = $1`, [id]);
		expect(await foretell(1, { link: [id] })).toMatchObject([{ to: 3 }]);
		await db.pool.query(
			"INSERT INTO bundle_component (shop_id, bundle_item_id, component_item_id, quantity, made_here) VALUES ($1, $2, $3, 4, true)",
			[shop.shopId, item(2), item(3)],
		);
		expect(await foretell(2, { link: [id] })).toMatchObject([{ to: 1 }]);
		await save([{ listingId: id, was: null, to: item(2) }]);
		expect((await listing(0)).desired).toBe(1);
		await save([{ listingId: id, was: item(2), to: null }]);
		await db.pool.query("UPDATE item SET tracked = false WHERE id = $1", [item(1)]);
		await db.pool.query("UPDATE connection SET state = 'watching' WHERE id = $1", [shop.woocommerce]);
		expect(await foretell(1, { link: [id] })).toMatchObject([{ to: null, isSent: false }]);
		await save([{ listingId: id, was: null, to: item(1) }]);
		expect((await listing(0)).desired).toBeNull();
	});

	test("while only some listings of a channel are live, a new one waits with the others, as foretold", async () => {
		const id = await unlinked(0);
		await db.pool.query(
			`INSERT INTO connection_setup (shop_id, connection_id, live_scope) VALUES ($1, $2, 'some')
			 ON CONFLICT (shop_id, connection_id) DO UPDATE SET live_scope = 'some'`,
			[shop.shopId, shop.woocommerce],
		);
		expect(await foretell(1, { link: [id] })).toMatchObject([{ isSent: false }]);
		await save([{ listingId: id, was: null, to: item(1) }]);
		expect((await listing(0)).paused).toBe(true);
	});

	test("unlinked, it keeps what it shows and follows nothing; the product's story still tells of it, and Activity takes it back", async () => {
		const { id } = await listing(0);
		expect(await foretell(0, { unlink: [id] })).toMatchObject([{ shows: 13, to: null, isUnlinked: true, from: null }]);
		await unlinked(0);
		const page = await readItem(db.pool, shop.shopId, item(0), { reader: "1", before: null });
		expect(page?.listings).toEqual([]);
		expect(page?.story.events.map(({ text }) => text)).toContain("Took the link of NW-0001 on WooCommerce away");
		const [entry] = await entries();
		expect(await undoEntry(deps, shop.shopId, { entryId: entry?.id ?? 0, actor: "2" })).toEqual({ outcome: "undone", things: 1 });
		expect(await listing(0)).toMatchObject({ item_id: item(0), desired: 13 });
	});

	test("a listing moves from another product in one step that says whose it was, is one entry, and moves back with one press", async () => {
		const { id } = await listing(0);
		const found = await findListingsToLink(db.pool, shop.shopId, {
			itemId: item(1),
			connectionId: shop.woocommerce,
			query: "nw-0001",
		});
		expect(found).toEqual([
			{
				listingId: id,
				sku: "NW-0001",
				title: "Enamel mug, 350 ml",
				shows: 13,
				linkedTo: { itemId: item(0), sku: "NW-0001", title: "Enamel mug, 350 ml" },
			},
		]);
		expect(await foretell(1, { link: [id] })).toMatchObject([{ from: { sku: "NW-0001" }, shows: 13, to: 5 }]);
		expect(await save([{ listingId: id, was: item(0), to: item(1) }])).toEqual({ outcome: "saved", listings: 1 });
		expect(await listing(0)).toMatchObject({ item_id: item(1), desired: 5 });
		const [moved] = await entries();
		expect((await entries()).map(({ action }) => action)).toEqual(["listings.moved"]);
		const { entries: said } = await readActivity(db.pool, shop.shopId, "1", { kind: "links", person: null, after: null, before: null });
		expect(said).toMatchObject([
			{ what: "Linked NW-0001 on WooCommerce to another product", before: "NW-0001", after: "NW-0002", undoable: true },
		]);
		expect(await undoEntry(deps, shop.shopId, { entryId: moved?.id ?? 0, actor: "2" })).toEqual({ outcome: "undone", things: 1 });
		expect(await listing(0)).toMatchObject({ item_id: item(0), desired: 13 });
		expect(await undoEntry(deps, shop.shopId, { entryId: moved?.id ?? 0, actor: "2" })).toEqual({ outcome: "overtaken" });
		const back = (await entries())[1]?.id ?? 0;
		expect(await undoEntry(deps, shop.shopId, { entryId: back, actor: "2" })).toEqual({ outcome: "undone", things: 1 });
		expect((await listing(0)).item_id).toBe(item(1));
	});

	test("sent twice is saved once, and what somebody else changed meanwhile is not written over: all of it or nothing", async () => {
		const { id } = await listing(0);
		const other = (await listing(2)).id;
		const move = { listingId: id, was: item(0), to: item(1) };
		await save([move]);
		expect(await save([move])).toEqual({ outcome: "unchanged" });
		expect(
			await save([
				{ listingId: other, was: item(2), to: null },
				{ listingId: id, was: item(0), to: item(3) },
			]),
		).toEqual({ outcome: "overtaken" });
		expect([(await listing(0)).item_id, (await listing(2)).item_id]).toEqual([item(1), item(2)]);
		expect(await entries()).toHaveLength(1);
	});

	test("R09 of two at once that want one listing, one gets it and the other is told", async () => {
		const id = await unlinked(0);
		const both = await Promise.all([1, 2].map((n) => save([{ listingId: id, was: null, to: item(n) }])));
		expect(both.map(({ outcome }) => outcome).sort()).toEqual(["overtaken", "saved"]);
		expect((await entries()).map(({ action }) => action)).toEqual(["listings.unlinked", "listings.linked"]);
	});

	test("R37 another shop's listing or product, a closed channel's, one that sells another's stock, a product that is gone: nothing changes", async () => {
		const id = await unlinked(0);
		const other = await fillShop(db.pool, `links-other-${shops}.myshopify.com`, { listings: 1 });
		const theirs = await one<{ id: number }>("SELECT id FROM listing WHERE shop_id = $1", [other.shopId]);
		const link = (listingId: number, to: number, was: number | null = null) => save([{ listingId, was, to }]);
		expect(await link(theirs.id, item(1), other.items[0] ?? 0)).toEqual({ outcome: "unknown" });
		expect(await link(id, other.items[0] ?? 0)).toEqual({ outcome: "refused", reason: "The product is gone from Shopify." });
		expect(await foretell(1, { link: [theirs.id] })).toEqual([]);
		expect(await findListingsToLink(db.pool, shop.shopId, { itemId: item(1), connectionId: other.woocommerce, query: "NW" })).toEqual([]);
		await db.pool.query("UPDATE listing SET sold_from = 'woo-x' WHERE id = $1", [id]);
		expect(await link(id, item(1))).toMatchObject({ outcome: "refused" });
		await db.pool.query("UPDATE listing SET sold_from = NULL WHERE id = $1", [id]);
		await db.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [shop.woocommerce]);
		expect(await link(id, item(1))).toEqual({ outcome: "unknown" });
		expect((await listing(0)).item_id).toBeNull();
		expect(await entries()).toHaveLength(1);
	});
});
