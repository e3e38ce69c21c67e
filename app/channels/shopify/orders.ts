import { z } from "zod";
import { moneyOf, type OrderSnapshot } from "#domain";
import { ConflictError } from "../errors.ts";
import type { GraphqlClient } from "./client.ts";
import { type ShopifyOrder, toSnapshot } from "./held-units.ts";
import { gidOf, moment, toGid } from "./ids.ts";
import { LINES_PER_PAGE, LIST_ORDERS, ORDERS_PER_PAGE, READ_ORDER, READ_REFUND } from "./operations/read-orders.ts";
import { pageInfo, pagesOf } from "./pages.ts";

/**
 * The search index lags behind the orders ("query:" reads are eventually consistent, no bound documented): this much before
 * `since` is asked for again at every poll, and what was seen already is recognised by its stamp and hash.
 */
export const SEARCH_OVERLAP_MS = 5 * 60_000;
/** An order that changes while it is read page by page is read again, this often. */
const READS_MAX = 3;
const COST_PER_LIST = ORDERS_PER_PAGE * 46;
/** A page of lines, each with what it belongs to, and the order itself. */
const COST_PER_ORDER = LINES_PER_PAGE * 2 + 10;

/** Oldest change first. An order that changes meanwhile moves to the end and is met again there. */
export async function* listOrders(
	client: GraphqlClient,
	{ since, goOnFrom }: { since: string; goOnFrom?: string },
): AsyncGenerator<{ orders: OrderSnapshot[]; channelTime: string; reached?: string }> {
	const from = new Date(Date.parse(goOnFrom ?? since) - SEARCH_OVERLAP_MS).toISOString();
	const pages = pagesOf(async (after) => {
		const variables = { query: `updated_at:>='${from}'`, after };
		const { data, ...times } = await client.run({
			operation: "orders.list",
			document: LIST_ORDERS,
			variables,
			schema: listAnswer,
			cost: COST_PER_LIST,
		});
		return { page: data.orders, ...times };
	});
	for await (const { page, askedAt, answeredAt, channelTime } of pages) {
		const orders: OrderSnapshot[] = [];
		for (const node of page.nodes) {
			// Refunds are not in the page: where something is gone from a line, or lines are missing, the order is read whole.
			const whole = !node.lineItems.pageInfo.hasNextPage && node.lineItems.nodes.every((line) => line.currentQuantity === line.quantity);
			const snapshot = whole
				? toSnapshot(toOrder(node, node.lineItems.nodes, new Map()), { askedAt, answeredAt })
				: await readOrder(client, node.id);
			if (snapshot !== null) orders.push(snapshot);
		}
		const reached = page.nodes.at(-1)?.updatedAt;
		yield { orders, channelTime, ...(reached === undefined ? {} : { reached }) };
	}
}

/** null: no such order (any more). */
export async function readOrder(client: GraphqlClient, orderId: string): Promise<OrderSnapshot | null> {
	for (let read = 1; read <= READS_MAX; read++) {
		const snapshot = await readOnce(client, orderId);
		if (snapshot !== CHANGED) return snapshot;
	}
	throw new ConflictError(`The order ${orderId} changes faster than it can be read`);
}

async function readOnce(client: GraphqlClient, orderId: string): Promise<OrderSnapshot | null | typeof CHANGED> {
	let order: WholeOrder | undefined;
	let times = { askedAt: "", answeredAt: "" };
	const lines: LineItem[] = [];
	const pages = pagesOf(async (after) => {
		const variables = { id: toGid("Order", orderId), after };
		const { data, ...rest } = await client.run({
			operation: "orders.read",
			document: READ_ORDER,
			variables,
			schema: orderAnswer,
			cost: COST_PER_ORDER,
		});
		return data.order && { page: data.order.lineItems, order: data.order, ...rest };
	});
	for await (const { page, ...answer } of pages) {
		if (order !== undefined && answer.order.updatedAt !== order.updatedAt) return CHANGED;
		order ??= answer.order;
		times = { askedAt: times.askedAt || answer.askedAt, answeredAt: answer.answeredAt };
		lines.push(...page.nodes);
	}
	if (order === undefined) return null;
	if (lines.every((line) => line.currentQuantity === line.quantity)) return toSnapshot(toOrder(order, lines, new Map()), times);
	const refunded = await readRefunds(client, order);
	if (refunded === CHANGED) return CHANGED;
	return toSnapshot(toOrder(order, lines, refunded.withoutRestock), { ...times, answeredAt: refunded.answeredAt });
}

