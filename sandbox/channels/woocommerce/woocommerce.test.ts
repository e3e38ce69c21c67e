import { afterEach, describe, expect, it, vi } from "vitest";
import { createRandom } from "../../random.ts";
import { createStage, KEYS, type Stage } from "./contract/stage.ts";
import type { WooStoreOptions } from "./index.ts";
import type { Gap } from "./shop.ts";

/** For what happens in the store by itself; a busy machine may take its time. */
const WAIT = { timeout: 10_000, interval: 5 };

let stage: Stage;
const open = async (options: Partial<WooStoreOptions> = {}) => {
	stage = await createStage(options);
	return stage;
};
afterEach(() => stage.close());

const TEA = { sku: "TEA", name: "Green tea", price: "5.00" };
const productId = () => stage.store.products()[0]?.productId ?? 0;
const quantity = () => stage.store.products()[0]?.shown;
const stored = () => stage.store.state.products.get(productId())?.stock;
const buy = (pieces: number, pay = true) => stage.store.checkout({ lines: [{ productId: productId(), quantity: pieces }], pay });
const authorization = (name: keyof typeof KEYS = "read_write") => `Basic ${Buffer.from(KEYS[name].join(":")).toString("base64")}`;
const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
	const sent = {
		authorization: authorization(),
		accept: "application/json",
		...(body === undefined ? {} : { "content-type": "application/json" }),
		...headers,
	};
	const reply = await stage.send({
		method,
		path: `/wp-json/wc/v3${path}`,
		headers: sent,
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});
	return { ...reply, json: () => JSON.parse(reply.text) };
};
/** Units that the books heard of, in order. */
const sold = () => stage.world.books.sales().map(({ sku, units }) => `${sku} ${units}`);
const rules = () => stage.world.books.violations("woocommerce").map(({ rule }) => rule);

