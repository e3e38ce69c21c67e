import { afterAll, beforeAll, expect, test } from "vitest";
import { undoEntry } from "#app/pages/activity/undo-entry.ts";
import { type GuestWorld, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import { changePolling } from "./index.ts";

let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

test("R24 R40 R45 how often orders are read is changed once, is on record, and can be undone while it stands", async () => {
	const shop = await w.shop([{ sku: "TEA", stock: 5 }]);
	const other = await w.shop([]);
	const connectionId = await w.connect(shop, w.store([{ sku: "TEA", quantity: 5 }]));
	const change = (minutes: number | null, shopId = shop.shopId) => changePolling(w.deps, shopId, connectionId, { minutes, actor: "ann" });
	const minutes = async () =>
		(await w.one<{ m: number | null }>("SELECT poll_minutes AS m FROM connection WHERE id = $1", [connectionId])).m;
	const entries = () =>
		w.all<{ id: number; before: unknown; after: unknown }>(
			"SELECT id, before, after FROM audit WHERE shop_id = $1 AND action = 'polling.changed' ORDER BY id",
			[shop.shopId],
		);
	expect(await change(30)).toEqual({ outcome: "changed" });
	expect(await change(30)).toEqual({ outcome: "unchanged" });
	expect(await change(5, other.shopId)).toEqual({ outcome: "unknown" });
	await expect(change(7)).rejects.toThrow(RangeError);
	expect(await minutes()).toBe(30);
	expect((await entries()).map(({ before, after }) => ({ before, after }))).toEqual([
		{ before: { minutes: null }, after: { minutes: 30 } },
	]);
	expect(await Promise.all([change(5), change(5)])).toEqual(expect.arrayContaining([{ outcome: "changed" }, { outcome: "unchanged" }]));
	const [first, second] = await entries();
	const undo = (entryId = 0) => undoEntry(w.deps, shop.shopId, { entryId, actor: "ann" });
	expect(await undo(first?.id)).toEqual({ outcome: "overtaken" });
	expect(await undo(second?.id)).toEqual({ outcome: "undone", things: 1 });
	expect(await minutes()).toBe(30);
	expect(await undo(second?.id)).toEqual({ outcome: "overtaken" });
	expect(await undo(first?.id)).toEqual({ outcome: "undone", things: 1 });
	expect(await minutes()).toBeNull();
	expect(await changePolling(w.deps, shop.shopId, shop.home, { minutes: 5, actor: "ann" })).toEqual({ outcome: "unknown" });
});
