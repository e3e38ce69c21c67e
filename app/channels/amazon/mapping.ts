import { createHash } from "node:crypto";
import { z } from "zod";
import { moneyOf, type OrderLineSnapshot, type OrderSnapshot } from "#domain";
import { UnexpectedShapeError } from "../errors.ts";
import { listingId } from "./regions.ts";

/**
 * Orders API 2026-01-01 (../shared/contracts/amazon/models/orders_2026-01-01.json): their words in, our words out. BEHAVIOR.md has
 * the reasons at length. A value that these tables do not have fails by its name: it may or may not keep stock, and a guess would
 * change stock silently (R32).
 */
const STATUSES = ["PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED", "UNFULFILLABLE"] as const;

const instant = z.iso.datetime({ offset: true });
const units = z.int().nonnegative().max(1_000_000);
const id = z.string().min(1).max(100);

const itemSchema = z.object({
	orderItemId: id,
	quantityOrdered: units,
	product: z.object({ sellerSku: z.string().max(150).optional() }),
	/** Both or none of them; none where Amazon does not say yet. */
	fulfillment: z.object({ quantityFulfilled: units.optional(), quantityUnfulfilled: units.optional() }).optional(),
	cancellation: z.object({ cancellationExecution: z.object({ cancelledBy: z.string().max(50).optional() }).optional() }).optional(),
});

export const orderSchema = z.object({
	orderId: id,
	createdTime: instant,
	lastUpdatedTime: instant,
	salesChannel: z.object({ channelName: z.enum(["AMAZON", "NON_AMAZON"]), marketplaceId: id.optional() }),
	fulfillment: z.object({ fulfillmentStatus: z.enum(STATUSES), fulfilledBy: z.enum(["MERCHANT", "AMAZON"]) }),
	orderItems: z.array(itemSchema),
	/** Only with PROCEEDS, and only once Amazon knows it. In whatever form it comes, it keeps no order from being counted. */
	proceeds: z
		.object({ grandTotal: z.object({ amount: z.unknown(), currencyCode: z.unknown() }).optional() })
		.optional()
		.catch(undefined),
});
export type OrderItem = z.infer<typeof itemSchema>;

/** What is asked for: never BUYER or RECIPIENT, which need rights that syncing stock does not need. */
export const INCLUDED_DATA = ["FULFILLMENT", "CANCELLATION"] as const;
/** The same with what an order comes to, for comparing sums (R26). */
export const WITH_SUMS = [...INCLUDED_DATA, "PROCEEDS"] as const;

export function toSnapshot(body: unknown): OrderSnapshot {
	const order = parse(orderSchema, body, "order");
	const { fulfillmentStatus, fulfilledBy } = order.fulfillment;
	const byAmazon = fulfilledBy === "AMAZON";
	if (!byAmazon && fulfillmentStatus === "UNFULFILLABLE") {
		// "Only applies to Amazon-fulfilled orders that were not placed on Amazon's retail website" (model, FulfillmentStatus).
		throw new UnexpectedShapeError(`Order ${order.orderId} is shipped by the seller and yet UNFULFILLABLE`);
	}
	const { marketplaceId } = order.salesChannel;
	const grandTotal = order.proceeds?.grandTotal;
	if (!byAmazon && marketplaceId === undefined) throw new UnexpectedShapeError(`Order ${order.orderId} names no marketplace`);
	return snapshotOf({
		orderId: order.orderId,
		createdAt: order.createdTime,
		stamp: order.lastUpdatedTime,
		cancelled: fulfillmentStatus === "CANCELLED",
		complete: true,
		total: moneyOf(grandTotal?.amount, grandTotal?.currencyCode),
		lines: order.orderItems.map((item) => ({
			lineId: item.orderItemId,
			...soldAs(marketplaceId, item.product.sellerSku),
			ordered: item.quantityOrdered,
			held: heldBy(fulfillmentStatus, item),
			fulfilledByChannel: byAmazon,
		})),
	});
}

/**
 * Units that the line keeps from others: ordered less cancelled, from the moment of the order (Pending: not paid yet, and already
 * taken from what others can buy).
 *
 * The model has no "quantity cancelled". It has what "has been shipped" and what "remains to be shipped": of a line that is past
 * Pending, or of which something was cancelled, the rest is what nobody will ship any more. Before that Amazon says little about a
 * line, so the order itself counts. A cancellation that was only asked for frees nothing.
 */
export function heldBy(
	status: (typeof STATUSES)[number],
	item: Pick<OrderItem, "orderItemId" | "quantityOrdered" | "fulfillment" | "cancellation">,
): number {
	if (status === "CANCELLED") return 0;
	const { quantityFulfilled, quantityUnfulfilled } = item.fulfillment ?? {};
	// Without figures the whole line counts, whatever was cancelled of it: too little for sale is mended, too much is sold.
	if (quantityFulfilled === undefined || quantityUnfulfilled === undefined) return item.quantityOrdered;
	const pending = status === "PENDING" || status === "PENDING_AVAILABILITY";
	if (pending && item.cancellation?.cancellationExecution === undefined) return item.quantityOrdered;
	return quantityFulfilled + quantityUnfulfilled;
}

type Content = Omit<OrderSnapshot, "v" | "type" | "name" | "contentHash" | "locationExternalId" | "fetched">;

/** One form for the order API and its notifications. */
export const snapshotOf = (content: Content): OrderSnapshot => ({
	v: 1,
	type: "order.snapshot",
	name: content.orderId,
	contentHash: contentHash(content),
	locationExternalId: null,
	fetched: null,
	...content,
});

export const soldAs = (
	marketplaceId: string | undefined,
	sku: string | undefined,
): Pick<OrderLineSnapshot, "listingExternalId" | "sku"> => ({
	listingExternalId: marketplaceId !== undefined && sku ? listingId(marketplaceId, sku) : null,
	sku: sku || null,
});

/**
 * Over what can change what is held. The status alone (unshipped, shipped) is none of it: it moves without anything being freed. Nor is
 * what the order comes to: a sum that is told later is no other state of what is held.
 */
const contentHash = ({ cancelled, lines }: Content): string =>
	createHash("sha256")
		.update(
			JSON.stringify([
				cancelled,
				[...lines]
					.sort((a, b) => (a.lineId < b.lineId ? -1 : 1))
					.map((line) => [line.lineId, line.listingExternalId, line.ordered, line.held, line.fulfilledByChannel]),
			]),
		)
		.digest("base64url");

export function parse<T>(schema: z.ZodType<T>, body: unknown, what: string): T {
	const result = schema.safeParse(body);
	if (result.success) return result.data;
	const issue = result.error.issues[0];
	const at = issue?.path.join(".") || "(all of it)";
	// Only an enum's value is named: it is one of Amazon's words. Anything else might be a buyer's.
	const value = issue?.code === "invalid_value" ? ` ${JSON.stringify(valueAt(body, issue.path))?.slice(0, 60)}` : "";
	throw new UnexpectedShapeError(
		`Amazon sent ${/^[aeiou]/.test(what) ? "an" : "a"} ${what} that does not fit: ${at}${value} (${issue?.message})`,
		{
			cause: result.error,
		},
	);
}

const valueAt = (body: unknown, path: readonly PropertyKey[]): unknown =>
	path.reduce<unknown>((at, key) => (at !== null && typeof at === "object" ? (at as Record<PropertyKey, unknown>)[key] : undefined), body);