describe("the storefront", () => {
	it("sells more than it has when buyers pay in the same moment, as recorded: five of eight on three pieces", async () => {
		await open();
		stage.world.books.open("TEA", 3);
		stage.store.seed([{ ...TEA, quantity: 3 }]);
		const outcomes = await Promise.all(Array.from({ length: 8 }, () => buy(1)));
		expect(outcomes.filter((o) => o.outcome === "bought")).toHaveLength(5);
		expect(outcomes.flatMap((o) => (o.outcome === "refused" ? [o.code] : []))).toEqual(
			Array(3).fill("woocommerce_product_not_enough_stock"),
		);
		expect({ stored: stored(), shown: quantity() }).toEqual({ stored: -2, shown: 0 });
		expect(stage.world.books.oversoldUnits()).toBe(2);
	});

	it.each([
		{ atomicCheckout: true, oversells: false },
		{ atomicCheckout: false, oversells: true },
	])("with atomicCheckout $atomicCheckout buyers at once oversell: $oversells", async ({ atomicCheckout, oversells }) => {
		await open({ atomicCheckout });
		const random = createRandom(7);
		const skus = Array.from({ length: 30 }, (_, n) => `TEA-${n}`);
		const pieces = skus.map(() => random.between(1, 6));
		for (const [n, sku] of skus.entries()) stage.world.books.open(sku, pieces[n] ?? 0);
		const ids = stage.store.seed(skus.map((sku, n) => ({ sku, name: sku, quantity: pieces[n] ?? 0 })));
		stage.onGap.run = async () => {
			for (let i = random.between(0, 4); i > 0; i--) await Promise.resolve();
		};
		for (const sku of skus) {
			const lines = () => [{ productId: ids.get(sku)?.productId ?? 0, quantity: random.between(1, 2) }];
			const outcomes = await Promise.all(
				Array.from({ length: 8 }, () => stage.store.checkout({ lines: lines(), pay: random.chance(0.8) })),
			);
			for (const outcome of outcomes) if (outcome.outcome === "reserved" && random.chance(0.7)) await stage.store.payOrder(outcome.orderId);
		}
		expect(stage.world.books.oversoldUnits() > 0).toBe(oversells);
		for (const [sku, { productId: id }] of ids) expect(stage.store.state.products.get(id)?.stock).toBe(stage.world.books.truth(sku));
	});

	it("a buyer only gets what is shown", async () => {
		await open();
		stage.store.seed([{ ...TEA, quantity: 2 }]);
		expect(await buy(3)).toMatchObject({ outcome: "refused", code: "woocommerce_rest_product_partially_out_of_stock" });
		expect(await buy(2)).toMatchObject({ outcome: "bought", status: "processing", lines: [{ sku: "TEA", quantity: 2 }] });
		expect(await buy(1)).toMatchObject({ outcome: "refused", code: "woocommerce_rest_product_out_of_stock" });
	});

	it("a buyer who pays while the stock shrinks gets fewer pieces", async () => {
		await open();
		stage.store.seed([{ ...TEA, quantity: 3 }]);
		stage.onGap.run = async (where) => {
			if (where === "checkout.checked") await stage.store.editStock("TEA", 1);
		};
		expect(await buy(3)).toMatchObject({ outcome: "bought", lines: [{ sku: "TEA", quantity: 1 }] });
	});

	it("a pending order keeps its pieces from other buyers for an hour without lowering the figure, then it is cancelled", async () => {
		await open();
		stage.store.seed([{ ...TEA, quantity: 3 }]);
		stage.setTime("2026-11-21T10:00:00.000Z");
		const pending = await buy(2, false);
		expect(pending).toMatchObject({ outcome: "reserved" });
		expect({ stored: stored(), sold: sold() }).toEqual({ stored: 3, sold: [] });
		expect(await buy(2)).toMatchObject({ outcome: "refused" });
		stage.setTime("2026-11-21T11:00:01.000Z");
		expect(stage.store.orders()[0]?.status).toBe("cancelled");
		const paid = await buy(3, false);
		if (paid.outcome === "reserved") await stage.store.payOrder(paid.orderId);
		stage.setTime("2026-11-21T12:30:00.000Z");
		expect({ status: stage.store.orders()[1]?.status, stored: stored() }).toEqual({ status: "processing", stored: 0 });
	});

	it("people see a page that says it is simulated, with figures and a button that buys", async () => {
		await open();
		stage.store.seed([
			{ ...TEA, quantity: 1 },
			{ sku: "CUP", name: "Cup & saucer", quantity: 0 },
		]);
		const page = await stage.send({ method: "GET", path: "/" });
		expect(page.text).toContain("Simulated WooCommerce store");
		expect(page.text).toContain("1 in stock");
		expect(page.text).toContain("Cup &amp; saucer");
		expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
		const form = {
			method: "POST",
			path: "/",
			headers: { "content-type": "application/x-www-form-urlencoded" },
			body: `product=${productId()}`,
		};
		const bought = await stage.send(form);
		expect({ status: bought.status, to: bought.headers.location }).toEqual({ status: 303, to: `?order=${stage.store.orders()[0]?.id}` });
		expect((await stage.send(form)).headers.location).toBe("?refused=woocommerce_rest_product_out_of_stock");
		expect(quantity()).toBe(0);
		expect((await stage.send({ method: "GET", path: "/nowhere" })).status).toBe(404);
	});
});

