import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import { expectCoherentState, type TestShop } from "../../../tests/kit/shop.ts";
import {
	answerMirrored,
	askForSetUp,
	changePolicy,
	chooseLocations,
	dryRun,
	goLive,
	linkListings,
	type Mirrored,
	pauseConnection,
	pauseListings,
	readStandings,
	resumeConnection,
	runSetUp,
	showing,
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
	const shelf = ["A", "B", "C", "D"].map((sku) => [sku, 5, 9] as const);
	({ shop, store, connectionId } = await w.together(shelf, { watch: true }));
	await w.run(store);
});

const shown = () => Object.fromEntries(store.products().map(({ sku, shown }) => [sku, shown]));
const idOf = async (sku: string) =>
	(await w.one<{ id: number }>("SELECT id FROM listing WHERE connection_id = $1 AND sku = $2", [connectionId, sku])).id;
const idsOf = (...skus: string[]) => Promise.all(skus.map(idOf));
const paused = async () =>
	Object.fromEntries(
		(
			await w.all<{ sku: string; reason: string | null }>(
				"SELECT sku, paused_reason AS reason FROM listing WHERE connection_id = $1 AND paused ORDER BY sku",
				[connectionId],
			)
		).map(({ sku, reason }) => [sku, reason]),
	);
const live = (first?: readonly number[]) => goLive(w.deps, shop.shopId, connectionId, "user-1", { first });

describe("going live with some listings first", () => {
	test("only the chosen are written to; more of them may follow, then all; the merchant's own pauses stay", async () => {
		const own = { listingIds: await idsOf("D"), paused: true, reason: "in repair", actor: "u" };
		await pauseListings(w.deps, shop.shopId, connectionId, own);
		expect(await live(await idsOf("A"))).toEqual({ outcome: "changed" });
		await w.run(store);
		expect(shown()).toEqual({ A: 5, B: 9, C: 9, D: 9 });
		expect(await paused()).toEqual({ B: "not live yet", C: "not live yet", D: "in repair" });

		expect(await live(await idsOf("B", "D"))).toEqual({ outcome: "changed" });
		await w.run(store);
		expect(shown()).toEqual({ A: 5, B: 5, C: 9, D: 9 });

		expect(await live()).toEqual({ outcome: "changed" });
		await w.run(store);
		expect(shown()).toEqual({ A: 5, B: 5, C: 5, D: 9 });
		expect(await paused()).toEqual({ D: "in repair" });
		expect(await live()).toMatchObject({ outcome: "unchanged" });
		await expectCoherentState(w.deps.pool, shop.shopId);
	});

	test("a pause and its end leave the choice as it was; a listing linked meanwhile waits with the others", async () => {
		await unlinkListings(w.deps, shop.shopId, connectionId, await idsOf("C"), "u");
		await live(await idsOf("A"));
		await pauseConnection(w.deps, shop.shopId, connectionId, "u");
		expect(await resumeConnection(w.deps, shop.shopId, connectionId, "u")).toEqual({ outcome: "changed" });
		await linkListings(w.deps, shop.shopId, connectionId, [{ listingId: await idOf("C"), itemId: shop.items[2] ?? 0 }], "u");
		await w.run(store);
		expect(shown()).toEqual({ A: 5, B: 9, C: 9, D: 9 });
		expect(await paused()).toEqual({ B: "not live yet", C: "not live yet", D: "not live yet" });
		await w.refill();
		expect(await dryRun(w.deps, shop.shopId, connectionId)).toMatchObject({ listings: 4, changes: 3, decreases: 3 });
		await live();
		await w.run(store);
		expect(shown()).toEqual({ A: 5, B: 5, C: 5, D: 5 });
	});

	test("R37 listings of another shop, and none at all, are nothing to begin with: it goes on watching", async () => {
		const other = await w.shop([{ sku: "A", stock: 5 }]);
		const theirs = await w.join(other, w.store([{ sku: "A", quantity: 5 }]), { watch: true });
		const foreign = await w.one<{ id: number }>("SELECT id FROM listing WHERE connection_id = $1", [theirs]);
		expect(await live([foreign.id])).toMatchObject({ outcome: "unchanged" });
		expect(await live([])).toMatchObject({ outcome: "unchanged" });
		expect(await goLive(w.deps, other.shopId, connectionId, "u", { first: await idsOf("A") })).toMatchObject({ outcome: "unchanged" });
		expect(await paused()).toEqual({});
		expect(await w.one("SELECT state FROM connection WHERE id = $1", [connectionId])).toEqual({ state: "watching" });
	});
});

