import { randomBytes } from "node:crypto";
import path from "node:path";
import type pg from "pg";
import { Pool } from "undici";
import { freePort } from "../server/embedded/postgres.ts";
import { APP_SECRET, type Delivery, shopifyDelivery, shopifyOrder } from "../tests/kit/senders.ts";
import type { BareIngest } from "./bare-ingest.ts";
import { type Bench, type Measure, percentile } from "./harness.ts";
import { serveFile } from "./processes.ts";

const REQUESTS = 4_000;
const CONNECTIONS = 50;
const PAIRS = 7;
/** The database connections of each side: the app's default (DATABASE_POOL_MAX). */
const DATABASE_CONNECTIONS = 12;
const SHOP = "bench.myshopify.com";

/**
 * Signed Shopify order webhooks, sent as fast as they are answered over so many connections: to the real web process, and to
 * a bare server that checks the signature and inserts one row per request into the same database. Signing is not measured.
 */
export async function openIngest(pool: pg.Pool, { databaseUrl, directory }: { databaseUrl: string; directory: string }): Promise<Bench> {
	await addShop(pool);
	const [ourPort, barePort] = [await freePort(), await freePort()];
	const web = await serveFile("server/web.ts", {
		port: ourPort,
		readyPath: "/readyz",
		log: path.join(directory, "web.log"),
		env: {
			NODE_ENV: "test",
			PORT: String(ourPort),
			DATABASE_URL: databaseUrl,
			DATABASE_POOL_MAX: String(DATABASE_CONNECTIONS),
			LOCKSTEP_DATA_DIR: directory,
			LOCKSTEP_KEYS: `bench:${randomBytes(32).toString("base64")}`,
			SHOPIFY_API_KEY: "key",
			SHOPIFY_API_SECRET: APP_SECRET,
			SHOPIFY_APP_URL: "https://app.lockstep.example",
		},
	});
	const settings: BareIngest = { port: barePort, databaseUrl, databaseConnections: DATABASE_CONNECTIONS, secret: APP_SECRET };
	const bare = await serveFile("bench/bare-ingest.ts", {
		port: barePort,
		args: [JSON.stringify(settings)],
		readyPath: "/",
		log: path.join(directory, "bare-ingest.log"),
	});
	let next = 1;
	const measure = async (origin: string) => {
		const deliveries = Array.from({ length: REQUESTS }, () => {
			const id = next++;
			return shopifyDelivery({ shop: SHOP, topic: "orders/updated", body: shopifyOrder(id), webhookId: `bench-${id}` });
		});
		const measured = await sendAll(origin, deliveries);
		// Between the measures the database writes down what it owes, so that no side pays for the other's.
		await pool.query("CHECKPOINT");
		return measured;
	};
	return {
		name: "ingest",
		question: `${REQUESTS} signed webhooks over ${CONNECTIONS} connections: the web process against a bare server with one INSERT each`,
		floorMs: 100,
		pairs: PAIRS,
		ours: () => measure(web.origin),
		theirs: () => measure(bare.origin),
		async close() {
			await web.stop();
			await bare.stop();
			await checkInbox(pool, next - 1);
		},
	};
}

/** Both sides must have kept what they answered for, or the times say nothing. */
async function checkInbox(pool: pg.Pool, sent: number): Promise<void> {
	const kept = await pool.query<{ n: number }>(
		"SELECT ((SELECT count(*) FROM inbox_event) + (SELECT count(*) FROM bench_webhook))::int AS n",
	);
	if (kept.rows[0]?.n !== sent) throw new Error(`${sent} deliveries were answered with 200, but ${kept.rows[0]?.n} are in the database`);
}

async function sendAll(origin: string, deliveries: readonly Delivery[]): Promise<Measure> {
	const client = new Pool(origin, { connections: CONNECTIONS, pipelining: 1 });
	const took: number[] = [];
	let next = 0;
	const startedAt = performance.now();
	await Promise.all(
		Array.from({ length: CONNECTIONS }, async () => {
			for (let delivery = deliveries[next++]; delivery; delivery = deliveries[next++]) {
				const sentAt = performance.now();
				const { statusCode, body } = await client.request({
					method: "POST",
					path: delivery.path,
					headers: delivery.headers,
					body: delivery.body,
				});
				await body.dump();
				took.push(performance.now() - sentAt);
				if (statusCode !== 200) throw new Error(`${origin} answered ${statusCode}`);
			}
		}),
	);
	const ms = performance.now() - startedAt;
	await client.close();
	return { ms, also: { p50_ms: percentile(took, 50), p99_ms: percentile(took, 99) } };
}

export async function addShop(pool: pg.Pool): Promise<void> {
	const { rows } = await pool.query<{ id: number }>("INSERT INTO shop (domain) VALUES ($1) RETURNING id", [SHOP]);
	await pool.query(
		"INSERT INTO connection (shop_id, channel, account, name, is_home, state, webhook_token) VALUES ($1, 'shopify', $2, $2, true, 'live', 'bench-home')",
		[rows[0]?.id, SHOP],
	);
}
