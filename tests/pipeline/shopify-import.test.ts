import type { Session } from "@shopify/shopify-api";
import type pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Deps, runImport } from "#connections";
import type { Shop } from "../../sandbox/channels/shopify/index.ts";
import { openShopifyWorld, type ShopifyWorld } from "../kit/shopify-world.ts";

let world: ShopifyWorld;
let shop: Shop;

beforeEach(async () => {
	world = await openShopifyWorld({ seed: 7 });
	shop = world.shopify.createShop({ domain: "import.myshopify.com" });
});
afterEach(() => world.close());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const sku = (n: number) => `SKU-${String(n).padStart(3, "0")}`;

/** Plain products at two locations and, last, bundles of them. */
function seed(products: number, { stock = 20, bundles = 5 } = {}) {
	shop.seed({
		locations: [{ name: "Main" }, { name: "Store" }],
		products: Array.from({ length: products }, (_, n) => ({
			title: `Thing ${n}`,
			variants: [{ sku: sku(n), barcode: `40000${n}`, stock: n % 3 === 0 ? { Main: stock, Store: 5 } : { Main: stock } }],
		})),
		bundles: Array.from({ length: bundles }, (_, n) => ({
			title: `Set ${n}`,
			sku: `SET-${n}`,
			components: [
				{ sku: sku(n), quantity: 2 },
				{ sku: sku(n + 1), quantity: 1 },
			],
		})),
	});
}

type Figure = { sku: string; location: string; figure: number };

/** Every figure that we hold, and every one that Shopify has, of what is not a bundle (those are derived). */
async function figures(shopId: number): Promise<{ ours: Figure[]; theirs: Figure[] }> {
	const { rows: ours } = await world.database.pool.query<Figure>(
		`SELECT i.sku, l.name AS location, s.available - s.short AS figure FROM stock s
		 JOIN item i ON i.shop_id = s.shop_id AND i.id = s.item_id JOIN location l ON l.shop_id = s.shop_id AND l.id = s.location_id
		 WHERE s.shop_id = $1 AND NOT i.is_home_bundle ORDER BY i.sku, l.name`,
		[shopId],
	);
	const theirs = shop
		.skus()
		.filter((s) => s.startsWith("SKU-"))
		.flatMap((s) => shop.locations().map((location) => ({ sku: s, location: location.name, level: shop.level(s, location.id) })))
		.flatMap(({ sku: s, location, level }) => (level?.active ? [{ sku: s, location, figure: level.available }] : []));
	return { ours, theirs: theirs.sort((a, b) => (a.sku + a.location < b.sku + b.location ? -1 : 1)) };
}

const row = async (shopId: number) => (await world.database.pool.query(`SELECT * FROM shop WHERE id = $1`, [shopId])).rows[0];