describe("the books", () => {
	it("hear of every piece that leaves and comes back, and not of what WooCommerce goes on holding", async () => {
		await open();
		stage.world.books.open("TEA", 20);
		stage.store.seed([{ ...TEA, quantity: 20 }]);
		const order = async (pieces: number) => ({
			id: await stage.store.placeOrder({ status: "processing", lines: [{ product_id: productId(), quantity: pieces }] }),
		});

		const cancelled = await order(3);
		await stage.store.cancelOrder(cancelled.id);
		expect(sold()).toEqual(["TEA 3", "TEA -3"]);
		await stage.store.setOrderStatus(cancelled.id, "processing");
		expect(sold().at(-1)).toBe("TEA 3");

		const refunded = await order(2);
		const lineId = stage.store.orders()[1]?.lines[0]?.id ?? 0;
		await stage.store.refund(refunded.id, { lines: [{ lineId, quantity: 1 }] });
		expect(sold().slice(3)).toEqual(["TEA 2", "TEA -1"]);
		await stage.store.refund(refunded.id, { lines: [{ lineId, quantity: 1 }], restock: false });
		await stage.store.setOrderStatus(refunded.id, "refunded");
		expect(sold()).toHaveLength(5);

		const edited = await order(1);
		const line = stage.store.orders()[2]?.lines[0]?.id ?? 0;
		await stage.store.editOrder(edited.id, [{ id: line, quantity: 4 }]);
		await stage.store.editOrder(edited.id, [{ id: line, quantity: 0 }]);
		expect(sold().slice(5)).toEqual(["TEA 1", "TEA 3", "TEA -4"]);

		const restocked = await order(5);
		const part = stage.store.orders()[3]?.lines[0]?.id ?? 0;
		await stage.store.refund(restocked.id, { lines: [{ lineId: part, quantity: 2 }] });
		await stage.store.editOrder(restocked.id, [{ id: part, quantity: 6 }]);
		// After a partial restock the line holds its quantity less what was restocked.
		expect(stage.store.orders()[3]?.lines[0]?.meta.find(({ key }) => key === "_reduced_stock")?.value).toBe("4");
		expect(sold().slice(8)).toEqual(["TEA 5", "TEA -2", "TEA 1"]);

		const trashed = await order(1);
		stage.store.trashOrder(trashed.id);
		stage.store.untrashOrder(trashed.id);
		stage.store.deleteOrder(trashed.id);
		expect(sold().slice(11)).toEqual(["TEA 1"]);
		expect(stored()).toBe(stage.world.books.truth("TEA"));
	});

	it("hear of every change of a shown figure with its cause, and staff's edits are not truth", async () => {
		await open();
		const shown: string[] = [];
		const { showed } = stage.world.books;
		stage.world.books.showed = (entry) => {
			shown.push(`${entry.sku} ${entry.quantity} ${entry.cause}`);
			showed(entry);
		};
		stage.world.books.open("TEA", 5);
		stage.store.seed([
			{ ...TEA, quantity: 5 },
			{ sku: "TEE", name: "Tee", variations: [{ sku: "TEE-S", option: "S", quantity: 2 }] },
		]);
		const bought = await buy(2);
		await call("PUT", `/products/${productId()}`, { manage_stock: true, stock_quantity: 9 });
		await call("PUT", `/products/${productId()}`, { manage_stock: true, stock_quantity: 9 });
		await stage.store.editStock("TEA", 7);
		if (bought.outcome === "bought") await stage.store.cancelOrder(bought.orderId);
		await stage.store.setProductStatus("TEA", "draft");
		await stage.store.setProductStatus("TEA", "publish");
		expect(shown).toEqual([
			"TEA 5 opening",
			"TEE-S 2 opening",
			"TEA 3 sale",
			"TEA 9 write",
			"TEA 7 edit",
			"TEA 9 restock",
			"TEA 0 edit",
			"TEA 9 edit",
		]);
		expect(stage.world.books.truth("TEA")).toBe(5);
	});

	it("hear of every API call by a short name, with status and duration", async () => {
		await open();
		stage.store.seed([{ ...TEA, quantity: 5 }]);
		await call("GET", "/products?per_page=100");
		await call("POST", "/products/batch", { update: [] });
		await call("GET", `/orders/1`);
		await stage.send({ method: "GET", path: "/wp-json/" });
		expect(stage.world.books.calls("woocommerce").map(({ operation, status }) => `${operation} ${status}`)).toEqual([
			"GET products 200",
			"POST products/batch 200",
			"GET orders/{id} 404",
		]);
	});

	it("hear of what a caller must not do", async () => {
		await open({ maxConcurrency: 1, rateLimit: { requests: 8, perMs: 1_000 } });
		stage.store.seed([{ ...TEA, quantity: 5 }]);
		const id = productId();
		const entries = Array.from({ length: 101 }, () => ({ id, stock_quantity: 1 }));
		expect((await call("POST", "/products/batch", { update: entries })).status).toBe(413);
		await call("PUT", `/products/${id}`, { stock_quantity: null });
		await call("POST", "/products/batch", { update: [{ id, stock_quantity: "4" }] });
		await call("GET", "/orders?modified_after=2026-11-21T04:44:25Z&dates_are_gmt=true");
		await stage.send({ method: "GET", path: "/wp-json/wc/v3/orders", plain: true });
		expect(rules()).toEqual([
			"batch over 100",
			"stock_quantity null",
			"stock_quantity as text",
			"date with a zone next to dates_are_gmt",
			"plain http",
		]);
		const answers = await Promise.all([1, 2, 3, 4].map(() => call("GET", "/products")));
		expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429]);
		expect(rules().slice(5)).toContain("429 earned");
	});

	it("hear of more requests in flight than the host puts up with", async () => {
		await open({ maxConcurrency: 2, roundTripMs: [300, 800] });
		const answers = Promise.all([1, 2, 3].map(() => call("GET", "/products")));
		await vi.waitFor(() => expect(rules()).toHaveLength(1), WAIT);
		// The store's clock goes on until all three have their answers.
		await vi.waitFor(() => {
			stage.setTime(new Date(stage.world.clock.now() + 1_000).toISOString());
			expect(stage.world.books.calls("woocommerce")).toHaveLength(3);
		}, WAIT);
		expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200]);
		expect(rules()).toEqual(["concurrency"]);
	});
});

