import { connectGuest, linkListings, proposeMatching, readCatalogue, startWatching } from "#app/connections/guests/index.ts";
import { pollOrders } from "#reconcile";
import { createWooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { installUpstreams } from "../../sandbox/preload.ts";
import { playLedgerClock } from "../kit/ledger-clock.ts";
import { runRiver } from "../kit/river.ts";
import { openShopifyWorld } from "../kit/shopify-world.ts";
import type { Product, TimedAct } from "./watch-week-plan.ts";

const APP_ORIGIN = "https://app.lockstep.example";
/** A webhook of this Shopify is on its way for 40 ms at most. */
const ON_THE_WAY_MS = 80;
export type WatchWeek = Awaited<ReturnType<typeof openWatchWeek>>;

/**
 * Shopify and a store, each with its own clock, webhooks and buyers, and the real app between them that only watches. The
 * merchant's sync is the world's: it takes Shopify's figures from Shopify's own shelves and types them into the store.
 */
export async function openWatchWeek({ seed, products }: { seed: number; products: readonly Product[] }) {
	const kit = await openShopifyWorld({ seed });
	const { world } = kit;
	const { books, clock } = world;
	const { pool } = kit.database;
	const shop = kit.shopify.createShop({ domain: `week-${seed}.myshopify.com` });
	const bundles = products.filter(({ story }) => story === "bundle");
	const plain = products.filter(({ story }) => story !== "bundle");
	shop.seed({
		locations: [{ name: "Main" }],
		products: [...plain, ...bundles.map(({ sku, opening }) => ({ sku: `${sku}-PART`, opening }))].map(({ sku, opening }) => ({
			title: sku,
			variants: [{ sku, stock: { Main: opening } }],
		})),
		bundles: bundles.map(({ sku }) => ({ title: sku, sku, components: [{ sku: `${sku}-PART`, quantity: 2 }] })),
	});
	const store = createWooStore(world, { host: `week-${seed}.example`, queue: { kind: "manual" }, maxConcurrency: 8 });
	const shelf = store.seed(products.map(({ sku }) => ({ sku, name: sku, quantity: books.sellable(sku) })));
	const upstreams = installUpstreams(world.upstreams());
	const ledgerClock = await playLedgerClock(pool);
	const { shopId } = await kit.openApp(shop);
	await kit.import(shopId);
	await kit.quiet(shopId);
	const deps = { ...kit.deps, publicUrl: APP_ORIGIN, rescue: async () => {} };
	const { consumerKey, consumerSecret } = store.addKey();
	const connected = await connectGuest(deps, shopId, {
		channel: "woocommerce",
		account: store.url,
		credentials: { consumerKey, consumerSecret },
		actor: "merchant",
	});
	if (connected.outcome !== "connected") throw new Error(connected.reason);
	const { connectionId } = connected;
	await readCatalogue(deps, shopId, connectionId);
	const { exact } = await proposeMatching(pool, shopId, connectionId);
	await linkListings(deps, shopId, connectionId, exact, "merchant");
	const watching = await startWatching(deps, shopId, connectionId, "merchant");
	if (watching.outcome !== "watching") throw new Error(JSON.stringify(watching));

	let lateUntil = 0;
	const arrived = async () => {
		const until = Date.now() + ON_THE_WAY_MS;
		const isUnderWay = () => (clock.now() < lateUntil ? Date.now() < until : shop.pendingWebhooks() > 0);
		while (isUnderWay()) await new Promise((resolve) => setTimeout(resolve, 5));
	};
	/** What is under way arrives, and the app does all it has to do; what was sent late stays under way. */
	const settle = async () => {
		for (let isCalm = false; !isCalm; ) {
			await store.runQueue();
			await arrived();
			await ledgerClock.set(clock.now());
			// A week in seconds: the accounts' budgets are those of a week.
			await pool.query("DELETE FROM rate_budget");
			const { jobs } = await runRiver(deps, { polls: false });
			isCalm = jobs === 0 && store.waitingWebhooks() === 0;
		}
	};
	const rest = async () => {
		await settle();
		// What the app looks at again after some seconds: there are hours in between.
		const later = await pool.query("UPDATE listing SET next_attempt_at = now() WHERE next_attempt_at > now()");
		if (later.rowCount) await settle();
	};
	await rest();

	const beganAt = clock.now();
	const basket = (sku: string, quantity: number) => {
		const place = shelf.get(sku);
		if (!place) throw new Error(`The store sells no ${sku}`);
		return { lines: [{ ...place, quantity }] };
	};
	const notes = new Map<string, number>();
	let read = new Map<string, number>();
	const synced = { raised: 0, lowered: 0 };

	const acts: { [A in TimedAct["act"]]: (act: Extract<TimedAct, { act: A }>) => Promise<void> } = {
		"sync-reads": async () => {
			read = new Map(products.map(({ sku }) => [sku, Math.max(0, shop.available(sku))]));
			// Meanwhile the app reads the store's orders, as it does regularly: what no order explains is somebody else's doing.
			await pollOrders(deps, shopId, connectionId);
		},
		"sync-writes": async () => {
			for (const [sku, figure] of read) {
				const shown = books.shown(store.channel, sku) ?? 0;
				if (shown !== figure) await store.editStock(sku, figure);
				if (shown < figure) synced.raised++;
				if (shown > figure) synced.lowered++;
			}
		},
		"store-sells": async ({ sku, units, note, payLater = false, twice = false }) => {
			const buy = () => store.checkout({ ...basket(sku, units), pay: !payLater });
			for (const bought of await Promise.all(twice ? [buy(), buy()] : [buy()])) {
				if (bought.outcome === "refused") throw new Error(`${sku}: ${bought.message}`);
				if (note) notes.set(note, bought.orderId);
			}
		},
		"store-pays": async ({ note }) => store.payOrder(notes.get(note) ?? 0),
		"store-cancels": async ({ note }) => store.cancelOrder(notes.get(note) ?? 0),
		"home-sells": async ({ sku, units, via, lateMs }) => {
			if (units === 0) return;
			if (lateMs !== undefined) lateUntil = clock.now() + lateMs + ON_THE_WAY_MS;
			if (lateMs !== undefined) world.faults.onWebhooks("shopify", "late", 1, { kind: "late", delayMs: lateMs });
			const bought = shop.checkout({ lines: [{ sku, quantity: units }], ...(via ? { via, force: true } : {}) });
			world.faults.clear("shopify");
			if (bought.outcome !== "placed") throw new Error(`${sku}: ${bought.outcome}`);
		},
	};

	return {
		kit,
		shop,
		store,
		shopId,
		connectionId,
		beganAt,
		/** How often the sync raised and lowered a figure of the store. */
		synced,
		async play(act: TimedAct) {
			clock.skip(Math.max(0, beganAt + act.at - clock.now()));
			await (acts[act.act] as (act: TimedAct) => Promise<void>)(act);
			if (act.rest) await rest();
		},
		/** What Shopify has sent has arrived. */
		isHeard: () => shop.pendingWebhooks() === 0,
		/** Nothing more happens: what the week has left behind arrives. */
		async end() {
			for (let n = 0; n < 2; n++) {
				clock.skip(60_000);
				await pollOrders(deps, shopId, connectionId);
				await rest();
			}
		},
		async close() {
			await upstreams.restore();
			await kit.close();
		},
	};
}
