import "@shopify/shopify-api/adapters/node";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiVersion, RequestedTokenType, type Session, shopifyApi } from "@shopify/shopify-api";
import { pino } from "pino";
import { applyDepsOf } from "#app/wiring.ts";
import { drainShop } from "#apply";
import {
	createSessionStorage,
	type Deps,
	handleLifecycle,
	type ImportOutcome,
	onShopAuthenticated,
	runImport,
	type ShopAuthenticated,
} from "#connections";
import { requestFetch } from "#inbox";
import { runFetches } from "#ingest";
import type { JobName } from "#jobs";
import { createShopify, type Shop, type Shopify } from "../../sandbox/channels/shopify/index.ts";
import { installUpstreams } from "../../sandbox/preload.ts";
import { createWorld, type World } from "../../sandbox/world.ts";
import { startWeb, type Web } from "../../server/web.ts";
import { freshDatabase, type TestDatabase } from "./database.ts";
import { CLIENT_ID, CLIENT_SECRET } from "./shopify-identity.ts";

const APP_ORIGIN = "https://app.lockstep.example";
const TOML = new URL("../../shopify.app.toml", import.meta.url).pathname;

/** A Shopify with shops in it, an empty database of ours, and what an app is between the two. */
export type ShopifyWorld = {
	world: World;
	shopify: Shopify;
	database: TestDatabase;
	deps: Deps;
	/** The merchant opens the app: token exchange by Shopify's own library, our storage, our hook. */
	openApp(shop: Shop): Promise<ShopAuthenticated & { session: Session }>;
	/** Does what was woken, and what that wakes, until nothing is left; waits of the import are cut short. */
	work(shopId: number): Promise<void>;
	/** Runs the import alone until it says that it is over. */
	import(shopId: number): Promise<ImportOutcome>;
	/**
	 * Webhooks of all shops have arrived and everything is applied. With `ties`, figures of one second are read again too, and
	 * levels that a home order was predicted at and no reading has confirmed (the sweeper's work, sooner than its 30 s).
	 */
	quiet(shopId: number, options?: { ties: boolean }): Promise<void>;
	close(): Promise<void>;
};

