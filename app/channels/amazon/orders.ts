import { z } from "zod";
import type { OrderSnapshot } from "#domain";
import type { OrderPage } from "../channel.ts";
import { ChannelError, UnexpectedShapeError } from "../errors.ts";
import { type AmazonClient, clockOf, type Exchange, type Query } from "./client.ts";
import { saysRightIsMissing } from "./faults.ts";
import { INCLUDED_DATA, parse, toSnapshot, WITH_SUMS } from "./mapping.ts";
import { patience } from "./patience.ts";

/** What a client has learned of its account: it is not given sums. Of another client's it knows nothing. */
export type Sums = { refused: boolean };

/** null: Amazon does not have it (yet: a new order may be announced before it can be read). */
export async function readOrder(client: AmazonClient, orderId: string, sums: Sums = { refused: false }): Promise<OrderSnapshot | null> {
	if (!/^[A-Za-z0-9-]{1,50}$/.test(orderId)) throw new TypeError(`${orderId} is not an Amazon order id`);
	try {
		const answer = await withSums(sums, (includedData) => client.get("getOrder", `/orders/2026-01-01/orders/${orderId}`, { includedData }));
		return toSnapshot(parse(oneSchema, answer, "order").order);
	} catch (error) {
		if (error instanceof ChannelError && error.httpStatus === 404) return null;
		throw error;
	}
}
const oneSchema = z.object({ order: z.unknown() });

/**
 * Sums are for comparing, and an order counts without them. The models speak of no right that PROCEEDS would need; should an account
 * be refused it all the same, the same is asked for without, and nobody is told that the account were not connected.
 */
async function withSums<Answer>(sums: Sums, ask: (includedData: readonly string[]) => Promise<Answer>): Promise<Answer> {
	if (sums.refused) return ask(INCLUDED_DATA);
	try {
		return await ask(WITH_SUMS);
	} catch (error) {
		if (!saysRightIsMissing(error)) throw error;
		const answer = await ask(INCLUDED_DATA).catch((again: unknown) => {
			// Refused without them too: it was not for the sums.
			throw saysRightIsMissing(again) ? error : again;
		});
		sums.refused = true;
		return answer;
	}
}

/**
 * Orders that changed at `since` or later, page by page. The quota is tiny (one page in three minutes, 20 at once), so
 * notifications are the way in and this fills what they missed.
 *
 * Amazon's list lags by two minutes (developer-docs.amazon.com/sp-api/docs/get-orders-with-filtering-criteria) and says itself up
 * to where it goes (`lastUpdatedBefore`): that is the page's time, not now.
 *
 * Orders that Amazon ships itself are asked for over the last day only: they move no stock of the merchant's, and an account that
 * sells mostly through them would spend weeks of quota on its history.
 */
export async function* listOrders(client: AmazonClient, since: string, sums: Sums = { refused: false }): AsyncGenerator<OrderPage> {
	const from = Math.floor(Date.parse(since) / SECOND_MS) * SECOND_MS;
	if (Number.isNaN(from)) throw new TypeError(`${since} is not a moment in time`);
	const query: Query = {
		lastUpdatedAfter: new Date(from).toISOString().replace(".000Z", "Z"),
		marketplaceIds: client.marketplaceIds,
		fulfilledBy: Date.now() - from > BY_AMAZON_MS ? ["MERCHANT"] : ["MERCHANT", "AMAZON"],
		maxResultsPerPage: PAGE_SIZE,
	};
	const patiently = patience(WAIT_MAX_MS);
	let token: string | undefined;
	let included: readonly string[] = WITH_SUMS;
	for (let pages = 0; pages < PAGES_MAX; pages++) {
		// All parameters again beside the token: "must be provided with the same values" (model, Pagination).
		const ask = (includedData: readonly string[]) => {
			included = includedData;
			return client.exchange({
				operation: "searchOrders",
				method: "GET",
				path: "/orders/2026-01-01/orders",
				query: { ...query, includedData, paginationToken: token },
			});
		};
		// The token is good for a day, so a list that was begun goes on when its next page may be asked for: begun again it would
		// cost all its pages again, and a long one would never end.
		const page = token === undefined ? await withSums(sums, ask) : await patiently(() => ask(included));
		const list = parse(listSchema, page.value, "list of orders");
		yield toPage(list.orders, channelTimeOf(page, list.lastUpdatedBefore));
		token = list.pagination?.nextToken || undefined;
		if (token === undefined) return;
	}
	throw new UnexpectedShapeError(`Amazon's list of orders does not end after ${PAGES_MAX} pages`);
}

const SECOND_MS = 1000;
/** The most that the API gives ("between 1 and 100"). */
const PAGE_SIZE = 100;
/** What the rate gives in one token's life of 24 hours is 484 pages, and 20 of the burst. */
const PAGES_MAX = 500;
const BY_AMAZON_MS = 86_400_000;
/** A worker waits for a list no longer than this: five pages beyond the burst. */
const WAIT_MAX_MS = 15 * 60_000;
/** "A systematic delay of two minutes" in what the list knows. */
const LAG_MS = 120_000;

const listSchema = z.object({
	orders: z.array(z.unknown()),
	pagination: z.object({ nextToken: z.string().max(4096).optional() }).nullish(),
	lastUpdatedBefore: z.iso.datetime({ offset: true }).optional(),
});

/** How far Amazon says that the list goes, and never later than when it was asked for. */
function channelTimeOf({ answer }: Exchange, lastUpdatedBefore: string | undefined): string {
	const asked = Date.parse(clockOf(answer).asked);
	const said = lastUpdatedBefore === undefined ? asked - LAG_MS : Date.parse(lastUpdatedBefore);
	return new Date(Math.min(asked, said)).toISOString();
}

/** One order that does not fit must not stop the poll for ever: it is named beside the others, without what may be personal in it. */
function toPage(items: readonly unknown[], channelTime: string): OrderPage {
	const orders: OrderSnapshot[] = [];
	const unreadable: { orderId: string; payload: unknown; error: UnexpectedShapeError }[] = [];
	for (const item of items) {
		try {
			orders.push(toSnapshot(item));
		} catch (error) {
			if (!(error instanceof UnexpectedShapeError)) throw error;
			const { orderId, payload } = outlineOf(item);
			unreadable.push({ orderId, payload, error });
		}
	}
	return { orders, channelTime, ...(unreadable.length > 0 ? { unreadable } : {}) };
}

/** Ids, times and the words that decide; no titles, messages or addresses. */
function outlineOf(item: unknown): { orderId: string; payload: unknown } {
	const of = (value: unknown): Record<string, unknown> =>
		typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	const order = of(item);
	const text = (value: unknown) => (typeof value === "string" ? value.slice(0, 100) : undefined);
	const payload = {
		orderId: text(order.orderId),
		createdTime: text(order.createdTime),
		lastUpdatedTime: text(order.lastUpdatedTime),
		fulfillmentStatus: text(of(order.fulfillment).fulfillmentStatus),
		fulfilledBy: text(of(order.fulfillment).fulfilledBy),
		marketplaceId: text(of(order.salesChannel).marketplaceId),
		items: Array.isArray(order.orderItems) ? order.orderItems.length : undefined,
	};
	return { orderId: payload.orderId ?? "", payload };
}
