import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Channel, ChannelClient, ListingRef } from "#channels";
import { channel } from "#channels";
import type { CanonicalEvent, OrderSnapshot } from "#domain";
import { createWooStore, type WooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { createRandom } from "../../sandbox/random.ts";
import { createWorld, type World } from "../../sandbox/world.ts";
import { leadOutside, serve } from "../kit/outside.ts";

/** The adapter and the stand-in were each written from the recordings, not from each other; here they meet over HTTP. */
const SECRET = "s".repeat(40);
const APP = "https://app.lockstep.example";
const EDITED = ["processing", "on-hold", "completed"];

let world: World;
let store: WooStore;
let client: ChannelClient;
let woocommerce: Channel;
let outside: ReturnType<typeof leadOutside>;
let app: Awaited<ReturnType<typeof serve>>;
let received: { topic: string; events: CanonicalEvent[] }[] = [];
let ids: Map<string, { productId: number; variationId: number }>;
const refOf = (sku: string): ListingRef => {
	const { productId, variationId } = ids.get(sku) ?? { productId: 0, variationId: 0 };
	return variationId === 0
		? { externalId: String(productId), parentExternalId: null }
		: { externalId: String(variationId), parentExternalId: String(productId) };
};

beforeAll(async () => {
	woocommerce = channel("woocommerce");
	world = createWorld({ seed: 7 });
	store = createWooStore(world, { host: "teahouse.example", timezone: "Asia/Kolkata", maxConcurrency: 8 });
	ids = store.seed([
		{ sku: "TEA", name: "Green tea", quantity: 50 },
		{ sku: "POT", name: "Teapot", quantity: 5 },
		{ sku: "WRAP", name: "Gift wrap", quantity: null },
		{
			sku: "TEE",
			name: "Tee",
			quantity: 30,
			variations: [
				{ sku: "TEE-S", option: "S", quantity: 4 },
				{ sku: "TEE-M", option: "M", quantity: "parent" },
			],
		},
	]);
	const origin = await world.listen();
	outside = leadOutside({ "teahouse.example": origin });
	const key = store.addKey();
	client = woocommerce.connect({ account: "teahouse.example", credentials: key as never });
	app = await serve((request, response) => {
		const parts: Buffer[] = [];
		request.on("data", (part) => parts.push(part));
		request.on("end", () => {
			const delivery = { headers: request.headers as Record<string, string>, body: Buffer.concat(parts), path: request.url ?? "" };
			const identity = woocommerce.webhooks.identify(delivery);
			if (identity) {
				const signature = createHmac("sha256", SECRET).update(delivery.body).digest("base64");
				if (delivery.headers["x-wc-webhook-signature"] !== signature) throw new Error("A wrong signature");
				const payload = woocommerce.webhooks.allowList(identity.topic, JSON.parse(delivery.body.toString("utf8")));
				received.push({ topic: identity.topic, events: woocommerce.webhooks.toEvents({ topic: identity.topic, payload, headers: {} }) });
			}
			response.end();
		});
	});
	world.route(APP, app.origin);
});
afterAll(async () => {
	await outside.restore();
	await app.close();
	await world.close();
});

const snapshots = () => received.flatMap(({ events }) => events).filter((event) => event.type === "order.snapshot");
const listed = async (since: string): Promise<OrderSnapshot[]> => {
	const orders: OrderSnapshot[] = [];
	for await (const page of client.listOrders({ since })) orders.push(...page.orders);
	return orders;
};
const figures = async (...skus: string[]) => (await client.readStock(skus.map(refOf))).readings.map((reading) => reading?.quantity);

test("R31 it connects, and a revoked key, a reading key and a powerless user are each told apart", async () => {
	expect(await client.check()).toMatchObject({
		health: "green",
		account: "teahouse.example",
		detail: { timeZone: "Asia/Kolkata", auth: "header" },
	});
	const as = (key: object) => woocommerce.connect({ account: "teahouse.example", credentials: key as never }).check();
	const revoked = store.addKey();
	store.revokeKey(revoked.consumerKey);
	expect(await as(revoked)).toMatchObject({ health: "red", reason: expect.stringContaining("does not know this API key") });
	expect(await as(store.addKey({ permission: "read" }))).toMatchObject({ health: "red", reason: expect.stringContaining("may only read") });
	expect(await as(store.addKey({ shopRights: false }))).toMatchObject({ health: "red", reason: expect.stringContaining("may not manage") });
	expect(await as({ ...store.addKey(), consumerSecret: "cs_wrong" })).toMatchObject({
		health: "red",
		reason: expect.stringContaining("does not belong"),
	});
	store.ail("maintenance");
	expect(await client.check()).toMatchObject({
		health: "red",
		reason: expect.stringContaining("maintenance"),
		error: { retryAfterMs: 600_000 },
	});
	store.ail(null);
});

test("the catalogue names what has stock of its own, and whose stock the others sell from", async () => {
	const listings = [];
	for await (const page of client.listListings()) listings.push(...page);
	const tee = ids.get("TEE")?.productId;
	expect(listings.map(({ sku, quantity, managed, soldFrom }) => [sku, quantity, managed, soldFrom])).toEqual([
		["TEA", 50, true, undefined],
		["POT", 5, true, undefined],
		["WRAP", null, false, undefined],
		["TEE", 30, true, undefined],
		["TEE-S", 4, true, undefined],
		["TEE-M", null, false, String(tee)],
	]);
});

describe("stock", () => {
	test("R16 what is written is what is shown, each kind in its place", async () => {
		const results = await client.writeStock([
			{ ...refOf("TEA"), quantity: 40 },
			{ ...refOf("TEE-S"), quantity: 3 },
			{ ...refOf("TEE"), quantity: 21 },
			{ ...refOf("TEE-M"), quantity: 9 },
			{ externalId: "999999", parentExternalId: null, quantity: 1 },
			{ ...refOf("WRAP"), quantity: 8 },
		]);
		expect(results).toMatchObject([
			{ outcome: "landed", quantity: 40 },
			{ outcome: "landed", quantity: 3 },
			{ outcome: "landed", quantity: 21 },
			{ outcome: "failed", error: { code: "stock-at-parent" } },
			{ outcome: "failed", error: { errorClass: "listing-not-found" } },
			{ outcome: "landed", quantity: 8 },
		]);
		expect(await figures("TEA", "TEE-S", "TEE", "TEE-M", "WRAP")).toEqual([40, 3, 21, null, 8]);
		const shown = Object.fromEntries(store.products().map((product) => [product.sku, product.shown]));
		expect(shown).toMatchObject({ TEA: 40, "TEE-S": 3, "TEE-M": 21, WRAP: 8 });
	});

	test("a write that fails leaves it known whether it may have happened", async () => {
		const write = () => client.writeStock([{ ...refOf("TEA"), quantity: 39 }]).catch((error: unknown) => error);
		world.faults.next(store.channel, 1, { kind: "status", status: 429, retryAfterSeconds: 3 });
		expect(await write()).toMatchObject({ errorClass: "rate-limited", retryAfterMs: 3000, outcomeUnknown: false });
		world.faults.next(store.channel, 1, { kind: "status", status: 503 });
		expect(await write()).toMatchObject({ errorClass: "unavailable", outcomeUnknown: false });
		world.faults.next(store.channel, 1, { kind: "status", status: 502 });
		expect(await write()).toMatchObject({ errorClass: "unavailable", outcomeUnknown: true });
		world.faults.next(store.channel, 1, { kind: "html" });
		expect(await write()).toMatchObject({ errorClass: "unavailable" });
		world.faults.next(store.channel, 1, { kind: "lands-late", delayMs: 50 });
		expect(await write()).toMatchObject({ outcomeUnknown: true });
		world.faults.clear(store.channel);
		expect(await write()).toMatchObject([{ outcome: "landed" }]);
	});
});

describe("orders and webhooks", () => {
	test("the store's webhooks are made, listed and removed; the ping asks for nothing", async () => {
		const manager = client.webhooks;
		if (!manager) throw new Error("WooCommerce has webhooks");
		for (const topic of manager.topics) await manager.create({ topic, url: `${APP}/in/${topic}`, secret: SECRET });
		expect(received).toEqual([]);
		const extra = await manager.create({ topic: "order.created", url: `${APP}/in/extra`, secret: SECRET });
		await manager.remove(extra.id);
		await manager.remove(extra.id);
		const list = await manager.list();
		expect(list.map(({ topic, url, active }) => [topic, url, active])).toEqual(
			manager.topics.map((topic) => [topic, `${APP}/in/${topic}`, true]),
		);
	});

	test("R06 a sale comes by webhook, by list and by read as the same snapshot", async () => {
		received = [];
		const before = new Date(world.clock.now()).toISOString();
		const { productId } = ids.get("POT") ?? { productId: 0 };
		const tee = ids.get("TEE-M") ?? { productId: 0, variationId: 0 };
		const bought = await store.checkout({
			lines: [
				{ productId, quantity: 2 },
				{ ...tee, quantity: 1 },
			],
		});
		if (bought.outcome !== "bought") throw new Error("It was not sold");
		await store.runQueue();
		const [sent] = snapshots();
		const read = await client.readOrder(String(bought.orderId));
		expect(sent?.lines.map(({ listingExternalId, held }) => [listingExternalId, held])).toEqual([
			[String(productId), 2],
			[String(tee.variationId), 1],
		]);
		expect(sent).toEqual(read);
		expect(await listed(before)).toContainEqual(read);
		const seen = received.flatMap(({ events }) => events).filter((event) => event.type === "listing.seen");
		expect(seen.map((event) => [event.listingExternalId, event.quantity])).toEqual(
			expect.arrayContaining([
				[String(productId), 3],
				[String(tee.productId), 20],
			]),
		);
	});

	test("trash: a hint; untrashed: a snapshot; force-deleted: nothing comes, and there is nothing to read", async () => {
		const orderId = await store.placeOrder({ status: "processing", lines: [{ product_id: ids.get("TEA")?.productId ?? 0, quantity: 1 }] });
		await store.runQueue();
		received = [];
		store.trashOrder(orderId);
		await store.runQueue();
		expect(received.map(({ events }) => events.map((event) => event.type))).toContainEqual(["order.hint"]);
		expect((await client.readOrder(String(orderId)))?.lines[0]?.held).toBe(1);
		store.untrashOrder(orderId);
		await store.runQueue();
		expect(snapshots().map((snapshot) => snapshot.orderId)).toContain(String(orderId));
		received = [];
		store.deleteOrder(orderId);
		await store.runQueue();
		expect(received.filter(({ topic }) => topic.startsWith("order."))).toEqual([]);
		expect(await client.readOrder(String(orderId))).toBeNull();
	});

	test("R07 whatever staff and buyers do to orders: stock plus everything held never moves", async () => {
		const random = createRandom(20261121);

		const sku = "POT";
		const productId = ids.get(sku)?.productId ?? 0;
		await store.editStock(sku, 500);
		const known = new Set((await listed("2020-01-01T00:00:00Z")).map((order) => order.orderId));
		const heldSince = async () => {
			let units = 0;
			for (const order of await listed("2020-01-01T00:00:00Z")) {
				if (known.has(order.orderId)) continue;
				for (const line of order.lines) if (line.listingExternalId === String(productId)) units += line.held;
			}
			return units;
		};
		const orders: number[] = [];
		const done = new Map<string, number>();
		const pick = () => random.pick(orders);
		for (let step = 0; step < 60; step++) {
			const canEdit = store.orders().some(({ id, status }) => orders.includes(id) && EDITED.includes(status));
			const action =
				orders.length < 3 || !canEdit ? "order" : random.pick(["order", "status", "refund", "keep-refund", "edit", "remove"] as const);
			done.set(action, (done.get(action) ?? 0) + 1);
			if (action === "order") {
				const status = random.pick(["pending", "processing", "on-hold", "completed", "checkout-draft"]);
				orders.push(await store.placeOrder({ status, lines: [{ product_id: productId, quantity: random.between(1, 4) }] }));
			} else if (action === "status") {
				const status = random.pick(["pending", "processing", "on-hold", "completed", "cancelled", "failed", "refunded"]);
				await store.setOrderStatus(pick(), status);
			} else if (action === "refund" || action === "keep-refund") {
				const id = pick();
				const line = store.orders().find((order) => order.id === id)?.lines[0];
				if (line) await store.refund(id, { lines: [{ lineId: line.id, quantity: 1 }], restock: action === "refund" });
			} else {
				// Lines are edited while the order is being worked on; what an edit does later was not recorded.
				const order = random.pick(store.orders().filter(({ id, status }) => orders.includes(id) && EDITED.includes(status)));
				const line = order.lines[0];
				if (line) await store.editOrder(order.id, [{ id: line.id, quantity: action === "edit" ? random.between(1, 6) : 0 }]);
			}
			const [stock] = await figures(sku);
			expect({ step, action, whole: (stock ?? 0) + (await heldSince()) }).toEqual({ step, action, whole: 500 });
		}
		expect([...done.keys()].sort()).toEqual(["edit", "keep-refund", "order", "refund", "remove", "status"]);
	});

	test("R24 a list of many orders of few seconds is complete", async () => {
		const productId = ids.get("TEA")?.productId ?? 0;
		const since = new Date(world.clock.now() - 1000).toISOString();
		const made: number[] = [];
		for (let i = 0; i < 260; i++)
			made.push(await store.placeOrder({ status: "processing", lines: [{ product_id: productId, quantity: 1 }] }));
		const found = (await listed(since)).map((order) => Number(order.orderId));
		expect(found.length).toBe(new Set(found).size);
		expect(made.filter((id) => !found.includes(id))).toEqual([]);
	});
});