export async function openShopifyWorld({
	webhooks = { delayMs: [0, 40] as const, timeoutMs: 5_000, retries: 8, retrySpanMs: 4_000, webhookIdOverRetries: "same" as const },
	withWeb = true,
	seed = 1,
} = {}): Promise<ShopifyWorld> {
	const database = await freshDatabase();
	const world = createWorld({ seed });
	const shopify = createShopify(world, {
		clientId: CLIENT_ID,
		clientSecret: CLIENT_SECRET,
		appUrl: APP_ORIGIN,
		toml: TOML,
		webhooks,
		http: { latencyMs: [1, 5] },
	});
	await world.listen();
	const upstreams = installUpstreams(world.upstreams());

	const woken = new Map<string, { name: JobName; payload: { shopId: number; connectionId?: number } }>();
	const deps: Deps = {
		pool: database.pool,
		keyRing: [{ id: "k1", key: randomBytes(32) }],
		env: { shopifyApiKey: CLIENT_ID, shopifyApiSecrets: [CLIENT_SECRET] },
		log: pino({ level: process.env.TEST_LOG ?? "silent" }),
		wake: async (name, payload) => void woken.set(`${name} ${JSON.stringify(payload)}`, { name, payload: payload as { shopId: number } }),
	};
	const sessions = createSessionStorage(deps);
	const library = shopifyApi({
		apiKey: CLIENT_ID,
		apiSecretKey: CLIENT_SECRET,
		hostName: new URL(APP_ORIGIN).host,
		apiVersion: ApiVersion.October26,
		isEmbeddedApp: true,
		logger: { log: () => {} },
	});
	const dataDir = await mkdtemp(join(tmpdir(), "lockstep-test-"));
	let web: Web | undefined;
	if (withWeb) {
		web = await startWeb(deps, { port: 0, host: "127.0.0.1", dataDir });
		world.route(APP_ORIGIN, `http://127.0.0.1:${web.port}`);
	}

	const once = async ({ name, payload }: { name: JobName; payload: { shopId: number; connectionId?: number } }) => {
		const { shopId, connectionId = 0 } = payload;
		if (name === "apply.drain") await drainShop(applyDepsOf(deps), shopId);
		else if (name === "ingest.fetch") await runFetches(deps, shopId, connectionId);
		else if (name === "connections.lifecycle") await handleLifecycle(deps, shopId);
		else if (name === "shopify.import") {
			const { outcome } = await runImport(deps, shopId);
			if (outcome === "again") await deps.wake(name, { shopId });
		}
	};
	const isWaiting = async (shopId: number, aheadMs: number) => {
		const { rows } = await database.pool.query(
			`SELECT FROM inbox_event e JOIN shop s ON s.id = e.shop_id AND s.state = 'installed' WHERE e.shop_id = $1 AND e.status = 'pending'
			 UNION ALL SELECT FROM fetch_request WHERE shop_id = $1 AND seq > done_seq AND due_at < clock_timestamp() + $2 * interval '1 millisecond'`,
			[shopId, aheadMs],
		);
		return rows.length > 0;
	};
	const askForUnread = async (shopId: number): Promise<number> => {
		const { rows } = await database.pool.query<{ item: string; connectionId: number; isOld: boolean }>(
			`SELECT i.external_id AS item, c.id AS "connectionId", bool_and(p.received_at < clock_timestamp() - interval '11 seconds') AS "isOld"
			 FROM prediction p JOIN item i ON i.shop_id = p.shop_id AND i.id = p.item_id JOIN connection c ON c.shop_id = p.shop_id AND c.is_home
			 WHERE p.shop_id = $1 AND NOT EXISTS (SELECT FROM fetch_request f WHERE f.shop_id = p.shop_id AND f.external_id = i.external_id AND f.seq > f.done_seq)
			 GROUP BY 1, 2`,
			[shopId],
		);
		const old = rows.filter(({ isOld }) => isOld);
		await requestFetch(
			database.pool,
			old.map(({ item, connectionId }) => ({
				shopId,
				connectionId,
				kind: "levels",
				externalId: item,
				reason: "test",
				correlationId: "test",
			})),
		);
		return rows.length;
	};
	const self: ShopifyWorld = {
		world,
		shopify,
		database,
		deps,
		async openApp(shop) {
			const { session } = await library.auth.tokenExchange({
				shop: shop.domain,
				sessionToken: shop.mintSessionToken(),
				requestedTokenType: RequestedTokenType.OfflineAccessToken,
				expiring: true,
			});
			await sessions.storeSession(session);
			return { ...(await onShopAuthenticated(deps, { shopDomain: shop.domain, session })), session };
		},
		async work() {
			for (let entry = woken.entries().next(); !entry.done; entry = woken.entries().next()) {
				const [key, job] = entry.value;
				woken.delete(key);
				await once(job);
				if (job.name === "shopify.import") await sleep(20);
			}
		},
		async import(shopId) {
			for (;;) {
				const result = await runImport(deps, shopId);
				// Its own wake may have run it to the end meanwhile.
				if (result.outcome === "stopped" && result.why === "the import is done") return { outcome: "done" };
				if (result.outcome !== "again") return result;
				woken.delete(`shopify.import ${JSON.stringify({ shopId })}`);
				await self.work(shopId);
				await sleep(20);
			}
		},
		async quiet(shopId, { ties } = { ties: false }) {
			for (let calm = 0; calm < 3; ) {
				await self.work(shopId);
				const { rows } = await database.pool.query<{ connectionId: number }>(
					`SELECT id AS "connectionId" FROM connection WHERE shop_id = $1 AND is_home`,
					[shopId],
				);
				for (const { connectionId } of rows) await once({ name: "ingest.fetch", payload: { shopId, connectionId } });
				await once({ name: "apply.drain", payload: { shopId } });
				const pending = shopify.shops().reduce((sum, shop) => sum + shop.pendingWebhooks(), 0);
				const unread = ties ? await askForUnread(shopId) : 0;
				calm = unread === 0 && pending === 0 && woken.size === 0 && !(await isWaiting(shopId, ties ? 3_600_000 : 1_000)) ? calm + 1 : 0;
				await sleep(20);
			}
		},
		async close() {
			await web?.close();
			await upstreams.restore();
			await world.close();
			await database.drop();
			await rm(dataDir, { recursive: true, force: true });
		},
	};
	return self;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
