import type { OrderSnapshot } from "#domain";
import type { CancelResult, OrderPage } from "../channel.ts";
import { ChannelError, UnexpectedShapeError } from "../errors.ts";
import { clockOf, type Exchange, idOf, listIn, PAGE_SIZE, type Query, type WooClient } from "./client.ts";
import { ORDER_FIELDS, toSnapshot } from "./mapping.ts";
import { orderKept } from "./webhooks.ts";

/** null: deleted for good, or only an open checkout page. Neither frees units: WooCommerce does not either. */
export async function readOrder(client: WooClient, orderId: string): Promise<OrderSnapshot | null> {
	if (!/^[1-9]\d{0,15}$/.test(orderId)) throw new TypeError(`${orderId} is not a WooCommerce order id`);
	try {
		return toSnapshot(kept(await client.get("orders.read", `/orders/${orderId}`, { _fields: ORDER_FIELDS })));
	} catch (error) {
		if (error instanceof ChannelError && error.code === "woocommerce_rest_shop_order_invalid_id") return null;
		throw error;
	}
}

/** Orders in these have not been sent. Of the others WooCommerce would take the word too, and a parcel may be on its way. */
const CAN_BE_CANCELLED: readonly unknown[] = ["pending", "processing", "on-hold"];

/**
 * The status is read first: a PUT cancels whatever state the order is in (no precondition, measured on 11.0.1). The same PUT twice is
 * one cancellation, since `_reduced_stock` is empty after the first.
 */
export async function cancelOrder(client: WooClient, orderId: string): Promise<CancelResult> {
	if (!/^[1-9]\d{0,15}$/.test(orderId)) throw new TypeError(`${orderId} is not a WooCommerce order id`);
	const path = `/orders/${orderId}`;
	try {
		const before = statusIn(await client.get("orders.status", path, { _fields: "id,status" }));
		if (before === "cancelled") return { outcome: "cancelled" };
		if (!CAN_BE_CANCELLED.includes(before)) return { outcome: "refused", reason: `The order is “${before}” in the store.` };
		const { value } = await client.exchange({ operation: "orders.cancel", method: "PUT", path, body: { status: "cancelled" } });
		const after = statusIn(value);
		return after === "cancelled" ? { outcome: "cancelled" } : { outcome: "refused", reason: `The store kept the order “${after}”.` };
	} catch (error) {
		if (error instanceof ChannelError && error.code === "woocommerce_rest_shop_order_invalid_id")
			return { outcome: "refused", reason: "The store does not have the order any more." };
		throw error;
	}
}

function statusIn(value: unknown): string {
	const status = typeof value === "object" && value !== null && "status" in value ? value.status : undefined;
	if (typeof status !== "string") throw new UnexpectedShapeError("The store's answer names no status of the order");
	return status;
}

/**
 * Orders that changed at `since` or later, oldest change first. The bound is exclusive and cut to seconds, so one second earlier
 * is asked for.
 *
 * `status=any` leaves out the trash (measured on 11.0.1), where an order keeps its units: one that was moved there before we heard
 * of its sale would be missed, so the trash is asked last.
 */
export async function* listOrders(client: WooClient, { since, goOnFrom }: { since: string; goOnFrom?: string }): AsyncGenerator<OrderPage> {
	const seen = new Set<string>();
	yield* listAny(client, goOnFrom ?? since, seen);
	yield* listById(client, { status: "trash", modified_after: gmt(wholeSecond(since) - SECOND_MS) }, seen);
}

/**
 * The next page begins at the last stamp seen (again one second earlier), not at a page number: rows move to the end of this
 * list while it is read, and page numbers would skip their neighbours. Orders seen are left out by id and stamp.
 */
async function* listAny(client: WooClient, since: string, seen: Set<string>): AsyncGenerator<OrderPage> {
	let bound = wholeSecond(since) - SECOND_MS;
	try {
		for (let pages = 0; pages < PAGES_MAX; pages++) {
			const page = await fetchPage(client, { modified_after: gmt(bound), orderby: "modified", order: "asc" });
			const stamps = page.items.map(stampOf);
			if (stamps.some((stamp, index) => stamp < (stamps[index - 1] ?? 0))) break;
			const last = stamps.at(-1);
			// Of the last stamp's own second the next page may hold more.
			yield { ...toPage(page, page.askedAt, seen), ...(last === undefined ? {} : { reached: new Date(last).toISOString() }) };
			if (page.items.length < PAGE_SIZE || last === undefined) return;
			if (last - SECOND_MS > bound) {
				bound = last - SECOND_MS;
				continue;
			}
			// More orders than a page within one second (a bulk edit): that second by id, then on from it.
			const second = { modified_after: gmt(bound), modified_before: gmt(last + SECOND_MS) };
			yield* listById(client, second, seen);
			bound = last;
		}
	} catch (error) {
		if (!isUnknownOrder(error)) throw error;
	}
	// A store that does not know this order (400), or does not keep to it.
	yield* listById(client, { modified_after: gmt(bound) }, seen);
}