test("R44 five hundred products imported while the shop sells, cancels, refunds and edits: every figure is Shopify's once it is quiet", {
	timeout: 120_000,
}, async () => {
	seed(500);
	const random = world.world.random.fork("buyers");
	const placed: number[] = [];
	const [main = 0, store = 0] = shop.locations().map((location) => location.id);
	const something = () => {
		const one = sku(random.between(0, 499));
		const kind = random.between(0, 9);
		if (kind <= 5) {
			const bought = shop.checkout({
				lines: [
					{ sku: one, quantity: random.between(1, 3) },
					{ sku: `SET-${random.between(0, 4)}`, quantity: 1 },
				],
			});
			if (bought.outcome === "placed") placed.push(bought.orderId);
		} else if (kind === 6) shop.checkout({ lines: [{ sku: sku(random.between(0, 166) * 3), quantity: 1 }], via: "pos", locationId: store });
		else if (kind === 7 && placed.length > 0)
			shop.cancelOrder({ orderId: placed.splice(random.between(0, placed.length - 1), 1)[0] ?? 0, restock: random.chance(0.5) });
		else if (kind === 8) shop.editStock({ sku: one, locationId: main, delta: random.between(-3, 5) });
		else shop.transfer({ sku: sku(random.between(0, 166) * 3), from: main, to: store, quantity: 1 }).receive();
	};
	let selling = true;
	const buyers = (async () => {
		while (selling) {
			something();
			await sleep(15);
		}
	})();
	await sleep(300);
	const { shopId } = await world.openApp(shop);
	const importing = world.import(shopId);
	await importing;
	expect(await row(shopId)).toMatchObject({ import_state: "done", import_total: 505, import_done: 505, import_error: null });
	await sleep(500);
	selling = false;
	await buyers;
	expect(world.world.books.sales().length).toBeGreaterThan(50);
	await world.quiet(shopId, { ties: true });
	const { ours, theirs } = await figures(shopId);
	expect(theirs.length).toBeGreaterThan(600);
	expect(ours).toEqual(theirs);

	const { rows: bundles } = await world.database.pool.query(
		`SELECT b.sku AS bundle, i.sku AS part, c.quantity FROM bundle_component c JOIN item b ON b.shop_id = c.shop_id AND b.id = c.bundle_item_id
		 JOIN item i ON i.shop_id = c.shop_id AND i.id = c.component_item_id ORDER BY 1, 2`,
	);
	expect(bundles).toHaveLength(10);
	expect(bundles.slice(0, 2)).toEqual([
		{ bundle: "SET-0", part: sku(0), quantity: 2 },
		{ bundle: "SET-0", part: sku(1), quantity: 1 },
	]);
	// The ledger agrees with the stock that it made (R10).
	const { rows: unbalanced } = await world.database.pool.query(
		`SELECT s.item_id FROM stock s LEFT JOIN movement m USING (shop_id, item_id, location_id) GROUP BY s.shop_id, s.item_id, s.location_id, s.available, s.short
		 HAVING s.available - s.short <> coalesce(sum(m.delta), 0)`,
	);
	expect(unbalanced).toEqual([]);
	expect(world.world.books.violations("shopify")).toEqual([]);
});

test("R44 an import that runs twice, also at once, brings everything once", async () => {
	seed(30);
	const { shopId } = await world.openApp(shop);
	await Promise.all([world.import(shopId), world.import(shopId)]);
	const count = async () =>
		(await world.database.pool.query(`SELECT count(*)::int AS n FROM inbox_event WHERE source = 'import'`)).rows[0].n;
	const before = await count();
	expect(await runImport(world.deps, shopId)).toEqual({ outcome: "stopped", why: "the import is done" });
	expect(await count()).toBe(before);
	const { rows } = await world.database.pool.query(
		`SELECT event->>'itemExternalId' AS item, event->>'locationExternalId' AS at, count(*)::int AS n FROM inbox_event WHERE topic = 'import.reading' GROUP BY 1, 2 HAVING count(*) > 1`,
	);
	expect(rows).toEqual([]);
	expect(world.world.books.calls("shopify").filter((call) => /bulkOperationRunQuery|StartExport/.test(call.operation))).toHaveLength(1);
});

test("R44 R08 an import killed at any of its database calls goes on where it was, and ends with Shopify's figures", {
	timeout: 180_000,
}, async () => {
	seed(12, { bundles: 2 });
	await sleep(1_100);
	/** Nothing of the shop is left, so that every round has everything to do. */
	const fresh = async () => {
		await world.database.pool.query(`SELECT erase_shop(id) FROM shop`);
		return (await world.openApp(shop)).shopId;
	};
	const clean = killer(world.deps);
	const first = await fresh();
	await runUntilDone(clean.deps, first);
	const calls = clean.calls();
	expect(calls).toBeGreaterThan(20);
	const expected = await figures(first);
	expect(expected.ours).toEqual(expected.theirs);

	// Killed after call k is killed before call k + 1: the database knows no difference.
	for (let at = 1; at <= calls; at++) {
		const shopId = await fresh();
		await runUntilDone(killer(world.deps, at).deps, shopId).catch(() => {});
		// What a dead process held ends by itself; here the wait is cut short.
		await world.database.pool.query(`UPDATE shop SET import_progress = import_progress - 'leaseUntil' - 'nextAt'`);
		await runUntilDone(world.deps, shopId);
		expect(await row(shopId)).toMatchObject({ import_state: "done", import_done: 14, import_total: 14 });
		expect({ at, ...(await figures(shopId)) }).toEqual({ at, ...expected });
		const { rows } = await world.database.pool.query(
			`SELECT delivery_key FROM inbox_event WHERE source = 'import' GROUP BY 1 HAVING count(*) > 1`,
		);
		expect({ at, twice: rows }).toEqual({ at, twice: [] });
		expect((await world.database.pool.query(`SELECT count(*)::int AS n FROM bundle_component`)).rows[0].n).toBe(4);
	}
});

