import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Policy } from "#domain";
import { checkNow } from "../../../tests/kit/check.ts";
import { dyingPool } from "../../../tests/kit/dying-pool.ts";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import { expectCoherentState, put, reading, stockOf, type TestShop } from "../../../tests/kit/shop.ts";
import {
	changePolicy,
	chooseLocations,
	goLive,
	linkListings,
	pauseListings,
	proposeMatching,
	readCatalogue,
	startWatching,
	unlinkListings,
} from "./index.ts";

let w: GuestWorld;
let shop: TestShop;
let store: OpenStore;
let connectionId: number;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	shop = await w.shop([
		{ sku: "TEA", stock: 10 },
		{ sku: "POT", stock: 4 },
	]);
	store = w.store([
		{ sku: "TEA", quantity: 10 },
		{ sku: "POT", quantity: 4 },
		{ sku: "tea", quantity: 1 },
	]);
	connectionId = await w.join(shop, store);
});

type ListingRow = { id: number; desired: number | null; shown: number | null; paused: boolean; item_id: number | null; dirty: boolean };
const listing = (sku: string) =>
	w.one<ListingRow>(
		"SELECT id, desired, shown, paused, item_id, dirty_since IS NOT NULL AS dirty FROM listing WHERE shop_id = $1 AND connection_id = $2 AND sku = $3",
		[shop.shopId, connectionId, sku],
	);
const desired = async (sku: string) => (await listing(sku)).desired;
type Entry<B = unknown> = { actor: string; action: string; subject: string; before: B; after: unknown };
const lastAudit = async <B>() =>
	(
		await w.all<Entry<B>>("SELECT actor, action, subject, before, after FROM audit WHERE shop_id = $1 ORDER BY id DESC LIMIT 1", [
			shop.shopId,
		])
	)[0] as Entry<B>;
const audits = async () => (await w.one<{ n: number }>("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1", [shop.shopId])).n;
const policy = (to: Policy | null, listingIds: number[] | null = null, actor = "user-2") =>
	changePolicy(w.deps, shop.shopId, connectionId, { policy: to, listingIds, actor });

describe("R12 policies", () => {
	test("R40 R45 the connection's default and a listing's own: desired follows at once, the audit names who, and what was before undoes it", async () => {
		expect(await policy({ kind: "buffer", buffer: 3 })).toEqual({ outcome: "changed", listings: 0 });
		expect([await desired("TEA"), await desired("POT")]).toEqual([7, 1]);
		const tea = await listing("TEA");
		expect(await policy({ kind: "percentage", percentage: 50, maximum: 4 }, [tea.id])).toEqual({ outcome: "changed", listings: 1 });
		expect([await desired("TEA"), await desired("POT")]).toEqual([4, 1]);
		expect(await lastAudit()).toEqual({
			actor: "user-2",
			action: "policy.changed",
			subject: String(connectionId),
			before: { listings: [{ id: tea.id, policy: null }] },
			after: { policy: { kind: "percentage", percentage: 50, maximum: 4 }, listingIds: [tea.id] },
		});
		// A sale at home is seen through the rules.
		await put(w.deps.pool, shop, [reading(0, 6, "2026-03-01T10:00:00Z")], { connection: "home" });
		await w.drain(shop);
		expect(await desired("TEA")).toBe(3);

		const undone = await lastAudit<{ listings: { id: number; policy: Policy | null }[] }>();
		for (const { id, policy: was } of undone.before.listings) await policy(was, [id], "user-3");
		expect(await desired("TEA")).toBe(3);
		expect(await policy(null, null, "user-3")).toEqual({ outcome: "changed", listings: 0 });
		expect((await lastAudit<{ policy: Policy }>()).before.policy).toEqual({ kind: "buffer", buffer: 3 });
		expect([await desired("TEA"), await desired("POT")]).toEqual([6, 4]);
	});

	test("R12 fixed, minimum and maximum, and a rule that nobody can mean is refused", async () => {
		for (const [rule, tea, pot] of [
			[{ kind: "fixed", fixed: 5 }, 5, 4],
			[{ kind: "exact", minimum: 5 }, 10, 0],
			[{ kind: "exact", maximum: 2 }, 2, 2],
			[{ kind: "percentage", percentage: 33 }, 3, 1],
		] as [Policy, number, number][]) {
			await policy(rule);
			expect([rule, await desired("TEA"), await desired("POT")]).toEqual([rule, tea, pot]);
		}
		const before = await audits();
		await expect(policy({ kind: "percentage", percentage: 120 })).rejects.toThrow();
		await expect(policy({ kind: "buffer", buffer: -1 })).rejects.toThrow();
		expect(await audits()).toBe(before);
	});

	test("R08 killed after the change and before its listings followed: the next regular look lets them follow", async () => {
		await w.deps.pool.query("UPDATE connection SET state = 'watching', cut_at = now() WHERE id = $1", [connectionId]);
		const outcomes = new Set<boolean>();
		for (const at of [1, 2, 3, 4, 5, 6]) {
			await policy({ kind: "exact" });
			const before = await audits();
			const { pool } = dyingPool(w.deps.pool, { at, moment: "after" });
			const change = { policy: { kind: "fixed", fixed: 1 } as const, listingIds: null, actor: "u" };
			await expect(changePolicy({ ...w.deps, pool }, shop.shopId, connectionId, change)).rejects.toThrow();
			const { kind } = (await w.one<{ policy: Policy }>("SELECT policy FROM connection WHERE id = $1", [connectionId])).policy;
			const committed = kind === "fixed";
			outcomes.add(committed);
			expect(await audits()).toBe(before + (committed ? 1 : 0));
			await checkNow(w.deps, shop.shopId, connectionId);
			expect([at, await desired("TEA")]).toEqual([at, committed ? 1 : 10]);
		}
		expect([...outcomes]).toEqual([false, true]);
	});
});