describe("R43 do its orders appear in Shopify already?", () => {
	const answer = (mirrored: Mirrored, id = connectionId) => answerMirrored(w.deps, shop.shopId, id, { mirrored, actor: "user-1" });

	const mirror = async () =>
		(await w.deps.pool.query("SELECT mirror FROM connection WHERE shop_id = $1 AND id = $2", [shop.shopId, connectionId])).rows[0]?.mirror;

	test("unsure it does not go live, and says why; with any answer it does, and orders are counted by it", async () => {
		await answer("unsure");
		expect(await live()).toMatchObject({ outcome: "unchanged", reason: expect.stringContaining("count each of them twice") });
		expect(await mirror()).toBe("none");
		await answer("leaves-stock");
		expect(await mirror()).toBe("leaves-stock");
		await answer("no");
		expect(await mirror()).toBe("none");
		await answer("takes-stock");
		expect(await mirror()).toBe("takes-stock");
		expect(await live()).toEqual({ outcome: "changed" });
	});

	test("before it counts the answer is asked for; R37 only in the connection's own shop", async () => {
		const fresh = await w.connect(shop, w.store([{ sku: "A", quantity: 1 }]));
		const ask = () => askForSetUp(w.deps, shop.shopId, fresh, { work: "watch", actor: "u" });
		expect(await ask()).toMatchObject({ outcome: "refused", reason: expect.stringContaining("already appear in Shopify") });
		await answer("unsure", fresh);
		expect(await ask()).toMatchObject({ outcome: "refused", reason: expect.stringContaining("twice") });
		const other = await w.shop([{ sku: "A" }]);
		expect(await answerMirrored(w.deps, other.shopId, fresh, { mirrored: "no", actor: "u" })).toEqual({ outcome: "unknown" });
		expect(await ask()).toMatchObject({ outcome: "refused" });
		await answer("no", fresh);
		expect(await ask()).toEqual({ outcome: "asked" });
	});
});