const SECOND_MS = 1000;
const PAGES_MAX = 100_000;
const PASSES_MAX = 20;

/**
 * A fixed set by id and page number, for what cannot be walked by stamp. Orders leave the set while it is read (changed again,
 * trashed) and pull others onto pages read before; so it is read again until a pass brings nothing new.
 */
async function* listById(client: WooClient, filter: Query, seen: Set<string>): AsyncGenerator<OrderPage> {
	for (let pass = 0; pass < PASSES_MAX; pass++) {
		const before = seen.size;
		let several = false;
		let passAskedAt: string | undefined;
		const ofPass = new Set<unknown>();
		for (let number = 1; number <= PAGES_MAX; number++) {
			const page = await fetchPage(client, { ...filter, orderby: "id", order: "asc", page: number });
			const known = ofPass.size;
			for (const item of page.items) ofPass.add(idOf(item));
			// A cache or a plugin that drops the page number answers the first page for ever. To end here would pass over the rest in silence.
			if (page.items.length > 0 && ofPass.size === known) throw new UnexpectedShapeError("The store's list of orders repeats a page");
			// An order on a page read before may have changed since: only what the pass began with is surely all here.
			passAskedAt ??= page.askedAt;
			yield toPage(page, passAskedAt, seen);
			if (page.items.length < PAGE_SIZE) break;
			several = true;
		}
		if (seen.size === before || !several) return;
	}
}

/** Stores from before `orderby=modified` answer 400 `rest_invalid_param` and name the parameter. */
const isUnknownOrder = (error: unknown): boolean =>
	error instanceof ChannelError && error.code === "rest_invalid_param" && error.message.includes("orderby");

type Fetched = { items: unknown[]; askedAt: string };

async function fetchPage(client: WooClient, query: Query): Promise<Fetched> {
	const { answer, value }: Exchange = await client.exchange({
		operation: "orders.list",
		method: "GET",
		path: "/orders",
		// GMT without a suffix: with a Z beside dates_are_gmt the bound is off by the store's offset (measured on 11.0.1).
		query: { status: "any", dates_are_gmt: true, per_page: PAGE_SIZE, _fields: ORDER_FIELDS, ...query },
	});
	return { items: listIn(value), askedAt: clockOf(answer).asked };
}

/**
 * One order that does not fit must not stop the poll for ever: it is named beside the others. What was listed before is left out,
 * unless its content moved under the same stamp.
 */
function toPage({ items }: Fetched, channelTime: string, seen: Set<string>): OrderPage {
	const orders: OrderSnapshot[] = [];
	const unreadable: { orderId: string; payload: unknown; error: UnexpectedShapeError }[] = [];
	const isNew = (item: unknown, content: string): boolean => {
		const size = seen.size;
		return seen.add(`${String(idOf(item))} ${stampOf(item)} ${content}`).size > size;
	};
	for (const item of items) {
		try {
			const snapshot = toSnapshot(kept(item));
			if (snapshot && isNew(item, snapshot.contentHash)) orders.push(snapshot);
		} catch (error) {
			if (!(error instanceof UnexpectedShapeError)) throw error;
			if (isNew(item, "unreadable")) unreadable.push({ orderId: String(idOf(item) ?? ""), payload: kept(item), error });
		}
	}
	return { orders, channelTime, ...(unreadable.length > 0 ? { unreadable } : {}) };
}

/** Whatever we read ourselves is reduced like a webhook's body before anything else looks at it. */
const kept = (item: unknown): unknown =>
	typeof item === "object" && item !== null && !Array.isArray(item) ? orderKept(item as Record<string, unknown>) : item;

function stampOf(item: unknown): number {
	const stamp = typeof item === "object" && item !== null && "date_modified_gmt" in item ? item.date_modified_gmt : undefined;
	const at = typeof stamp === "string" ? Date.parse(`${stamp}Z`) : Number.NaN;
	if (Number.isNaN(at)) throw new UnexpectedShapeError("An order in the store's list has no date_modified_gmt");
	return at;
}

function wholeSecond(instant: string): number {
	const at = Date.parse(instant);
	if (Number.isNaN(at)) throw new TypeError(`${instant} is not a moment in time`);
	return Math.floor(at / SECOND_MS) * SECOND_MS;
}

export const gmt = (at: number): string => new Date(at).toISOString().slice(0, 19);