async function readRefunds(
	client: GraphqlClient,
	order: WholeOrder,
): Promise<{ withoutRestock: Map<string, number>; answeredAt: string } | typeof CHANGED> {
	const withoutRestock = new Map<string, number>();
	let lastAnswerAt = new Date().toISOString();
	for (const { id } of order.refunds) {
		const pages = pagesOf(async (after) => {
			const call = {
				operation: "orders.read-refund",
				document: READ_REFUND,
				variables: { id, after },
				schema: refundAnswer,
				cost: COST_PER_ORDER,
			};
			const { data, answeredAt } = await client.run(call);
			return data.node && { page: data.node.refundLineItems, stamp: data.node.order.updatedAt, answeredAt };
		});
		for await (const { page, stamp, answeredAt } of pages) {
			if (stamp !== order.updatedAt) return CHANGED;
			lastAnswerAt = answeredAt;
			for (const { restockType, lineItem, quantity } of page.nodes) {
				if (restockType === "NO_RESTOCK") withoutRestock.set(lineItem.id, (withoutRestock.get(lineItem.id) ?? 0) + quantity);
			}
		}
	}
	return { withoutRestock, answeredAt: lastAnswerAt };
}

/** The order's stamp moved between two pages: together they would be a state that never was. */
const CHANGED = Symbol("changed meanwhile");

function toOrder(
	order: z.infer<typeof orderFields>,
	lines: readonly z.infer<typeof lineItem>[],
	withoutRestock: ReadonlyMap<string, number>,
): ShopifyOrder {
	return {
		id: order.id,
		name: order.name,
		createdAt: order.createdAt,
		updatedAt: order.updatedAt,
		cancelledAt: order.cancelledAt,
		retailLocationId: order.retailLocation?.id ?? null,
		sourceName: order.sourceName || null,
		sourceIdentifier: order.sourceIdentifier || null,
		total: moneyOf(order.currentTotalPriceSet.shopMoney.amount, order.currentTotalPriceSet.shopMoney.currencyCode),
		lines: lines.map((line) => ({
			id: line.id,
			variantId: line.variant?.id ?? null,
			sku: line.sku === "" ? null : line.sku,
			quantity: line.quantity,
			currentQuantity: line.currentQuantity,
			refundedWithoutRestock: withoutRestock.get(line.id) ?? 0,
		})),
	};
}

const lineItem = z.object({
	id: gidOf("LineItem"),
	sku: z.string().nullable(),
	quantity: z.int().min(0),
	currentQuantity: z.int().min(0),
	variant: z.object({ id: gidOf("ProductVariant") }).nullable(),
});
type LineItem = z.infer<typeof lineItem>;
const orderFields = z.object({
	id: gidOf("Order"),
	name: z.string(),
	createdAt: moment,
	updatedAt: moment,
	cancelledAt: moment.nullable(),
	sourceName: z.string().max(200).nullable(),
	sourceIdentifier: z.string().max(200).nullable(),
	retailLocation: z.object({ id: gidOf("Location") }).nullable(),
	currentTotalPriceSet: z.object({ shopMoney: z.object({ amount: z.string(), currencyCode: z.string() }) }),
});
const lineItems = z.object({ pageInfo, nodes: z.array(lineItem) });
const listAnswer = z.object({ orders: z.object({ pageInfo, nodes: z.array(orderFields.extend({ lineItems })) }) });
const wholeOrder = orderFields.extend({ refunds: z.array(z.object({ id: z.string() })), lineItems });
type WholeOrder = z.infer<typeof wholeOrder>;
const orderAnswer = z.object({ order: wholeOrder.nullable() });
const refundAnswer = z.object({
	node: z
		.object({
			order: z.object({ updatedAt: moment }),
			refundLineItems: z.object({
				pageInfo,
				nodes: z.array(
					z.object({
						quantity: z.int().min(0),
						// One that we do not know must not be taken for one of the four (R32).
						restockType: z.enum(["NO_RESTOCK", "CANCEL", "RETURN", "LEGACY_RESTOCK"]),
						lineItem: z.object({ id: gidOf("LineItem") }),
					}),
				),
			}),
		})
		.nullable(),
});