describe("long pieces of setting up are a worker's", () => {
	const setup = (id: number) =>
		w.one<Record<string, unknown>>(
			"SELECT work, failed_work, failed_reason, work_done, dry_run FROM connection_setup WHERE connection_id = $1",
			[id],
		);

	test("catalogue, watching and dry run are asked for, found by the sweep, done once and noted", async () => {
		const mine = await w.shop([
			{ sku: "A", stock: 3 },
			{ sku: "B", stock: 4 },
		]);
		const theirs = w.store([
			{ sku: "A", quantity: 9 },
			{ sku: "B", quantity: null },
		]);
		const id = await w.connect(mine, theirs);
		const ask = (work: "catalogue" | "watch" | "dry-run") => askForSetUp(w.deps, mine.shopId, id, { work, actor: "user-1" });
		const state = async () => (await w.one<{ state: string }>("SELECT state FROM connection WHERE id = $1", [id])).state;
		expect(await ask("dry-run")).toMatchObject({ outcome: "refused" });
		expect([await ask("catalogue"), await ask("catalogue"), await ask("watch")]).toEqual([
			{ outcome: "asked" },
			{ outcome: "asked" },
			{ outcome: "busy", work: "catalogue" },
		]);
		await w.run(theirs);
		expect(await setup(id)).toMatchObject({ work: null, failed_work: null, work_done: 2 });
		const links = [
			{ listingId: 0, itemId: mine.items[0] ?? 0 },
			{ listingId: 0, itemId: mine.items[1] ?? 0 },
		];
		for (const [n, row] of (await w.all<{ id: number }>("SELECT id FROM listing WHERE connection_id = $1 ORDER BY sku", [id])).entries()) {
			Object.assign(links[n] ?? {}, { listingId: row.id });
		}
		await linkListings(w.deps, mine.shopId, id, links, "u");
		await answerMirrored(w.deps, mine.shopId, id, { mirrored: "no", actor: "u" });
		await ask("watch");
		await w.run(theirs);
		expect(await state()).toBe("watching");
		await changePolicy(w.deps, mine.shopId, id, { policy: { kind: "buffer", buffer: 1 }, listingIds: null, actor: "u" });
		await ask("dry-run");
		await w.run(theirs);
		expect((await setup(id)).dry_run).toEqual({
			listings: 2,
			heldBack: 2,
			heldBackOn: 2,
			changes: 1,
			increases: 0,
			decreases: 1,
			toZero: 0,
			unmanaged: 1,
			gone: 0,
		});
		expect(
			await w.all(
				"SELECT from_quantity AS from, to_quantity AS to, problem FROM dry_run_line WHERE connection_id = $1 ORDER BY listing_id",
				[id],
			),
		).toEqual([
			{ from: 9, to: 2, problem: null },
			{ from: null, to: null, problem: "unmanaged" },
		]);
		expect(await runSetUp(w.deps, mine.shopId, id)).toEqual({ outcome: "nothing" });
	});

	test("R31 a store that does not answer: the reason is kept for the page, and it can be asked for again", async () => {
		store.ail("crash");
		await askForSetUp(w.deps, shop.shopId, connectionId, { work: "catalogue", actor: "u" });
		await w.refill();
		expect(await runSetUp(w.deps, shop.shopId, connectionId)).toMatchObject({ outcome: "failed" });
		expect(await setup(connectionId)).toMatchObject({ work: null, failed_work: "catalogue", failed_reason: expect.stringMatching(/./) });
		store.ail(null);
		await askForSetUp(w.deps, shop.shopId, connectionId, { work: "catalogue", actor: "u" });
		expect(await setup(connectionId)).toMatchObject({ work: "catalogue", failed_work: null });
	});

	test("R37 for another shop's connection nothing can be asked", async () => {
		const other = await w.shop([{ sku: "A" }]);
		expect(await askForSetUp(w.deps, other.shopId, connectionId, { work: "catalogue", actor: "u" })).toEqual({ outcome: "unknown" });
	});
});

test("R13 looking ahead at other locations and rules says what apply then makes of them", async () => {
	const extra = await w.one<{ id: number }>(
		"INSERT INTO location (shop_id, external_id, name) VALUES ($1, 'loc-1', 'Shop floor') RETURNING id",
		[shop.shopId],
	);
	await w.deps.pool.query(
		"INSERT INTO stock (shop_id, item_id, location_id, available) SELECT $1, id, $2, 7 FROM item WHERE shop_id = $1 AND sku <> 'C'",
		[shop.shopId, extra.id],
	);
	await w.deps.pool.query("UPDATE item SET tracked = false WHERE shop_id = $1 AND sku = 'D'", [shop.shopId]);
	const policy = { kind: "percentage" as const, percentage: 50 };
	const ahead = async (locationIds: readonly number[]) =>
		(await readStandings(w.deps.pool, shop.shopId, connectionId, { locationIds })).map((one) => showing(one, policy)?.quantity ?? null);
	const desired = async () =>
		(await w.all<{ desired: number | null }>("SELECT desired FROM listing WHERE connection_id = $1 ORDER BY id", [connectionId])).map(
			(row) => row.desired,
		);
	await changePolicy(w.deps, shop.shopId, connectionId, { policy, listingIds: null, actor: "u" });
	for (const locationIds of [[], [extra.id], [shop.locations[0] ?? 0]]) {
		const said = await ahead(locationIds);
		await chooseLocations(w.deps, shop.shopId, connectionId, { locationIds, actor: "u" });
		expect([locationIds, await desired()]).toEqual([locationIds, said]);
	}
});
