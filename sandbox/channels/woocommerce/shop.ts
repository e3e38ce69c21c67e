import { createHash } from "node:crypto";
import type { World } from "../../world.ts";
import type { State } from "./state.ts";
import type { StoreTime } from "./time.ts";

export const WOOCOMMERCE_VERSION = "11.0.1";

/** What every part of one store works with. */
export type Shop = {
	world: World;
	/** The store's name in books and faults. */
	channel: string;
	host: string;
	/** `https://teahouse.example` */
	url: string;
	name: string;
	timezone: string;
	state: State;
	time: StoreTime;
	settings: Settings;
	/** Tells the webhooks that something happened; see webhooks.ts. */
	tell(topic: string, resourceId: number): void;
	/** A gap between two effects of one request, where others may look or write (order-stock-stamp-windows.json). */
	gap(where: Gap): Promise<void>;
	/** Text that looks random and is the same for the same seed. */
	token(length: number): string;
};

export type Gap =
	| "product.read"
	| "order.status"
	| "order.stock"
	| "order.line-meta"
	| "order.created"
	| "refund.restocked"
	| "line.stock"
	| "checkout.checked"
	| "checkout.paying"
	| "checkout.reserved";

type Settings = {
	/** One request takes so long, from the caller's side, in sandbox milliseconds. */
	roundTripMs: readonly [number, number];
	/** Each gap between two effects of one request lasts so long. */
	gapMs: number;
	/** Called at every gap; a test strikes here. */
	onGap: ((where: Gap) => void | Promise<void>) | undefined;
	atomicCheckout: boolean;
	/** Requests in flight that the store's host puts up with (sheet section 5: 1–2). */
	maxConcurrency: number;
	/** A host's own limit; null: WooCommerce itself has none. */
	rateLimit: { requests: number; perMs: number } | null;
	queue: Queue;
};

/**
 * When queued webhooks go out. `timer`: so long after the first change (a store whose cron works); `traffic`: a request starts
 * the queue, at most once per `everyMs` (WordPress' own cron: 60 000); `manual`: only `runQueue()`.
 */
export type Queue = { kind: "timer"; everyMs: number } | { kind: "traffic"; everyMs: number } | { kind: "manual" };

/** PHP's json_encode: slashes and everything outside ASCII are escaped, in REST answers and in webhook bodies alike. */
export function phpJson(value: unknown): string {
	return JSON.stringify(value)
		.replaceAll("/", "\\/")
		.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export const money = (amount: number) => (Math.round(amount * 100) / 100).toFixed(2);
export const slugOf = (name: string) =>
	name
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, "-")
		.replace(/^-|-$/g, "");
export const md5 = (text: string) => createHash("md5").update(text).digest("hex");
export const htmlText = (text: string) =>
	text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#039;");