describe("R13 locations", () => {
	test("R40 R45 chosen ones feed the channel, none chosen means all; undone by what was before; an unknown one changes nothing", async () => {
		const { id: second } = await w.one<{ id: number }>(
			"INSERT INTO location (shop_id, external_id, name) VALUES ($1, 'loc-1', 'Shop floor') RETURNING id",
			[shop.shopId],
		);
		await put(w.deps.pool, shop, [reading(0, 5, "2026-03-01T10:00:00Z", 1)], { connection: "home" });
		await w.drain(shop);
		expect(await desired("TEA")).toBe(15);
		const choose = (locationIds: number[], actor = "user-4") => chooseLocations(w.deps, shop.shopId, connectionId, { locationIds, actor });
		expect(await choose([second])).toMatchObject({ outcome: "changed" });
		expect([await desired("TEA"), await desired("POT")]).toEqual([5, 0]);
		expect(await lastAudit()).toMatchObject({
			actor: "user-4",
			action: "locations.chosen",
			before: { locationIds: [] },
			after: { locationIds: [second] },
		});

		const foreign = (await w.shop([])).locations[0] as number;
		const before = await audits();
		expect(await choose([foreign])).toEqual({ outcome: "unknown" });
		expect(await choose([second, 999_999])).toEqual({ outcome: "unknown" });
		expect(await audits()).toBe(before);
		expect(await desired("TEA")).toBe(5);

		const [first] = shop.locations as [number];
		await Promise.all([choose([first]), choose([second]), choose([first, second])]);
		const rows = await w.all<{ location_id: number }>("SELECT location_id FROM connection_location WHERE connection_id = $1 ORDER BY 1", [
			connectionId,
		]);
		expect([[first], [second], [first, second]]).toContainEqual(rows.map(({ location_id }) => location_id));
		expect((await lastAudit<unknown>()).after).toEqual({ locationIds: rows.map(({ location_id }) => location_id) });

		await choose([second]);
		await choose((await lastAudit<{ locationIds: number[] }>()).before.locationIds);
		await choose([]);
		expect(await desired("TEA")).toBe(15);
	});
});