test("R18 an import goes on through Shopify's bad moments", { timeout: 90_000 }, async () => {
	seed(40);
	await sleep(1_100);
	const { shopId } = await world.openApp(shop);
	world.world.faults.onRequests("shopify", "moody", 0.3, { kind: "status", status: 503 });
	world.world.faults.onRequests("shopify", "cut off", 0.1, { kind: "timeout", effect: "before" });
	expect(await world.import(shopId)).toMatchObject({ outcome: "done" });
	expect(world.world.books.calls("shopify").filter((call) => call.status === 503).length).toBeGreaterThan(0);
	world.world.faults.clear("shopify");
	await world.quiet(shopId, { ties: true });
	const { ours, theirs } = await figures(shopId);
	expect(ours).toEqual(theirs);
});

test("an uninstall during the import stops it; after the return it starts anew", async () => {
	seed(40);
	const { shopId } = await world.openApp(shop);
	await runImport(world.deps, shopId);
	shop.uninstall();
	await world.quiet(shopId);
	expect(await runImport(world.deps, shopId)).toEqual({ outcome: "stopped", why: "the shop has uninstalled" });
	shop.reinstall();
	await world.openApp(shop);
	expect(await world.import(shopId)).toMatchObject({ outcome: expect.stringMatching(/done|stopped/) });
	expect(await row(shopId)).toMatchObject({ import_state: "done", installation: 2 });
});

test("R31 a token that died leaves a sentence, and opening the app lets the import go on", async () => {
	seed(8);
	const { shopId } = await world.openApp(shop);
	await world.database.pool.query(`DELETE FROM session`);
	expect(await runImport(world.deps, shopId)).toMatchObject({ outcome: "again", delayMs: 300_000 });
	expect(await row(shopId)).toMatchObject({
		import_state: "running",
		import_error: expect.stringContaining("Open the app once in the Shopify admin"),
	});
	await world.openApp(shop);
	await world.import(shopId);
	expect(await row(shopId)).toMatchObject({ import_state: "done", import_error: null });
});

test("an export that somebody cancels is started again; the third time the import ends with a sentence, and a visit starts it anew", async () => {
	seed(8);
	const { shopId, session } = await world.openApp(shop);
	for (let failures = 1; failures <= 3; failures++) {
		await runImport(world.deps, shopId);
		const { exportId } = (await row(shopId)).import_progress;
		const cancelled = await admin(session, `mutation($id: ID!) { bulkOperationCancel(id: $id) { userErrors { message } } }`, {
			id: exportId,
		});
		expect(cancelled).toMatchObject({ data: { bulkOperationCancel: { userErrors: [] } } });
		await sleep(400);
		await runImport(world.deps, shopId);
		const expected = failures < 3 ? { import_state: "running", import_progress: { exportId: null, failures } } : { import_state: "failed" };
		expect(await row(shopId)).toMatchObject({ ...expected, import_error: expect.stringContaining("The export was cancelled in Shopify.") });
	}
	expect(await runImport(world.deps, shopId)).toEqual({ outcome: "stopped", why: "the import is failed" });
	expect((await world.database.pool.query(`SELECT count(*)::int AS n FROM stock`)).rows[0].n).toBe(0);
	await world.openApp(shop);
	await world.import(shopId);
	expect(await row(shopId)).toMatchObject({ import_state: "done", import_error: null });
});

