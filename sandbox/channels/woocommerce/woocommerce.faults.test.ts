import { describe, expect, it, vi } from "vitest";
import { buy, call, open, productId, stage, stored, TEA, WAIT } from "./contract/visit.ts";
import type { Gap } from "./shop.ts";

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
