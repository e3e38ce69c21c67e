import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { bringFile, confirmBulk, readBulk, readProblems, runBulk } from "#app/backfill/index.ts";
import type { Deps } from "#connections";
import type { TestDatabase } from "./database.ts";
import { drain } from "./delivery.ts";
import { makeShop, order, put, type ShopOptions, type TestShop } from "./shop.ts";

export const PACE = { waitingMax: Number.POSITIVE_INFINITY };
let presses = 0;

/** What tests of bulk changes do with a shop: bring a file, confirm it, let a worker do it, and look what came of it. */
export function createBulkKit(db: TestDatabase) {
	const deps: Deps = {
		pool: db.pool,
		keyRing: [{ id: "k", key: randomBytes(32) }],
		env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
		log: pino({ level: "silent" }),
		wake: async () => {},
	};
	const rows = async (sql: string, shop: TestShop) => (await db.pool.query(sql, [shop.shopId])).rows;
	return {
		deps,
		rows,
		/** Two places with ten of each product. */
		async open(options: ShopOptions = {}): Promise<TestShop> {
			const shop = await makeShop(db.pool, { items: 4, locations: 2, opening: 10, ...options });
			await drain(db.pool, shop);
			return shop;
		},
		async bring(shop: TestShop, text: string, { press = `f${++presses}` }: { press?: string } = {}): Promise<number> {
			const brought = await bringFile(deps, shop.shopId, { bytes: Buffer.from(text), name: "stock.csv", actor: "7", press });
			if (brought.outcome !== "kept") throw new Error(brought.reason);
			return brought.changeId;
		},
		async run(shop: TestShop): Promise<void> {
			while ((await runBulk(deps, shop.shopId, PACE)).outcome !== "done");
		},
		async setOf(shop: TestShop, id: number) {
			const set = await readBulk(db.pool, shop.shopId, id);
			if (!set) throw new Error("no such set");
			return set;
		},
		confirm: (shop: TestShop, changeId: number, over: { leaveOut?: boolean; right?: "operate" | "approve" } = {}) =>
			confirmBulk(deps, shop.shopId, { changeId, leaveOut: false, actor: "8", right: "operate", ...over }),
		problems: async (shop: TestShop, changeId: number) =>
			(await readProblems(db.pool, shop.shopId, { changeId, after: 0, limit: 100 })).map(({ line, reason }) => `${line}: ${reason}`),
		/** Of each product what stands at its places. */
		nets: async (shop: TestShop): Promise<string[]> =>
			(
				await rows(
					"SELECT string_agg((available - short)::text, ',' ORDER BY location_id) AS n FROM stock WHERE shop_id = $1 GROUP BY item_id ORDER BY item_id",
					shop,
				)
			).map(({ n }) => n),
		rules: async (shop: TestShop): Promise<string[]> =>
			(await rows("SELECT policy, paused, item_id FROM listing WHERE shop_id = $1 ORDER BY id", shop)).map(
				({ policy, paused, item_id }) => `${JSON.stringify(policy)}${paused ? " paused" : ""}${item_id === null ? " unlinked" : ""}`,
			),
		async sell(shop: TestShop, item: number, units: number, id: string): Promise<void> {
			await put(db.pool, shop, [order(id, [{ item, held: units }])]);
			await drain(db.pool, shop);
		},
	};
}
