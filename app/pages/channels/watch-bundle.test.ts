import { afterAll, beforeAll, expect, test } from "vitest";
import { dryRun } from "#app/connections/guests/index.ts";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import { put, reading, type TestShop } from "../../../tests/kit/shop.ts";
import { saveParts } from "../item/save-parts.ts";
import { readWatch } from "./read-watch.ts";

let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

type Scene = { shop: TestShop; store: OpenStore; connectionId: number };

/** Eight mugs and seven caps; a set is two mugs and a cap, so there are four. The store shows just that and is watched. */
async function scene(): Promise<Scene> {
	const shop = await w.shop([
		{ sku: "MUG", stock: 8 },
		{ sku: "CAP", stock: 7 },
		{ sku: "SET", stock: 0 },
	]);
	const [mug = 0, cap = 0, set = 0] = shop.items;
	const parts = [
		{ itemId: mug, quantity: 2 },
		{ itemId: cap, quantity: 1 },
	];
	expect(await saveParts(w.deps, shop.shopId, { itemId: set, parts, was: [], actor: "1" })).toEqual({ outcome: "saved" });
	const store = w.store([
		{ sku: "MUG", quantity: 8 },
		{ sku: "CAP", quantity: 7 },
		{ sku: "SET", quantity: 4 },
	]);
	const connectionId = await w.join(shop, store, { watch: true });
	await w.run(store);
	return { shop, store, connectionId };
}

const watched = async ({ shop, connectionId }: Scene) => {
	const { updates, listings, newest } = await readWatch(w.deps.pool, shop.shopId, connectionId);
	return { updates, listings, newest: newest.map(({ sku, quantity }) => `${sku} to ${quantity}`) };
};
const dryRunOf = async ({ shop, connectionId }: Scene) => {
	await w.refill();
	const looked = await dryRun(w.deps, shop.shopId, connectionId);
	return looked.outcome === "ran" ? looked.sample.map(({ sku, from, to }) => `${sku} ${from} to ${to}`).sort() : looked;
};
/** What waits for some seconds is due: what a sale of just now made us take for sold on the way is given back. */
const later = ({ shop }: Scene) =>
	w.all(
		`UPDATE listing SET next_attempt_at = now(), assumed_until = least(assumed_until, now())
		 WHERE shop_id = $1 AND (next_attempt_at > now() OR assumed_until > now()) RETURNING id`,
		[shop.shopId],
	);

test("R42 R14 a bundle's update counts once however often its parts sell, and its figure is the one that the dry run says", async () => {
	const s = await scene();
	expect(await watched(s)).toEqual({ updates: 0, listings: 0, newest: [] });
	// Shopify sells two mugs: three sets are left.
	await put(w.deps.pool, s.shop, [reading(0, 6, "2026-03-02T00:00:00Z")], { connection: "home" });
	await w.drain(s.shop);
	await w.run(s.store);
	expect((await watched(s)).newest.sort()).toEqual(["MUG to 6", "SET to 3"]);
	// The store sells caps, one after the other: a set is sold just now as fast as its fastest part, and three of them are left still.
	for (const _ of [1, 2, 3]) {
		await w.buy(s.store, "CAP");
		await w.run(s.store);
	}
	expect(await watched(s)).toMatchObject({ updates: 2, listings: 2 });
	expect(await dryRunOf(s)).toEqual(["MUG 8 to 6", "SET 4 to 3"]);

	// It sells a set, which live would have lowered by itself; the mugs and caps of it are what must be sent.
	await w.refill();
	await w.buy(s.store, "SET");
	await w.run(s.store);
	await later(s);
	await w.run(s.store);
	expect(await watched(s)).toEqual({
		updates: 4,
		listings: 3,
		newest: expect.arrayContaining(["MUG to 6", "SET to 3", "MUG to 4", "CAP to 3"]),
	});

	// At the regular look nothing is new.
	await w.all("UPDATE listing SET recheck = true, dirty_since = now() WHERE shop_id = $1 RETURNING id", [s.shop.shopId]);
	await w.run(s.store);
	expect(await watched(s)).toMatchObject({ updates: 4 });

	expect(await dryRunOf(s)).toEqual(["CAP 4 to 3", "MUG 8 to 4", "SET 3 to 2"]);
});

test("R42 the first sale after a while and a rush of them are no reason to foretell less than must be shown", async () => {
	const s = await scene();
	await w.buy(s.store, "CAP");
	await w.run(s.store);
	// A cap was sold this very second: what is read now is still the update that stands in the dry run.
	await put(w.deps.pool, s.shop, [reading(0, 6, "2026-03-02T00:00:00Z")], { connection: "home" });
	await w.drain(s.shop);
	await w.run(s.store);
	expect((await watched(s)).newest.sort()).toEqual(["MUG to 6", "SET to 3"]);
});

test("R42 somebody who raises the figure there would have written over ours: that is one more update", async () => {
	const s = await scene();
	await put(w.deps.pool, s.shop, [reading(0, 6, "2026-03-02T00:00:00Z")], { connection: "home" });
	await w.drain(s.shop);
	await w.run(s.store);
	expect(await watched(s)).toMatchObject({ updates: 2 });
	await s.store.editStock("SET", 9);
	await w.run(s.store);
	await later(s);
	await w.run(s.store);
	expect(await watched(s)).toMatchObject({ updates: 3, newest: ["SET to 3", expect.anything(), expect.anything()] });
});