describe("faults", () => {
	it("FAIL-429 and FAIL-500 misbehave without any set-up, and a batch crashes in its middle", async () => {
		await open();
		const ids = stage.store.seed(["A", "FAIL-500", "B", "FAIL-429"].map((sku) => ({ sku, name: sku, quantity: 1 })));
		const [a, crash, b, busy] = ["A", "FAIL-500", "B", "FAIL-429"].map((sku) => ids.get(sku)?.productId);
		const limited = await call("PUT", `/products/${busy}`, { stock_quantity: 5 });
		expect({ status: limited.status, after: limited.headers["retry-after"] }).toEqual({ status: 429, after: "1" });
		expect((await call("GET", `/products/${crash}`)).json()).toMatchObject({ code: "internal_server_error" });
		const batch = await call("POST", "/products/batch", { update: [a, crash, b].map((id) => ({ id, stock_quantity: 5 })) });
		expect(batch.status).toBe(500);
		expect(stage.store.products().map(({ shown }) => shown)).toEqual([5, 1, 1, 1]);
		expect((await call("POST", "/products/batch", { update: [{ id: busy, stock_quantity: 5 }] })).status).toBe(429);
		expect((await call("GET", "/products")).status).toBe(200);
	});

	it("answers as told: overloaded, maintenance, a page instead of JSON", async () => {
		await open();
		stage.world.faults.next("woocommerce", 1, { kind: "status", status: 429, retryAfterSeconds: 7 });
		expect((await call("GET", "/products")).headers["retry-after"]).toBe("7");
		stage.world.faults.next("woocommerce", 1, { kind: "status", status: 503 }, (operation) => operation === "GET orders");
		expect((await call("GET", "/products")).status).toBe(200);
		expect((await call("GET", "/orders")).json()).toMatchObject({ code: "wp_die", data: { status: 503 } });
		stage.world.faults.next("woocommerce", 1, { kind: "status", status: 502 });
		expect((await call("GET", "/products")).text).toContain("Bad Gateway");
		stage.world.faults.next("woocommerce", 1, { kind: "html" });
		const page = await call("GET", "/products");
		expect({ status: page.status, type: page.headers["content-type"] }).toEqual({ status: 200, type: "text/html; charset=UTF-8" });
	});

	it("a silent request has its effect or has none, and an old write lands late", async () => {
		await open();
		stage.store.seed([{ ...TEA, quantity: 1 }]);
		const path = `/products/${productId()}`;
		/** Sends a write that gets no answer; comes back when the store is done with it. */
		const unanswered = async (value: number) => {
			const before = stage.world.books.calls("woocommerce").length;
			const request = call("PUT", path, { stock_quantity: value });
			request.catch(() => {});
			await vi.waitFor(() => expect(stage.world.books.calls("woocommerce")).toHaveLength(before + 1), WAIT);
			return { request };
		};
		stage.world.faults.next("woocommerce", 1, { kind: "timeout", effect: "none" });
		await unanswered(2);
		expect(stored()).toBe(1);
		stage.world.faults.next("woocommerce", 1, { kind: "timeout", effect: "before" });
		await unanswered(3);
		expect(stored()).toBe(3);
		stage.world.faults.next("woocommerce", 1, { kind: "lands-late", delayMs: 20_000 });
		await expect((await unanswered(4)).request).rejects.toThrow();
		await call("PUT", path, { stock_quantity: 5 });
		expect(stored()).toBe(5);
		stage.setTime("2026-11-21T04:37:20.000Z");
		await vi.waitFor(() => expect(stored()).toBe(4), WAIT);
		expect(stage.world.books.calls("woocommerce").map(({ status }) => status)).toEqual([0, 0, 0, 200]);
	});

	it("webhooks are lost, doubled, late or out of order, and the books know each one's fate", async () => {
		await open();
		const ids = stage.store.seed(["A", "B", "C", "D"].map((sku) => ({ sku, name: sku, quantity: 1 })));
		await call("POST", "/webhooks", { topic: "product.updated", delivery_url: "http://127.0.0.1:45390/hook", secret: "s" });
		stage.received.length = 0;
		const { faults } = stage.world;
		const run = async (skus: string[]) => {
			for (const sku of skus) await stage.store.editStock(sku, 9);
			await stage.store.runQueue();
		};
		const got = () => stage.received.map(({ body }) => (JSON.parse(body) as { sku: string }).sku);
		faults.onWebhooks("woocommerce", "x", 1, { kind: "lost" });
		await run(["A"]);
		faults.onWebhooks("woocommerce", "x", 1, { kind: "duplicate", copies: 1 });
		await run(["B"]);
		expect(got()).toEqual(["B", "B"]);
		faults.onWebhooks("woocommerce", "x", 1, { kind: "late", delayMs: 30_000 });
		await run(["C"]);
		expect(got()).toEqual(["B", "B"]);
		let turn = 0;
		faults.webhook = () => (turn++ === 0 ? { kind: "reordered" } : null);
		await run(["A", "D"]);
		expect(got()).toEqual(["B", "B", "D", "A"]);
		stage.setTime("2026-11-21T04:37:40.000Z");
		await vi.waitFor(() => expect(stage.world.books.deliveries("woocommerce")).toHaveLength(6), WAIT);
		expect(got().at(-1)).toBe("C");
		const id = (sku: string) => String(ids.get(sku)?.productId);
		expect(stage.world.books.deliveries("woocommerce").map(({ fate, resourceId }) => [fate, resourceId])).toEqual([
			["lost", id("A")],
			["delivered", id("B")],
			["duplicate", id("B")],
			["delivered", id("D")],
			["reordered", id("A")],
			["late", id("C")],
		]);
	});

	it("a store whose cron works sends a second after the change", async () => {
		await open({ queue: { kind: "timer", everyMs: 1_000 } });
		stage.store.seed([{ ...TEA, quantity: 3 }]);
		await call("POST", "/webhooks", { topic: "order.created", delivery_url: "http://127.0.0.1:45390/hook", secret: "s" });
		await buy(1);
		await buy(1);
		expect(stage.received).toHaveLength(1);
		stage.setTime("2026-11-21T04:37:01.000Z");
		await vi.waitFor(() => expect(stage.world.books.deliveries("woocommerce")).toHaveLength(2), WAIT);
		expect(stage.received.map(({ headers }) => headers["x-wc-webhook-topic"])).toEqual([undefined, "order.created", "order.created"]);
	});
});