test("an import without the scope for it ends with a sentence, and is done after the scope was granted", async () => {
	seed(8);
	shop.revokeScopes("read_products");
	const { shopId } = await world.openApp(shop);
	for (let run = 0; run < 10 && (await row(shopId)).import_state !== "failed"; run++) {
		await runImport(world.deps, shopId);
		await sleep(200);
	}
	expect(await row(shopId)).toMatchObject({ import_state: "failed", import_error: expect.stringContaining("an access scope is missing") });
	expect((await world.database.pool.query(`SELECT count(*)::int AS n FROM stock`)).rows[0].n).toBe(0);
	shop.grantScopes("read_products");
	await world.openApp(shop);
	await world.import(shopId);
	expect(await row(shopId)).toMatchObject({ import_state: "done", import_error: null });
});

test("while Shopify takes no more exports the import waits and says so", async () => {
	seed(300);
	const { shopId, session } = await world.openApp(shop);
	const query = `mutation { bulkOperationRunQuery(query: "{ productVariants { edges { node { id } } } }") { bulkOperation { id } userErrors { code } } }`;
	await Promise.all(Array.from({ length: 5 }, () => admin(session, query)));
	expect(await runImport(world.deps, shopId)).toEqual({ outcome: "again", delayMs: 60_000 });
	expect(await row(shopId)).toMatchObject({
		import_state: "running",
		import_error: expect.stringContaining("takes no more at the moment"),
	});
	await sleep(800);
	await world.import(shopId);
	expect(await row(shopId)).toMatchObject({ import_state: "done", import_error: null });
});

test("R37 two shops with equal ids are imported beside each other, each with its own figures", async () => {
	seed(8);
	const twin = world.shopify.createShop({ domain: "twin.myshopify.com", booksAs: null });
	twin.seed({ locations: [{ name: "Main" }], products: [{ title: "Thing", variants: [{ sku: sku(0), stock: 99 }] }] });
	const [one, two] = [await world.openApp(shop), await world.openApp(twin)];
	await Promise.all([world.import(one.shopId), world.import(two.shopId)]);
	await world.quiet(one.shopId);
	const { ours, theirs } = await figures(one.shopId);
	expect(ours).toEqual(theirs);
	expect((await world.database.pool.query(`SELECT available FROM stock WHERE shop_id = $1`, [two.shopId])).rows).toEqual([
		{ available: 99 },
	]);
});

/** What another app of the shop, or its developer, asks of the Admin API. */
const admin = async (session: Session, query: string, variables: object = {}): Promise<unknown> => {
	const answer = await fetch(`https://${shop.domain}/admin/api/2026-10/graphql.json`, {
		method: "POST",
		headers: { "content-type": "application/json", "x-shopify-access-token": session.accessToken ?? "" },
		body: JSON.stringify({ query, variables }),
	});
	return answer.json();
};

/** Import, drain and fetches by hand, until the import is over. */
async function runUntilDone(deps: Deps, shopId: number): Promise<void> {
	for (;;) {
		const result = await runImport(deps, shopId);
		if (result.outcome !== "again") return;
		await world.work(shopId);
		await sleep(15);
	}
}

class Killed extends Error {}

/** The same deps on a database that is cut off before its k-th call, for good. */
function killer(deps: Deps, at = Number.POSITIVE_INFINITY): { deps: Deps; calls: () => number } {
	let calls = 0;
	const guarded = async <T>(call: () => Promise<T>): Promise<T> => {
		calls++;
		if (calls >= at) throw new Killed();
		return call();
	};
	const pool = new Proxy(deps.pool, {
		get(target, name) {
			if (name === "query")
				return (...input: unknown[]) => guarded(() => (target.query as (...i: unknown[]) => Promise<unknown>)(...input));
			if (name === "connect") return async () => guardedClient(await target.connect(), guarded);
			const value = Reflect.get(target, name, target);
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
	return { deps: { ...deps, pool }, calls: () => calls };
}

function guardedClient(client: pg.PoolClient, guarded: <T>(call: () => Promise<T>) => Promise<T>): pg.PoolClient {
	return new Proxy(client, {
		get(target, name) {
			if (name === "query")
				return (...input: unknown[]) => guarded(() => (target.query as (...i: unknown[]) => Promise<unknown>)(...(input as [never])));
			// A killed process's connection is closed by the server, which rolls back.
			if (name === "release") return (error?: Error) => target.release(error ?? false);
			const value = Reflect.get(target, name, target);
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
}
