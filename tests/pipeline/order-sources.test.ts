import { afterEach, beforeEach, expect, test } from "vitest";
import { answerMirrored, askForSetUp, connectGuest, runSetUp } from "#app/connections/guests/index.ts";
import { readSetUps } from "#app/pages/channels/read-set-up.ts";
import type { Shop } from "../../sandbox/channels/shopify/index.ts";
import { createWooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { installUpstreams } from "../../sandbox/preload.ts";
import { openShopifyWorld, type ShopifyWorld } from "../kit/shopify-world.ts";

const DAY_MS = 86_400_000;
const IMPORTER = { id: 4_242_001, name: "Marketplace Importer" };
const LEDGER = { id: 4_242_002, name: "Books & Ledger" };

let kit: ShopifyWorld;
let shop: Shop;
let shopId: number;
beforeEach(async () => {
	kit = await openShopifyWorld({ seed: 5 });
	shop = kit.shopify.createShop({ domain: "sources.myshopify.com", searchLagMs: 0 });
	shop.seed({ locations: [{ name: "Main" }], products: [{ title: "Mug", variants: [{ sku: "MUG", stock: { Main: 5_000 } }] }] });
	({ shopId } = await kit.openApp(shop));
	await kit.import(shopId);
	await kit.quiet(shopId);
});
afterEach(() => kit.close());

const place = (more: Omit<Parameters<Shop["checkout"]>[0], "lines"> = {}) => {
	const placed = shop.checkout({ lines: [{ sku: "MUG", quantity: 1 }], ...more });
	if (placed.outcome !== "placed") throw new Error(placed.outcome);
	return placed.name;
};
const copy = (number: string, more: Omit<Parameters<Shop["checkout"]>[0], "lines"> = {}) =>
	place({ app: IMPORTER, sourceName: "importer", sourceIdentifier: number, tags: ["amazon", `batch ${number}`], ...more });
/** A channel that was connected and is not set up. */
async function connected(channel: "amazon" | "woocommerce", account: string = channel): Promise<number> {
	const { rows } = await kit.database.pool.query<{ id: number }>(
		"INSERT INTO connection (shop_id, channel, account, name, state, webhook_token) VALUES ($1, $2, $3, $2, 'connecting', $3) RETURNING id",
		[shopId, channel, account],
	);
	return Number(rows[0]?.id);
}
const deps = () => ({ ...kit.deps, publicUrl: "https://app.lockstep.example" });
async function look(connectionId: number) {
	expect(await askForSetUp(kit.deps, shopId, connectionId, { work: "sources", actor: "user-1" })).toEqual({ outcome: "asked" });
	expect(await runSetUp(deps(), shopId, connectionId)).toEqual({ outcome: "done" });
	return found(connectionId);
}
const found = async (connectionId: number) => (await readSetUps(kit.database.pool, shopId))(connectionId).orderSources;
const answered = async (connectionId: number) =>
	(await kit.database.pool.query("SELECT mirror, mirror_sources FROM connection WHERE shop_id = $1 AND id = $2", [shopId, connectionId]))
		.rows[0];

test("R43 before anything is counted, the apps that wrote Shopify's orders of 60 days are named, with how many carry the channel's numbers", async () => {
	// Older than what may be read, and no business of anybody's.
	kit.world.clock.skip(-61 * DAY_MS);
	copy("111-0000000-0000000");
	kit.world.clock.skip(30 * DAY_MS);
	copy("111-0000001-0000001");
	kit.world.clock.skip(31 * DAY_MS);
	for (let n = 2; n <= 4; n++) copy(`111-000000${n}-000000${n}`);
	copy("", { tags: ["amazon", "111-0000009-0000009"] });
	copy("#111-0000008-0000008");
	const newest = copy("PO-77");
	place({ app: LEDGER, sourceIdentifier: "B-1" });
	place();
	place({ via: "pos" });
	place({ sourceName: "shopify_draft_order" });

	const amazon = await connected("amazon");
	expect(await look(amazon)).toEqual({
		...{ outcome: "looked", orders: 11, complete: true, numbersKnown: true, at: expect.any(String) },
		sources: [
			{
				...{ app: "Marketplace Importer", name: "importer", orders: 7, numbered: 4, numberedElsewhere: 2 },
				...{ tags: ["amazon"], newest },
			},
			{ app: "Books & Ledger", name: "4242002", orders: 1, numbered: 0, numberedElsewhere: 0, tags: [], newest: expect.any(String) },
		],
	});
	// Numbers of a store look like any others: there, a number is all that can be said.
	const woo = await look(await connected("woocommerce"));
	expect(woo).toMatchObject({ numbersKnown: false, sources: [{ app: "Marketplace Importer", numbered: 6 }, { numbered: 1 }] });
	// It has only looked: nothing is decided, and nothing is known of any maker of copies.
	expect(await answered(amazon)).toEqual({ mirror: "none", mirror_sources: [] });
	expect((await readSetUps(kit.database.pool, shopId))(amazon).mirrored).toBeNull();
});

test("R43 whom the merchant names as the maker of copies is known as such from the first order; with another answer nobody is", async () => {
	copy("111-0000001-0000001");
	const amazon = await connected("amazon");
	await look(amazon);
	const answer = (mirrored: "no" | "takes-stock", sources: string[]) =>
		answerMirrored(kit.deps, shopId, amazon, { mirrored, sources, actor: "user-1" });
	await answer("no", ["importer"]);
	expect(await answered(amazon)).toEqual({ mirror: "none", mirror_sources: [] });
	await answer("takes-stock", ["importer"]);
	await answer("takes-stock", ["importer"]);
	expect(await answered(amazon)).toEqual({ mirror: "takes-stock", mirror_sources: ["importer"] });
	// A copy without a number, before any that carries one: a person is told.
	copy("");
	await kit.quiet(shopId);
	const { rows } = await kit.database.pool.query("SELECT error_class FROM dead_letter WHERE shop_id = $1", [shopId]);
	expect(rows).toEqual([{ error_class: "copy-without-number" }]);
});

test("R43 more orders than are looked through: the newest, and that is said; a page that fails leaves the question as it is", async () => {
	copy("111-0000001-0000001");
	const [order] = shop.orders();
	if (!order) throw new Error("An order was placed");
	for (let n = 1; n < 5_010; n++) shop.state.orders.set(order.id + n * 1_000, { ...order, id: order.id + n * 1_000, name: `#X${n}` });
	const amazon = await connected("amazon");
	expect(await look(amazon)).toMatchObject({ orders: 5_000, complete: false, sources: [{ orders: 5_000, numbered: 5_000 }] });
	kit.world.faults.onRequests("shopify", "down", 1, { kind: "status", status: 503 });
	expect(await look(amazon)).toMatchObject({ outcome: "failed", reason: expect.any(String) });
	kit.world.faults.clear();
	expect(await look(amazon)).toMatchObject({ outcome: "looked" });
}, 120_000);

test("R43 connecting a store looks by itself, when its listings are read", async () => {
	copy("1001");
	const store = createWooStore(kit.world, { host: "sources.example" });
	store.seed([{ sku: "MUG", name: "Mug", quantity: 3 }]);
	const upstreams = installUpstreams(kit.world.upstreams());
	try {
		const { consumerKey, consumerSecret } = store.addKey();
		const made = await connectGuest(deps(), shopId, {
			channel: "woocommerce",
			account: store.url,
			credentials: { consumerKey, consumerSecret },
			actor: "user-1",
		});
		if (made.outcome !== "connected") throw new Error(made.reason);
		await askForSetUp(kit.deps, shopId, made.connectionId, { work: "catalogue", actor: "user-1" });
		expect(await runSetUp(deps(), shopId, made.connectionId)).toEqual({ outcome: "done" });
		expect(await found(made.connectionId)).toMatchObject({ outcome: "looked", orders: 1, sources: [{ app: "Marketplace Importer" }] });
	} finally {
		await upstreams.restore();
	}
});
