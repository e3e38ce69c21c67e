import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type Deps, sealCredentials } from "#connections";
import { createLogger } from "#telemetry";
import { startWeb, type WebOptions } from "../../server/web.ts";
import type { TestDatabase } from "./database.ts";
import { APP_SECRET, shopifyDelivery, shopifyOrder, wooDelivery, wooOrder } from "./senders.ts";

export const SHOP = "a-shop.myshopify.com";
export const STORE = { token: "woo-token-of-the-test", secret: "WooSecret0123456789abcdefABCDEFxyz", source: "https://store.example/" };
/** What the shop and its store send. */
export const order = (id: number, over = {}) => shopifyDelivery({ shop: SHOP, topic: "orders/updated", body: shopifyOrder(id), ...over });
export const wooUpdate = (id: number, over = {}) => wooDelivery({ ...STORE, topic: "order.updated", body: wooOrder(id), ...over });

/** The app's web server over a database with one shop and its store; what it logs and wakes is kept. */
export async function openReceiver({ pool }: Pick<TestDatabase, "pool">) {
	await pool.query("SELECT erase_shop(id) FROM shop");
	const keyRing = [{ id: "k1", key: randomBytes(32) }];
	const dataDir = await mkdtemp(join(tmpdir(), "lockstep-web-"));
	const lines: Record<string, unknown>[] = [];
	const wakes: { name: string; payload: unknown }[] = [];
	const deps = (): Deps => ({
		pool,
		keyRing,
		env: { shopifyApiKey: "key", shopifyApiSecrets: [APP_SECRET, "the-old-secret"] },
		log: createLogger({ level: "info", name: "web", destination: { write: (line: string) => void lines.push(JSON.parse(line)) } }),
		wake: async (name, payload) => void wakes.push({ name, payload }),
	});
	const options = (over: Partial<WebOptions> = {}): WebOptions => ({ port: 0, host: "127.0.0.1", dataDir, ...over });
	const aShop = async (domain: string, store: string, { token, secret }: { token: string; secret: string }) => {
		const one = async (text: string, values: unknown[]) => (await pool.query<{ id: number }>(text, values)).rows[0]?.id ?? 0;
		const shopId = await one("INSERT INTO shop (domain) VALUES ($1) RETURNING id", [domain]);
		const insert = `INSERT INTO connection (shop_id, channel, account, name, is_home, state, credentials, webhook_token)
			VALUES ($1, $2, $3, $3, $4, 'live', $5, $6) RETURNING id`;
		const home = await one(insert, [shopId, "shopify", domain, true, null, `home-${domain}`]);
		const sealed = sealCredentials(keyRing, { shopId, channel: "woocommerce", account: store }, { webhookSecret: secret });
		const woo = await one(insert, [shopId, "woocommerce", store, false, sealed, token]);
		return { shopId, home, woo };
	};
	const events = async () => (await pool.query("SELECT * FROM inbox_event ORDER BY id")).rows;
	const shop = await aShop(SHOP, "store.example", STORE);
	const web = await startWeb(deps(), options());
	return {
		web,
		shop,
		lines,
		wakes,
		dataDir,
		deps,
		options,
		/** Another shop, with a store of its own. */
		aShop,
		events,
		async nothingIsLeft() {
			expect(await events()).toEqual([]);
			expect((await pool.query("SELECT count(*)::int AS n FROM delivery_key")).rows).toEqual([{ n: 0 }]);
			expect(lines).toEqual([]);
			expect(wakes).toEqual([]);
		},
		async close() {
			await web.close();
			await rm(dataDir, { recursive: true, force: true });
		},
	};
}
export type Receiver = Awaited<ReturnType<typeof openReceiver>>;
