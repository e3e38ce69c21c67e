import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { RequestRejectedError } from "#app/channels/errors.ts";
import { listDeadLetters } from "#dead-letters";
import { pushListings, resolveMended, retryParked } from "#delivery";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { deliveryDeps, homeShows, listingOf, openShop } from "../../tests/kit/delivery.ts";
import { dyingPool, placesToDie } from "../../tests/kit/dying-pool.ts";
import { createNeighbourStore, type NeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { expectCoherentState, type TestShop } from "../../tests/kit/shop.ts";

let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	shop = await openShop(database.pool, { items: 2, opening: 10, guestState: "live" });
	store = createNeighbourStore({ "listing-0": 10, "listing-1": 10 });
	await push();
});

const push = () => pushListings(deliveryDeps(database.pool, new Map([[shop.guest, store]])), shop.shopId, shop.guest);
const retry = (some: Partial<Parameters<typeof retryParked>[2]> = {}, shopId = shop.shopId) =>
	retryParked(database.pool, shopId, { itemIds: null, connectionIds: null, actor: "user-1", ...some });
const listing = (n: number) => listingOf(database.pool, shop, n);
const letters = async () => (await listDeadLetters(database.pool, shop.shopId)).length;
const park = async () => {
	for (const n of [0, 1]) {
		store.refuses.set(`listing-${n}`, new RequestRejectedError("not now"));
		await homeShows(database.pool, shop, n, 4);
	}
	await push();
	expect([(await listing(0)).parked, (await listing(1)).parked, await letters()]).toEqual([true, true, 2]);
};

test("R22 a listing that was set aside is delivered again with all its attempts; its letter is closed when it shows its figure", async () => {
	await park();
	expect(await retry({ itemIds: [shop.items[0] ?? 0] })).toEqual({ listings: 1, connectionIds: [shop.guest] });
	expect(await listing(0)).toMatchObject({ parked: false, attempts: 0, dirty: true, recheck: true });
	expect(await listing(1)).toMatchObject({ parked: true });
	// Still refused: set aside again, one letter, not two.
	await push();
	expect([(await listing(0)).parked, await letters()]).toEqual([true, 2]);

	store.refuses.clear();
	await retry({ connectionIds: [shop.guest] });
	await resolveMended(database.pool);
	expect(await letters()).toBe(2);
	await push();
	expect([store.figures.get("listing-0"), store.figures.get("listing-1")]).toEqual([4, 4]);
	expect(await resolveMended(database.pool)).toBe(2);
	expect(await letters()).toBe(0);
	await expectCoherentState(database.pool, shop.shopId);
});

test("R37 what is not named, not set aside, or another shop's is not touched, and asking again changes nothing", async () => {
	await park();
	const other = await openShop(database.pool, { items: 1 });
	expect(await retry({ itemIds: shop.items, connectionIds: [shop.guest] }, other.shopId)).toEqual({ listings: 0, connectionIds: [] });
	expect(await retry({ itemIds: [] })).toEqual({ listings: 0, connectionIds: [] });
	expect(await retry({ connectionIds: [other.guest] })).toEqual({ listings: 0, connectionIds: [] });
	expect((await listing(0)).parked).toBe(true);
	const both = await Promise.all([retry(), retry()]);
	expect(both.reduce((sum, { listings }) => sum + listings, 0)).toBe(2);
	expect(await retry()).toEqual({ listings: 0, connectionIds: [] });
	await database.pool.query("UPDATE listing SET parked = true WHERE shop_id = $1", [shop.shopId]);
	await database.pool.query("UPDATE connection SET state = 'disconnected' WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.guest]);
	expect(await retry()).toEqual({ listings: 0, connectionIds: [] });
});

test("R08 killed anywhere, what was begun is whole or not begun, and who did it stands beside it", async () => {
	await park();
	const clean = dyingPool(database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
	await retryParked(clean.pool, shop.shopId, { itemIds: null, connectionIds: null, actor: "user-1" });
	for (const place of placesToDie(clean.statements())) {
		await database.pool.query("UPDATE listing SET parked = true WHERE shop_id = $1", [shop.shopId]);
		await database.pool.query("DELETE FROM audit WHERE shop_id = $1", [shop.shopId]);
		const dying = dyingPool(database.pool, place);
		await retryParked(dying.pool, shop.shopId, { itemIds: null, connectionIds: null, actor: "user-1" }).catch(() => {});
		const { rows } = await database.pool.query(
			`SELECT (SELECT count(*)::int FROM listing WHERE shop_id = $1 AND NOT parked) AS free,
			   (SELECT count(*)::int FROM audit WHERE shop_id = $1 AND action = 'updates.retried') AS written`,
			[shop.shopId],
		);
		expect([
			{ free: 0, written: 0 },
			{ free: 2, written: 1 },
		]).toContainEqual(rows[0]);
	}
});
