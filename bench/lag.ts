import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { STORE_HOST } from "../sandbox/demo/markets/woocommerce.ts";
import { APP_ORIGIN, CLIENT, SHOP_DOMAIN } from "../sandbox/demo/outside.ts";
import { startApp } from "../sandbox/demo/processes.ts";
import { createRandom, type Random } from "../sandbox/random.ts";
import { buildApp } from "../scripts/build.ts";
import { freePort } from "../server/embedded/postgres.ts";
import type { BareSync } from "./bare-sync.ts";
import { type Bench, type Measure, percentile } from "./harness.ts";
import { createQuickOutside, OPENING, type QuickOutside } from "./lag-outside.ts";
import { serveFile } from "./processes.ts";

const CHANNEL = "woocommerce";
const PAIRS = 5;
const IDLE_SALES = 20;
/** A push is two calls (read, write) of a budget of five a second (channels/woocommerce): at this distance nobody waits for it. */
const IDLE_PAUSE_MS = 500;
const SALES_PER_SECOND = 200;
const BUSY_MS = 5_000;
/** After the last sale: everything is in step within this, or the measure fails. */
const SETTLE_MS = 120_000;
const IMPORT_MS = 120_000;
const STAFF_ID = 548_380_009;

/**
 * From a sale in the Shopify shop until the WooCommerce store's buyers see the new figure, by the sandbox's own books. Ours: a
 * real web process, a real worker and a database, each a process of its own. Theirs, the floor: a bare process that answers
 * the same webhook by one PUT. Each has an outside world of its own, with nothing between an event and its webhook.
 */
export async function openLag(kind: "idle" | "busy", directory: string): Promise<Bench> {
	const [ours, theirs] = [await createQuickOutside(), await createQuickOutside()];
	const app = await startLockstep(ours);
	const bare = await startBare(theirs, directory).catch(async (error: unknown) => {
		await app.stop();
		throw error;
	});
	const measure = kind === "idle" ? sellOneByOne : sellAtOnce;
	return {
		name: `lag-${kind}`,
		question:
			kind === "idle"
				? `sale at Shopify to the store's new figure, ${IDLE_SALES} single sales (p50): Lockstep against a bare webhook and PUT`
				: `the same at ${SALES_PER_SECOND} sales a second for ${BUSY_MS / 1000} s (p50)`,
		floorMs: 1,
		pairs: PAIRS,
		ours: (pair) => measure(ours, createRandom(pair + 10)),
		theirs: (pair) => measure(theirs, createRandom(pair + 10)),
		async close() {
			await app.stop();
			await bare.stop();
			for (const { world } of [ours, theirs]) await world.close();
		},
	};
}

async function sellOneByOne(outside: QuickOutside, random: Random): Promise<Measure> {
	const took: number[] = [];
	for (let n = 0; n < IDLE_SALES; n++) {
		await sleep(IDLE_PAUSE_MS);
		const sku = random.pick(outside.skus);
		const startedAt = performance.now();
		const shown = untilShown(outside, sku);
		sell(outside, sku);
		await shown;
		took.push(performance.now() - startedAt);
	}
	await untilInStep(outside);
	return { ms: percentile(took, 50), also: { p99_ms: percentile(took, 99) } };
}

async function sellAtOnce(outside: QuickOutside, random: Random): Promise<Measure> {
	const { books } = outside.world;
	const from = books.mark();
	const startedAt = performance.now();
	const sales = (SALES_PER_SECOND * BUSY_MS) / 1000;
	for (let n = 0; n < sales; n++) {
		const wait = startedAt + (n * 1000) / SALES_PER_SECOND - performance.now();
		if (wait > 0) await sleep(wait);
		// A few products make most of the sales, as in the demo's day.
		sell(outside, outside.skus[Math.floor(outside.skus.length * random.next() ** 3)] as string);
	}
	const soldIn = performance.now() - startedAt;
	await untilInStep(outside);
	const lags = books.lagMs(CHANNEL, from + 1);
	if (lags.length !== sales) throw new Error(`${sales} sales, but ${lags.length} of them reached the store`);
	return { ms: percentile(lags, 50), also: { p99_ms: percentile(lags, 99), ms_per_sale: soldIn / sales } };
}

