import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { connectGranted } from "#app/connections/guests/connect-granted.ts";
import { beginConsent, CONSENT_PATH } from "#app/connections/guests/consent.ts";
import type { Deps } from "#connections";
import { createConsentCallback } from "../../server/consent-callback.ts";
import { startWeb } from "../../server/web.ts";
import { freshDatabase } from "./database.ts";
import { enlistNeighbour } from "./neighbour-channel.ts";
import { MARKET_APP, startMarket } from "./neighbour-market.ts";
import { type Answer, send } from "./senders.ts";
import { makeShop, type TestShop } from "./shop.ts";

export const PUBLIC_URL = "https://app.lockstep.example";
export const QUEUES = { queueEast: "east", queueWest: "west" };
export type MarketDeps = Deps & { publicUrl: string };
export type MarketWorld = Awaited<ReturnType<typeof openMarketWorld>>;

/** A market next door, a real database, and the app's web server to which the market's page leads browsers back. */
export async function openMarketWorld(options: { visibilityMs?: number } = {}) {
	const database = await freshDatabase();
	const market = await startMarket(options);
	const channel = enlistNeighbour(market.origin);
	const wakes: { name: string; payload: unknown }[] = [];
	const deps: MarketDeps = {
		pool: database.pool,
		keyRing: [{ id: "k1", key: randomBytes(32) }],
		env: {
			shopifyApiKey: "client-id",
			shopifyApiSecrets: ["secret"],
			appSettings: { neighbour: { ...MARKET_APP, ...QUEUES } },
		},
		log: pino({ level: process.env.TEST_LOG ?? "silent" }),
		wake: async (name, payload) => void wakes.push({ name, payload }),
		publicUrl: PUBLIC_URL,
	};
	const dataDir = await mkdtemp(join(tmpdir(), "lockstep-market-"));
	const web = await startWeb(deps, { port: 0, host: "127.0.0.1", dataDir, endpoints: { [CONSENT_PATH]: createConsentCallback(deps) } });
	const all = async <Row extends object>(sql: string, values: unknown[] = []) =>
		(await database.pool.query<Row & Record<string, unknown>>(sql, values)).rows as Row[];
	let accounts = 0;
	const account = () => `seller-${++accounts}`;
	/** A browser at an address of ours. */
	const visit = (address: string): Promise<Answer> => {
		const { pathname, search } = new URL(address);
		return send(web.port, { path: `${pathname}${search}`, headers: {}, body: Buffer.alloc(0) }, { method: "GET" });
	};

	return {
		database,
		market,
		channel,
		deps,
		wakes,
		all,
		async one<Row extends object>(sql: string, values: unknown[] = []): Promise<Row> {
			const rows = await all<Row>(sql, values);
			if (rows.length !== 1 || !rows[0]) throw new Error(`${rows.length} rows instead of one: ${sql}`);
			return rows[0];
		},
		shop: (): Promise<TestShop> => makeShop(database.pool, { items: 1 }),
		account,
		visit,
		async begin(shop: TestShop, { userId = "user-1", connectionId }: { userId?: string; connectionId?: number } = {}): Promise<string> {
			const begun = await beginConsent(deps, {
				shopId: shop.shopId,
				userId,
				channelId: "neighbour",
				chosen: { region: "east" },
				returnPath: "/app/channels/connected",
				...(connectionId === undefined ? {} : { connectionId }),
			});
			if (begun.outcome !== "started") throw new Error(begun.reason);
			return begun.url;
		},
		/** From the market's page back into the admin: the nonce with which the app is opened there. */
		async back(address: string): Promise<string> {
			const answer = await visit(address);
			if (answer.status !== 303) throw new Error(`${answer.status} ${answer.body}`);
			return new URL(String(answer.headers.location)).searchParams.get("nonce") ?? "";
		},
		/** Connected without the page, as the operator does it. */
		async join(shop: TestShop, of = account(), refreshToken = market.grant(of)): Promise<number> {
			const connected = await connectGranted(deps, shop.shopId, {
				channel: "neighbour",
				account: of,
				credentials: { refreshToken, region: "east" },
				actor: "operator",
			});
			if (connected.outcome !== "connected") throw new Error(JSON.stringify(connected));
			return connected.connectionId;
		},
		async close() {
			await web.close();
			await market.close();
			await database.drop();
			await rm(dataDir, { recursive: true, force: true });
		},
	};
}
