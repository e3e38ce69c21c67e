import { describe, expect, it, vi } from "vitest";
import { createRandom } from "../../random.ts";
import { buy, call, open, productId, shown, stage, stored, TEA, WAIT } from "./contract/visit.ts";

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
		expect({ stored: stored(), shown: shown() }).toEqual({ stored: -2, shown: 0 });
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
		expect(shown()).toBe(0);
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
		const figures: string[] = [];
		const { showed } = stage.world.books;
		stage.world.books.showed = (entry) => {
			figures.push(`${entry.sku} ${entry.quantity} ${entry.cause}`);
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
		expect(figures).toEqual([
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