function sell({ shop }: QuickOutside, sku: string): void {
	const bought = shop.checkout({ lines: [{ sku, quantity: 1 }] });
	if (bought.outcome !== "placed") throw new Error(`${sku} is sold out at ${OPENING} pieces`);
}

/** Resolves when the store next shows what is there of `sku`. */
function untilShown({ world: { books } }: QuickOutside, sku: string): Promise<void> {
	return new Promise((resolve, reject) => {
		const late = setTimeout(() => reject(new Error(`${sku} is not in step after ${SETTLE_MS / 1000} s`)), SETTLE_MS);
		const stop = books.watch(({ kind, channel }) => {
			if (kind !== "showed" || channel !== CHANNEL || books.shown(CHANNEL, sku) !== books.sellable(sku)) return;
			stop();
			clearTimeout(late);
			resolve();
		});
	});
}

async function untilInStep({ world: { books } }: QuickOutside): Promise<void> {
	const until = performance.now() + SETTLE_MS;
	while (books.outOfStep(CHANNEL).length > 0) {
		if (performance.now() > until)
			throw new Error(`Not in step after ${SETTLE_MS / 1000} s: ${JSON.stringify(books.outOfStep(CHANNEL)[0])}`);
		await sleep(20);
	}
}

/** The app as the demo starts it: installed by its first visit, the store connected and live. */
async function startLockstep(outside: QuickOutside): Promise<{ stop(): Promise<void> }> {
	await buildApp();
	// No merchant's browser looks at the pages here, so their App Bridge may be anywhere.
	const app = await startApp({
		upstreams: outside.world.upstreams(),
		appBridgeUrl: `${outside.world.origin()}/app-bridge.js`,
		say: () => {},
	});
	try {
		outside.world.route(APP_ORIGIN, app.origin());
		await visit(outside, app.origin());
		const until = Date.now() + IMPORT_MS;
		while (!(await app.run("scripts/shops.ts", [])).includes('"import":"done"')) {
			if (Date.now() > until) throw new Error("The first import is not done");
			await sleep(500);
		}
		const { consumerKey, consumerSecret } = outside.storeKeys;
		await app.run("scripts/connect.ts", [
			...["--shop", SHOP_DOMAIN, "--channel", CHANNEL, "--account", `https://${STORE_HOST}`],
			...["--set", `consumerKey=${consumerKey}`, "--set", `consumerSecret=${consumerSecret}`, "--go-live"],
		]);
		await untilInStep(outside);
		return app;
	} catch (error) {
		await app.stop();
		throw error;
	}
}

async function visit({ shopify }: QuickOutside, origin: string): Promise<void> {
	const query = new URLSearchParams({
		embedded: "1",
		shop: SHOP_DOMAIN,
		host: Buffer.from(`admin.shopify.com/store/${SHOP_DOMAIN.replace(".myshopify.com", "")}`).toString("base64"),
		id_token: shopify.mintSessionToken({ shop: SHOP_DOMAIN, userId: STAFF_ID }),
	});
	const headers = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0", "x-forwarded-proto": "https", accept: "text/html" };
	const answer = await fetch(`${origin}/app?${query}`, { headers, redirect: "manual" });
	if (answer.status !== 200) throw new Error(`Opening the app answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
}

async function startBare(outside: QuickOutside, directory: string): Promise<{ stop(): Promise<void> }> {
	const { consumerKey, consumerSecret } = outside.storeKeys;
	const sync: BareSync = {
		secret: CLIENT.secret,
		sandboxOrigin: outside.world.origin(),
		storeHost: STORE_HOST,
		authorization: `Basic ${Buffer.from(`${consumerKey}:${consumerSecret}`).toString("base64")}`,
		products: Object.fromEntries([...outside.productIds].map(([sku, id]) => [sku, { id, quantity: OPENING }])),
	};
	const file = path.join(directory, "bare-sync.json");
	await writeFile(file, JSON.stringify(sync));
	const port = await freePort();
	const bare = await serveFile("bench/bare-sync.ts", {
		port,
		args: [String(port), file],
		readyPath: "/",
		log: path.join(directory, "bare-sync.log"),
	});
	outside.world.route(APP_ORIGIN, bare.origin);
	return bare;
}