describe("R14 links", () => {
	test("R40 R45 unlinked, a listing shows what it shows and counts no more; linked again it follows, and the audit undoes it", async () => {
		const tea = await listing("TEA");
		expect(await unlinkListings(w.deps, shop.shopId, connectionId, [tea.id, 999_999], "user-5")).toBe(1);
		expect(await listing("TEA")).toMatchObject({ desired: null, item_id: null, dirty: false });
		const undo = await lastAudit<{ links: { listingId: number; itemId: number }[] }>();
		expect(undo).toMatchObject({
			actor: "user-5",
			action: "listings.unlinked",
			before: { links: [{ listingId: tea.id, itemId: shop.items[0] }] },
		});
		expect(await unlinkListings(w.deps, shop.shopId, connectionId, [tea.id], "user-5")).toBe(0);

		await w.deps.pool.query("UPDATE listing SET shown = 3, unseen = 2, parked = true, attempts = 4 WHERE id = $1", [tea.id]);
		expect(await linkListings(w.deps, shop.shopId, connectionId, undo.before.links, "user-6")).toEqual({ linked: 1, refused: [] });
		// What it showed under its former link says nothing: it is read first.
		expect(await listing("TEA")).toMatchObject({ desired: 10, shown: null, item_id: shop.items[0], dirty: true });
		expect(await lastAudit()).toMatchObject({ actor: "user-6", action: "listings.linked", after: undo.before });
		// Again to the same item: nothing changes, nothing is written down.
		const before = await audits();
		expect(await linkListings(w.deps, shop.shopId, connectionId, undo.before.links, "user-6")).toEqual({ linked: 1, refused: [] });
		expect(await audits()).toBe(before);
	});

	test("a listing that is linked elsewhere, a contradiction, a stranger's item, a gone product: each refused with its reason, the others linked", async () => {
		const [tea, pot, lower] = [await listing("TEA"), await listing("POT"), await listing("tea")];
		const [first, second] = shop.items as [number, number];
		const foreign = (await w.shop([{ sku: "X", stock: 1 }])).items[0] as number;
		const link = (links: { listingId: number; itemId: number }[]) => linkListings(w.deps, shop.shopId, connectionId, links, "u");
		expect(await link([{ listingId: tea.id, itemId: second }])).toEqual({
			linked: 0,
			refused: [{ listingId: tea.id, reason: expect.stringContaining("another product") }],
		});
		expect(await link([{ listingId: lower.id, itemId: foreign }])).toMatchObject({ linked: 0, refused: [{ listingId: lower.id }] });
		const both = [
			{ listingId: lower.id, itemId: first },
			{ listingId: lower.id, itemId: second },
			{ listingId: pot.id, itemId: second },
		];
		expect(await link(both)).toEqual({ linked: 1, refused: [{ listingId: lower.id, reason: "Two products were named for it." }] });
		await w.deps.pool.query("UPDATE item SET deleted_at = now() WHERE id = $1", [second]);
		expect(await link([{ listingId: lower.id, itemId: second }])).toMatchObject({ linked: 0 });
		const outcomes = await Promise.all([link([{ listingId: lower.id, itemId: first }]), link([{ listingId: lower.id, itemId: first }])]);
		expect(outcomes.map(({ linked }) => linked)).toEqual([1, 1]);
		expect(
			await w.one("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND after->'links' @> $2", [
				shop.shopId,
				JSON.stringify([{ listingId: lower.id }]),
			]),
		).toEqual({ n: 1 });
	});

	test("R14 R06 two listings of one item: each sale counts once, and both follow", async () => {
		const lower = await listing("tea");
		await linkListings(w.deps, shop.shopId, connectionId, [{ listingId: lower.id, itemId: shop.items[0] as number }], "u");
		await live();
		await w.buy(store, "TEA", 2);
		await w.buy(store, "tea", 1);
		await w.run(store);
		expect(await stockOf(w.deps.pool, shop, 0)).toMatchObject({ available: 7, owed: -3 });
		expect([await desired("TEA"), await desired("tea")]).toEqual([7, 7]);
		await expectCoherentState(w.deps.pool, shop.shopId);
	});

	test("R32 an order of what is linked to nothing waits as a dead letter; linking reads it again and counts it, once", async () => {
		await live();
		const orderId = await w.buy(store, "tea", 1);
		await w.run(store);
		const letters = () => w.all("SELECT state, error_class FROM dead_letter WHERE shop_id = $1", [shop.shopId]);
		expect(await letters()).toEqual([{ state: "open", error_class: "unmapped-listing" }]);
		expect(await stockOf(w.deps.pool, shop, 0)).toMatchObject({ available: 10 });
		const lower = await listing("tea");
		await linkListings(w.deps, shop.shopId, connectionId, [{ listingId: lower.id, itemId: shop.items[0] as number }], "u");
		await w.run(store);
		expect(await stockOf(w.deps.pool, shop, 0)).toMatchObject({ available: 9 });
		expect(await letters()).toEqual([{ state: "resolved", error_class: "unmapped-listing" }]);
		await store.setOrderStatus(orderId, "completed");
		await w.run(store);
		expect(await stockOf(w.deps.pool, shop, 0)).toMatchObject({ available: 9 });
		await expectCoherentState(w.deps.pool, shop.shopId);
	});

	test("the catalogue read again keeps links, takes new names, and unlinks what now sells another one's stock; at once it is the same", async () => {
		const variants = w.store([]);
		variants.seed([{ sku: "TEE", name: "Tee", quantity: 9, variations: [{ sku: "TEA", option: "S", quantity: 3 }] }]);
		const other = await w.shop([{ sku: "TEA", stock: 3 }]);
		const otherId = await w.join(other, variants);
		const small = () =>
			w.one<{ link_state: string; sold_from: string | null; title: string; desired: number | null }>(
				"SELECT link_state, sold_from, title, desired FROM listing WHERE connection_id = $1 AND sku = 'TEA'",
				[otherId],
			);
		expect(await small()).toMatchObject({ link_state: "linked", sold_from: null, title: "Tee - S", desired: 3 });
		const variation = [...variants.state.products.values()].find((product) => product.sku === "TEA");
		if (!variation) throw new Error("It was seeded");
		Object.assign(variation, { manageStock: false });
		const outcomes = await Promise.all([readCatalogue(w.deps, other.shopId, otherId), readCatalogue(w.deps, other.shopId, otherId)]);
		expect(outcomes.map((outcome) => (outcome.outcome === "read" ? outcome.unlinked : -1)).sort()).toEqual([0, 1]);
		expect(await small()).toMatchObject({ link_state: "unlinked", sold_from: expect.any(String), desired: null });
		expect(await w.one("SELECT actor, action FROM audit WHERE shop_id = $1 AND action = 'listings.unlinked'", [other.shopId])).toEqual({
			actor: "system",
			action: "listings.unlinked",
		});
		expect((await proposeMatching(w.deps.pool, other.shopId, otherId)).exact).toEqual([]);
	});

	test("a store that fails in the middle of its catalogue says so, and what was read is kept", async () => {
		store.revokeKey(store.keys.consumerKey);
		expect(await readCatalogue(w.deps, shop.shopId, connectionId)).toMatchObject({ outcome: "failed", listings: 0 });
		expect(await desired("TEA")).toBe(10);
	});
});

