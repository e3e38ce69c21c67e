import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFoundByPoll } from "#reconcile";
import { createRandom } from "../../sandbox/random.ts";
import { startWeb, type Web } from "../../server/web.ts";
import { runRiver } from "../kit/river.ts";
import { APP_ORIGIN, openRiverWorld, type RiverWorld } from "../kit/river-world.ts";
import { expectCoherentState } from "../kit/shop.ts";

const SKUS = Array.from({ length: 12 }, (_, n) => `SKU-${n}`);
const MINUTES = 60;
const POLL_EVERY_MINUTES = 15;
/** The app is not there in these: nobody answers its senders, and nothing of what waits is done. */
const isDown = (minute: number) => minute >= 33 && minute < 43;
const LOST = 0.05;

let w: RiverWorld;
let web: Web;
let dataDir: string;
let app: string;
beforeAll(async () => {
	w = await openRiverWorld({ name: "net", skus: SKUS, opening: 200, storeQueueMs: 1, seed: 24 });
	dataDir = await mkdtemp(join(tmpdir(), "lockstep-net-"));
	web = await startWeb(w.kit.deps, { port: 0, host: "127.0.0.1", dataDir, endpoints: {} });
	app = `http://127.0.0.1:${web.port}`;
	w.kit.world.route(APP_ORIGIN, app);
	await settle();
}, 120_000);
afterAll(async () => {
	await web?.close();
	await w?.close();
	await rm(dataDir, { recursive: true, force: true });
});

const query = (sql: string) => w.kit.database.pool.query(sql, [w.shopId]);
async function river({ polls = false } = {}) {
	await w.kit.database.pool.query("DELETE FROM rate_budget");
	await runRiver({ ...w.kit.deps, publicUrl: APP_ORIGIN, rescue: async () => {} }, { polls });
}
async function settle() {
	for (let round = 0; round < 3; round++) {
		await w.delivered();
		await river();
		await w.kit.quiet(w.shopId, { ties: true });
	}
}
const channels = () => ["shopify", w.store.channel];

test("R24 R28 an hour that loses 5% of all webhooks and ten minutes of the app: one poll later stock is right, and what came by poll alone is counted exactly", async () => {
	const random = createRandom(2026);
	const { clock, books, faults } = w.kit.world;
	const began = clock.now();
	const products = new Map(w.store.products().map(({ sku, productId }) => [sku, productId]));
	const [atStore, atShopify]: [number[], number[]] = [[], []];
	const act = async () => {
		// Stamps are whole seconds, and each thing has its own.
		clock.skip(2_000);
		const sku = SKUS[random.between(0, SKUS.length - 1)] ?? "";
		const what = random.between(1, 100);
		if (what <= 45) {
			const bought = await w.store.checkout({ lines: [{ productId: products.get(sku) ?? 0, quantity: random.between(1, 2) }] });
			if (bought.outcome !== "refused") atStore.push(bought.orderId);
		} else if (what <= 80) {
			const placed = w.shop.checkout({ lines: [{ sku, quantity: random.between(1, 2) }], ...(what > 72 && { via: "pos" as const }) });
			if (placed.outcome === "placed") atShopify.push(placed.orderId);
		} else if (what <= 88 && atStore.length > 0) {
			await w.store.cancelOrder(atStore.splice(random.between(0, atStore.length - 1), 1)[0] ?? 0);
		} else if (what <= 94 && atShopify.length > 0) {
			w.shop.cancelOrder({ orderId: atShopify.splice(random.between(0, atShopify.length - 1), 1)[0] ?? 0, restock: true });
		} else {
			w.shop.editStock({ sku, delta: random.between(1, 5) });
		}
	};
	for (const channel of channels()) faults.onWebhooks(channel, "lost", LOST, { kind: "lost" });

	for (let minute = 0; minute < MINUTES; minute++) {
		if (minute === 33) w.kit.world.route(APP_ORIGIN, "http://127.0.0.1:9");
		if (minute === 43) {
			w.kit.world.route(APP_ORIGIN, app);
			// Five minutes have passed on the app's clock as well.
			await query("UPDATE connection SET webhooks_checked_at = NULL WHERE shop_id = $1");
		}
		for (let n = random.between(4, 8); n > 0; n--) await act();
		if (isDown(minute)) {
			// The senders try as often as they do, and give up.
			while (w.store.waitingWebhooks() + w.shop.pendingWebhooks() > 0) {
				clock.skip(500);
				await sleep(5);
			}
		}
		clock.skip(Math.max(0, began + (minute + 1) * 60_000 - clock.now()));
		if (isDown(minute)) continue;
		await w.delivered();
		await river({ polls: minute % POLL_EVERY_MINUTES === POLL_EVERY_MINUTES - 1 });
	}
	faults.clear();
	await w.delivered();

	// What each channel owed the app and could not bring.
	const missed = channels().map(
		(channel) => books.deliveries(channel).filter(({ fate, at }) => at >= began && (fate === "lost" || fate === "failed")).length,
	);
	expect(missed.every((count) => count > 10)).toBe(true);

	// One cycle: orders are read, figures compared, and what is found is mended.
	clock.skip(60_000);
	await query("UPDATE connection SET compared_at = NULL WHERE shop_id = $1");
	await river({ polls: true });
	// What must be raised waits some moments (delivery/plan-write.ts); no orders are read again meanwhile.
	const wrong = () => channels().flatMap((channel) => books.outOfStep(channel).map((figures) => ({ channel, ...figures })));
	for (let round = 0; round < 20 && (round === 0 || wrong().length > 0); round++) {
		await settle();
		await sleep(300);
	}
	expect(wrong()).toEqual([]);
	const { rows: stock } = await query(
		"SELECT i.sku, s.available - s.short AS net FROM stock s JOIN item i ON i.shop_id = s.shop_id AND i.id = s.item_id WHERE s.shop_id = $1 ORDER BY i.id",
	);
	expect(stock).toEqual(SKUS.map((sku) => ({ sku, net: books.truth(sku) })));
	await expectCoherentState(w.kit.database.pool, w.shopId);

	// The webhook of a state that a poll met in its first moments has had its time.
	await query("UPDATE inbox_event SET received_at = received_at - interval '3 minutes' WHERE shop_id = $1 AND source = 'poll'");
	const { rows: connections } = await query("SELECT id, channel FROM connection WHERE shop_id = $1 ORDER BY id");
	const found = await readFoundByPoll(w.kit.database.pool, w.shopId, { days: 2 });
	const counted = connections.map(({ id, channel }) => ({
		channel,
		found: found.reduce((sum, day) => sum + (day.connectionId === id ? day.found : 0), 0),
	}));
	const byTheBooks = channels().map((name, n) => ({
		channel: n === 0 ? "shopify" : "woocommerce",
		found: books.knownByListAlone(name, began).length,
	}));
	expect(counted).toEqual(byTheBooks);
	expect(Math.min(...byTheBooks.map(({ found: states }) => states))).toBeGreaterThan(0);
	expect(byTheBooks.reduce((sum, { found: states }) => sum + states, 0)).toBeGreaterThan(10);
}, 300_000);
