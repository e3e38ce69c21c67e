import { afterAll, beforeAll, expect, test } from "vitest";
import { lookForAlerts } from "#alerts";
import { readOverview } from "#app/overview/index.ts";
import { readOtherWriterAtHome } from "#app/pages/channels/read-other-writer.ts";
import { runRiver } from "../kit/river.ts";
import { APP_ORIGIN, openRiverWorld, type RiverWorld } from "../kit/river-world.ts";

const OPENING = 40;
const SKU = "MUG";

let w: RiverWorld;
beforeAll(async () => {
	w = await openRiverWorld({ name: "undone", skus: [SKU, "CUP"], opening: OPENING, storeQueueMs: 5, seed: 11 });
	await settle();
});
afterAll(() => w?.close());

async function settle() {
	const deps = { ...w.kit.deps, publicUrl: APP_ORIGIN, rescue: async () => {} };
	for (let turn = 0; turn < 3; turn++) {
		await w.delivered();
		await w.kit.database.pool.query("DELETE FROM rate_budget");
		await runRiver(deps);
		await w.kit.quiet(w.shopId, { ties: true });
	}
}
const query = async <Row extends object>(sql: string) =>
	(await w.kit.database.pool.query<Row & Record<string, unknown>>(sql, [w.shopId])).rows;
const look = () => lookForAlerts(w.kit.database.pool, { appUrlOf: () => "https://admin.example" });
const writerTurns = async () => (await look()).flatMap(({ kind, turn, detail }) => (kind === "writer" ? [{ turn, detail }] : []));
/** Home's own calls that change stock there. */
const writesToHome = async () => (await query<{ n: number }>("SELECT count(*)::int AS n FROM delta_batch WHERE shop_id = $1"))[0]?.n;

async function saleElsewhere() {
	expect(await w.buyAtStore(SKU)).not.toBeNull();
	await settle();
	// Home's stamps are whole seconds.
	w.kit.world.clock.skip(3_000);
}

test("R43 an app that sets Shopify's stock back after each sale elsewhere is noticed and told of, and nothing is written against it", async () => {
	// A shelf that somebody counts, and units that come in, are nobody's doing but the merchant's.
	w.shop.editStock({ sku: "CUP", delta: 5 });
	await saleElsewhere();
	w.shop.editStock({ sku: SKU, delta: 7 });
	await settle();
	expect(await readOtherWriterAtHome(w.kit.database.pool, w.shopId)).toBeNull();
	expect(await writerTurns()).toEqual([]);

	const feed = OPENING + 7 - 1;
	for (let round = 1; round <= 6; round++) {
		w.kit.world.clock.skip(60_000);
		await saleElsewhere();
		if (round % 2 === 0) await saleElsewhere();
		w.shop.editStock({ sku: SKU, set: feed });
		await settle();
	}
	const seen = await readOtherWriterAtHome(w.kit.database.pool, w.shopId);
	expect(seen).toMatchObject({ isHome: true, times: { count: 6, more: false }, raised: 6, lowered: 0, products: 1 });
	expect(seen?.newest).toEqual([expect.objectContaining({ sku: SKU, expected: feed - 2, found: feed })]);

	const [told] = await writerTurns();
	expect(told).toEqual({ turn: "opened", detail: { times: 6, products: 1, home: true } });
	expect(await writerTurns()).toEqual([]);
	const overview = await readOverview(w.kit.database.pool, w.shopId);
	expect(overview.alerts).toEqual([expect.objectContaining({ kind: "writer", channel: expect.any(String), count: 6 })]);

	// One write for each sale and none for what was set back: home's figure stands as home says.
	expect(await writesToHome()).toBe(10);
	expect(
		await query(
			"SELECT s.available FROM stock s JOIN item i ON i.shop_id = s.shop_id AND i.id = s.item_id WHERE s.shop_id = $1 AND i.sku = 'MUG'",
		),
	).toEqual([{ available: feed }]);
	await settle();
	expect(await writesToHome()).toBe(10);
});

test("R43 it is over by itself when that happens no more often than the limit, which is the merchant's", async () => {
	await w.kit.database.pool.query("UPDATE alert SET opened_at = opened_at - interval '2 days' WHERE shop_id = $1", [w.shopId]);
	await w.kit.database.pool.query("INSERT INTO alert_rule (shop_id, kind, enabled, threshold) VALUES ($1, 'writer', true, 6)", [w.shopId]);
	expect(await writerTurns()).toEqual([{ turn: "over", detail: expect.anything() }]);
});