describe("R12 single listings paused", () => {
	test("R40 nothing is written while it is paused, and it is looked at and written when it goes on", async () => {
		await live();
		const tea = await listing("TEA");
		const pause = (paused: boolean, listingIds = [tea.id]) =>
			pauseListings(w.deps, shop.shopId, connectionId, { listingIds, paused, reason: "being photographed", actor: "user-8" });
		expect(await pause(true)).toEqual({ outcome: "changed", listings: 1 });
		expect(await lastAudit()).toMatchObject({
			actor: "user-8",
			action: "listings.paused",
			before: { listingIds: [tea.id], paused: false },
		});
		expect(await pause(true)).toEqual({ outcome: "changed", listings: 0 });
		await put(w.deps.pool, shop, [reading(0, 6, "2026-03-01T10:00:00Z"), reading(1, 2, "2026-03-01T10:00:00Z")], { connection: "home" });
		await w.drain(shop);
		await w.run(store);
		const shown = () => Object.fromEntries(store.products().map((product) => [product.sku, product.shown]));
		expect(await desired("TEA")).toBe(6);
		expect(shown()).toMatchObject({ TEA: 10, POT: 2 });
		// Somebody edits the paused one in the store meanwhile.
		await store.editStock("TEA", 6);
		await store.editStock("TEA", 12);
		expect(await pause(false)).toEqual({ outcome: "changed", listings: 1 });
		await w.run();
		expect(shown()).toMatchObject({ TEA: 6, POT: 2 });
		expect(await pause(true, [999_999])).toEqual({ outcome: "unknown" });
		await expectCoherentState(w.deps.pool, shop.shopId);
	});
});

test("R37 another shop's connection, listings and items are nobody's here: every door says so and nothing changes", async () => {
	const stranger = await w.shop([{ sku: "TEA", stock: 1 }]);
	const tea = await listing("TEA");
	const before = await w.all("SELECT * FROM listing WHERE connection_id = $1 ORDER BY id", [connectionId]);
	const by = { actor: "stranger" };
	const door = [w.deps, stranger.shopId, connectionId] as const;
	expect(await changePolicy(...door, { policy: { kind: "fixed", fixed: 0 }, listingIds: null, ...by })).toEqual({ outcome: "unknown" });
	expect(await changePolicy(...door, { policy: { kind: "fixed", fixed: 0 }, listingIds: [tea.id], ...by })).toEqual({ outcome: "unknown" });
	expect(await chooseLocations(...door, { locationIds: stranger.locations, ...by })).toEqual({ outcome: "unknown" });
	expect(await pauseListings(...door, { listingIds: [tea.id], paused: true, reason: "", ...by })).toEqual({ outcome: "unknown" });
	expect(await unlinkListings(...door, [tea.id], "stranger")).toBe(0);
	expect(await linkListings(...door, [{ listingId: tea.id, itemId: stranger.items[0] as number }], "stranger")).toMatchObject({
		linked: 0,
	});
	expect(await goLive(...door, "stranger")).toMatchObject({ outcome: "unchanged" });
	expect(await checkNow(...door)).toEqual({ outcome: "none" });
	await expect(readCatalogue(...door)).rejects.toThrow(/has no connection/);
	expect(await w.all("SELECT * FROM listing WHERE connection_id = $1 ORDER BY id", [connectionId])).toEqual(before);
	expect(await w.all("SELECT action FROM audit WHERE shop_id = $1", [stranger.shopId])).toEqual([]);
});

async function live(): Promise<void> {
	await w.refill();
	expect(await startWatching(w.deps, shop.shopId, connectionId, "u")).toMatchObject({ outcome: "watching" });
	await w.deps.pool.query("UPDATE connection SET compared_at = now() WHERE id = $1", [connectionId]);
	expect(await goLive(w.deps, shop.shopId, connectionId, "u")).toEqual({ outcome: "changed" });
	await w.run(store);
}