describe("keys", () => {
	it("a revoked key hears what nobody hears", async () => {
		await open();
		const { consumerKey, consumerSecret } = stage.store.addKey({ permission: "read" });
		const ask = () =>
			call("GET", "/products", undefined, { authorization: `Basic ${Buffer.from(`${consumerKey}:${consumerSecret}`).toString("base64")}` });
		expect((await ask()).status).toBe(200);
		stage.store.revokeKey(consumerKey);
		expect((await ask()).json()).toEqual({
			code: "woocommerce_rest_cannot_view",
			message: "Sorry, you cannot list resources.",
			data: { status: 401 },
		});
	});

	const grant = (callback = "https://app.example/callback?x=1") =>
		new URLSearchParams({
			app_name: "Lock & step",
			scope: "read_write",
			user_id: "one-time-7",
			return_url: "https://app.example/back",
			callback_url: callback,
		});

	it("the owner approves an app: the store posts fresh keys to it and sends the browser back", async () => {
		await open();
		stage.world.route("https://app.example", stage.receiver);
		const page = await stage.send({ method: "GET", path: `/wc-auth/v1/authorize?${grant()}` });
		expect(page.text).toContain("Lock &amp; step would like to connect");
		const approve = /id="approve" href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll("&amp;", "&");
		const before = stage.store.state.keys.size;
		const granted = await stage.send({ method: "GET", path: `/wc-auth/v1/${approve}` });
		expect({ status: granted.status, to: granted.headers.location }).toEqual({
			status: 302,
			to: "https://app.example/back?success=1&user_id=one-time-7",
		});
		const [posted] = stage.received;
		expect(posted?.path).toBe("/callback?x=1");
		const keys = JSON.parse(posted?.body ?? "{}") as Record<string, string>;
		expect(Object.keys(keys)).toEqual(["key_id", "user_id", "consumer_key", "consumer_secret", "key_permissions"]);
		expect([keys.user_id, keys.key_permissions, stage.store.state.keys.size]).toEqual(["one-time-7", "read_write", before + 1]);
		const authorized = `Basic ${Buffer.from(`${keys.consumer_key}:${keys.consumer_secret}`).toString("base64")}`;
		expect((await call("GET", "/products", undefined, { authorization: authorized })).status).toBe(200);
	});

	it("no key stays when the app does not take it, and a callback without TLS is refused", async () => {
		await open();
		stage.world.route("https://app.example", stage.receiver);
		stage.answers.set("/callback?x=1", 500);
		const before = stage.store.state.keys.size;
		expect((await stage.send({ method: "GET", path: `/wc-auth/v1/access_granted?${grant()}` })).status).toBe(401);
		expect(stage.store.state.keys.size).toBe(before);
		const plain = await stage.send({ method: "GET", path: `/wc-auth/v1/authorize?${grant("http://app.example/callback")}` });
		expect({ status: plain.status, says: plain.text.includes("needs to be over SSL") }).toEqual({ status: 401, says: true });
	});
});

describe("two writers", () => {
	it("a sale between reading and saving survives a write of the number read, and is lost under any other", async () => {
		await open();
		stage.store.seed([{ ...TEA, quantity: 10 }]);
		const sellInGap = (where: Gap) => {
			if (where !== "product.read") return undefined;
			stage.onGap.run = null;
			return stage.store.placeOrder({ status: "processing", lines: [{ product_id: productId(), quantity: 2 }] }).then(() => {});
		};
		stage.onGap.run = sellInGap;
		expect((await call("PUT", `/products/${productId()}`, { stock_quantity: 10 })).json().stock_quantity).toBe(8);
		stage.onGap.run = sellInGap;
		expect((await call("PUT", `/products/${productId()}`, { stock_quantity: 7 })).json().stock_quantity).toBe(7);
	});
});
