import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { changePolicy, chooseLocations, linkListings, unlinkListings } from "#app/connections/guests/index.ts";
import type { Deps } from "#connections";
import type { Policy } from "#domain";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { quietDeps } from "../../../tests/kit/deps.ts";
import { type FilledShop, fillShop } from "../../../tests/kit/fill-shop.ts";
import { setTolerance } from "../checks/set-tolerance.ts";
import { pauseItems, saveRules } from "../stock/change-rules.ts";
import { undoEntry } from "./undo-entry.ts";

let db: TestDatabase;
let deps: Deps;
let shop: FilledShop;
let shops = 0;
beforeAll(async () => {
	db = await freshDatabase();
	deps = quietDeps(db.pool);
});
afterAll(() => db.drop());
beforeEach(async () => {
	shop = await fillShop(db.pool, `undo-${++shops}.myshopify.com`, { listings: 4 });
});

const newest = async () => Number((await db.pool.query("SELECT max(id) AS id FROM audit WHERE shop_id = $1", [shop.shopId])).rows[0]?.id);
const undo = async (entryId?: number) => undoEntry(deps, shop.shopId, { entryId: entryId ?? (await newest()), actor: "2" });
const listings = async () =>
	(
		await db.pool.query<{ id: number; policy: Policy | null; paused: boolean; item_id: number | null }>(
			"SELECT id, policy, paused, item_id FROM listing WHERE shop_id = $1 ORDER BY id",
			[shop.shopId],
		)
	).rows;
const ids = async () => (await listings()).map(({ id }) => id);
const rule = (listingId: number, buffer: number) => ({ listingId, policy: { kind: "buffer" as const, buffer } });

describe("R45 what somebody did is taken back", () => {
	test("R45 rules of many, each to its own former one; undoing the undoing brings them again", async () => {
		const [a = 0, b = 0] = await ids();
		await saveRules(deps, shop.shopId, { rules: [rule(a, 1)], actor: "1" });
		await saveRules(deps, shop.shopId, { rules: [rule(a, 5), rule(b, 6)], actor: "1" });
		const entry = await newest();
		expect(await undo(entry)).toEqual({ outcome: "undone", things: 2 });
		expect((await listings()).slice(0, 2).map(({ policy }) => policy)).toEqual([{ kind: "buffer", buffer: 1 }, null]);
		expect(await undo(entry)).toEqual({ outcome: "overtaken" });
		expect(await undo()).toEqual({ outcome: "undone", things: 2 });
		expect((await listings()).slice(0, 2).map(({ policy }) => policy?.buffer)).toEqual([5, 6]);
	});

	test("R45 R25 which differences are only counted: taken back, and not where it was changed again", async () => {
		const units = async () =>
			(await db.pool.query("SELECT settings->>'stockTolerance' AS units FROM connection WHERE id = $1", [shop.woocommerce])).rows[0]?.units;
		const set = (to: number) => setTolerance(db.pool, shop.shopId, { connectionId: shop.woocommerce, units: to, actor: "1" });
		await set(2);
		await set(5);
		const entry = await newest();
		expect(await undo(entry)).toEqual({ outcome: "undone", things: 1 });
		expect(await units()).toBe("2");
		expect(await undo(entry)).toEqual({ outcome: "overtaken" });
		expect([await set(2), await units()]).toEqual(["unchanged", "2"]);
	});

	test("R45 a rule that was changed again since is left alone, also the others of its entry", async () => {
		const [a = 0, b = 0] = await ids();
		await saveRules(deps, shop.shopId, { rules: [rule(a, 5), rule(b, 6)], actor: "1" });
		const entry = await newest();
		await saveRules(deps, shop.shopId, { rules: [rule(b, 7)], actor: "1" });
		expect(await undo(entry)).toEqual({ outcome: "overtaken" });
		expect((await listings()).slice(0, 2).map(({ policy }) => policy?.buffer)).toEqual([5, 7]);
	});

	test("R45 the rule of a whole channel, and one that was given to chosen listings by the channel's door", async () => {
		const [a = 0] = await ids();
		const change = (policy: Policy | null, listingIds: number[] | null) =>
			changePolicy(deps, shop.shopId, shop.woocommerce, { policy, listingIds, actor: "1" });
		const policy = async () => (await db.pool.query("SELECT policy FROM connection WHERE id = $1", [shop.woocommerce])).rows[0]?.policy;
		await change({ kind: "buffer", buffer: 3 }, null);
		expect(await undo()).toEqual({ outcome: "undone", things: 1 });
		expect(await policy()).toEqual({ kind: "exact" });
		await change({ kind: "fixed", fixed: 1 }, [a]);
		expect(await undo()).toEqual({ outcome: "undone", things: 1 });
		expect((await listings())[0]?.policy).toBeNull();
	});

	test("R45 pauses: those that were resumed by hand in between stay as they are", async () => {
		const pause = (paused: boolean, itemIds: number[]) =>
			pauseItems(deps, shop.shopId, { itemIds, channelId: null, paused, reason: "by hand", actor: "1" });
		await pause(true, shop.items);
		const entry = await newest();
		await pause(false, [shop.items[0] ?? 0]);
		expect(await undo(entry)).toEqual({ outcome: "undone", things: 3 });
		expect((await listings()).map(({ paused }) => paused)).toEqual([false, false, false, false]);
		expect(await undo(entry)).toEqual({ outcome: "overtaken" });
	});

	test("R45 locations and links", async () => {
		const [a = 0] = await ids();
		await chooseLocations(deps, shop.shopId, shop.woocommerce, { locationIds: [shop.location], actor: "1" });
		expect(await undo()).toEqual({ outcome: "undone", things: 1 });
		expect((await db.pool.query("SELECT FROM connection_location WHERE shop_id = $1", [shop.shopId])).rowCount).toBe(0);
		await unlinkListings(deps, shop.shopId, shop.woocommerce, [a], "1");
		expect(await undo()).toEqual({ outcome: "undone", things: 1 });
		expect((await listings())[0]?.item_id).toBe(shop.items[0]);
		expect(await linkListings(deps, shop.shopId, shop.woocommerce, [{ listingId: a, itemId: shop.items[0] ?? 0 }], "1")).toMatchObject({
			linked: 1,
		});
	});

	test("R37 another shop's entry is none; what has no way back is said to have none", async () => {
		const [a = 0] = await ids();
		await saveRules(deps, shop.shopId, { rules: [rule(a, 5)], actor: "1" });
		const entry = await newest();
		const mine = await listings();
		shop = await fillShop(db.pool, `undo-${++shops}.myshopify.com`, { listings: 1 });
		expect(await undo(entry)).toEqual({ outcome: "unknown" });
		expect(mine[0]?.policy).toEqual({ kind: "buffer", buffer: 5 });
		await db.pool.query("INSERT INTO audit (shop_id, actor, action) VALUES ($1, 'system', 'connection.live')", [shop.shopId]);
		expect(await undo()).toEqual({ outcome: "unknown" });
	});
});
