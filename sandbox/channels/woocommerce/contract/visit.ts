import { afterEach } from "vitest";
import type { WooStoreOptions } from "../index.ts";
import { createStage, KEYS, type Stage } from "./stage.ts";

/** One store per test, closed after it, and the few things that tests do to it. */
export let stage: Stage;
export const open = async (options: Partial<WooStoreOptions> = {}) => {
	stage = await createStage(options);
	return stage;
};
afterEach(() => stage.close());

/** For what happens in the store by itself; a busy machine may take its time. */
export const WAIT = { timeout: 10_000, interval: 5 };
export const TEA = { sku: "TEA", name: "Green tea", price: "5.00" };
export const productId = () => stage.store.products()[0]?.productId ?? 0;
export const shown = () => stage.store.products()[0]?.shown;
export const stored = () => stage.store.state.products.get(productId())?.stock;
export const buy = (pieces: number, pay = true) => stage.store.checkout({ lines: [{ productId: productId(), quantity: pieces }], pay });
const authorization = (name: keyof typeof KEYS = "read_write") => `Basic ${Buffer.from(KEYS[name].join(":")).toString("base64")}`;
export const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
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
