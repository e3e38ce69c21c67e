import type pg from "pg";
import { askForOrders, type BulkOptions, type BulkSet, confirmBulk, readBulk, runBulk } from "#app/backfill/index.ts";
import type { Deps } from "#connections";
import { type GuestWorld, type OpenStore, openGuestWorld } from "./guest-world.ts";
import { stockOf, type TestShop } from "./shop.ts";

export type Joined = { shop: TestShop; store: OpenStore; connectionId: number };
const DAY_MS = 86_400_000;

/** The adapter, a store that can lose its webhooks, and what a merchant does who has it read again. A hundred TEA on both sides. */
export async function openChannelBulk() {
	const w: GuestWorld = await openGuestWorld();
	let presses = 0;
	const self = {
		w,
		async join({ before = async () => {} }: { before?: (store: OpenStore) => Promise<void> } = {}): Promise<Joined> {
			const shop = await w.shop([{ sku: "TEA", stock: 100 }]);
			const store = w.store([
				{ sku: "TEA", quantity: 100 },
				{ sku: "CUP", quantity: 100 },
			]);
			await before(store);
			const connectionId = await w.join(shop, store, { watch: true });
			await w.run(store);
			return { shop, store, connectionId };
		},
		/** Something happens at the store of which no webhook tells, and which no poll looks for any more. */
		async untold<T>({ store, shop }: Joined, happens: () => Promise<T>): Promise<T> {
			w.world.faults.onWebhooks(store.channel, "lost", 1, { kind: "lost" });
			const result = await happens();
			await store.runQueue();
			w.world.faults.clear(store.channel);
			await w.deps.pool.query("UPDATE connection SET order_watermark = now() + interval '1 day' WHERE shop_id = $1 AND NOT is_home", [
				shop.shopId,
			]);
			return result;
		},
		miss: (joined: Joined, units: number, sku = "TEA"): Promise<number> => self.untold(joined, () => w.buy(joined.store, sku, units)),
		available: async ({ shop }: Joined) => (await stockOf(w.deps.pool, shop, 0)).available,
		async ask({ shop, connectionId }: Joined): Promise<number> {
			const wish = { connectionId, since: new Date(Date.now() - DAY_MS), actor: "7", press: `o${++presses}` };
			const asked = await askForOrders(w.deps, shop.shopId, wish);
			if (asked.outcome !== "asked") throw new Error(asked.outcome);
			return asked.changeId;
		},
		/** What a worker does, once round, with the messages of it applied. */
		async work({ shop }: Joined, { deps = w.deps, ...options }: BulkOptions & { deps?: Deps } = {}): Promise<void> {
			await w.refill();
			await runBulk(deps, shop.shopId, options);
			await w.drain(shop);
		},
		/** Asked for, and looked at. */
		async look(joined: Joined): Promise<number> {
			const id = await self.ask(joined);
			await self.work(joined);
			return id;
		},
		confirm: ({ shop }: Joined, changeId: number) =>
			confirmBulk(w.deps, shop.shopId, { changeId, leaveOut: false, actor: "7", right: "operate" }),
		setOf: ({ shop }: Joined, id: number): Promise<BulkSet | null> => readBulk(w.deps.pool, shop.shopId, id),
		/** Everything that ever came into the shop's inbox. */
		inbox: async ({ shop }: Joined) =>
			(await w.one<{ n: number }>("SELECT count(*)::int AS n FROM inbox_event WHERE shop_id = $1", [shop.shopId])).n,
	};
	return self;
}

/** The database with something that happens just before the statement of this number. */
export function interruptedPool(pool: pg.Pool, at: number, act: () => Promise<unknown>): { pool: pg.Pool; statements: () => number } {
	let statements = 0;
	const guard = async (run: () => Promise<unknown>) => {
		if (++statements === at) await act();
		return run();
	};
	const seen = <T extends object>(target: T): T =>
		new Proxy(target, {
			get(of, name) {
				const value = Reflect.get(of, name, of) as unknown;
				if (typeof value !== "function") return value;
				if (name === "query") return (...args: unknown[]) => guard(() => value.apply(of, args));
				if (name === "connect") return async () => seen(await (value.call(of) as Promise<pg.PoolClient>));
				return value.bind(of);
			},
		});
	return { pool: seen(pool), statements: () => statements };
}
