import { z } from "zod";
import { moneyOf, type OrderSnapshot } from "#domain";
import { toSnapshot } from "../held-units.ts";
import { moment, numericId } from "../ids.ts";

/** What is read of orders/create, orders/updated and orders/cancelled: Shopify's REST order, nothing of the customer. */
export const ORDER_FIELDS = [
	"id",
	"name",
	"created_at",
	"updated_at",
	"cancelled_at",
	"location_id",
	"source_name",
	"source_identifier",
	"currency",
	"current_total_price",
	"line_items.id",
	"line_items.variant_id",
	"line_items.sku",
	"line_items.quantity",
	"line_items.current_quantity",
	"refunds.refund_line_items.line_item_id",
	"refunds.refund_line_items.quantity",
	"refunds.refund_line_items.restock_type",
] as const;

export function snapshotOfPayload(payload: unknown): OrderSnapshot {
	const order = orderSchema.parse(payload);
	const withoutRestock = new Map<string, number>();
	for (const refunded of order.refunds.flatMap((refund) => refund.refund_line_items)) {
		if (refunded.restock_type !== "no_restock") continue;
		withoutRestock.set(refunded.line_item_id, (withoutRestock.get(refunded.line_item_id) ?? 0) + refunded.quantity);
	}
	return toSnapshot(
		{
			id: order.id,
			name: order.name,
			createdAt: order.created_at,
			updatedAt: order.updated_at,
			cancelledAt: order.cancelled_at,
			retailLocationId: order.location_id,
			sourceName: textOf(order.source_name),
			sourceIdentifier: textOf(order.source_identifier),
			total: moneyOf(order.current_total_price, order.currency),
			lines: order.line_items.map((line) => ({
				id: line.id,
				variantId: line.variant_id,
				sku: line.sku === "" ? null : line.sku,
				quantity: line.quantity,
				currentQuantity: line.current_quantity,
				refundedWithoutRestock: withoutRestock.get(line.id) ?? 0,
			})),
		},
		null,
	);
}

/** Longer than any number of a marketplace; what is longer is somebody's text and no number. */
const SOURCE_CHARS_MAX = 200;
const textOf = (text: string | null | undefined): string | null => (text && text.length <= SOURCE_CHARS_MAX ? text : null);

/** A restock type we do not know must not be taken for one of the four: it decides whether units are for sale (R32). */
const restockType = z.enum(["no_restock", "cancel", "return", "legacy_restock"]);

const orderSchema = z.object({
	id: numericId,
	name: z.string(),
	created_at: moment,
	updated_at: moment,
	cancelled_at: moment.nullable(),
	/** "This property refers to the POS location. location_id will always be set to null for online orders." (REST reference, Order) */
	location_id: numericId.nullable(),
	/** Of older messages, from before these were asked for, nothing is known. */
	source_name: z.string().nullish(),
	source_identifier: z.string().nullish(),
	/** "The current total price of the order in the shop currency" (REST reference, Order). */
	current_total_price: z.string().nullish(),
	currency: z.string().nullish(),
	line_items: z.array(
		z.object({
			id: numericId,
			/** null: a custom line, or the variant is deleted. */
			variant_id: numericId.nullable(),
			sku: z.string().nullable(),
			quantity: z.int().min(0),
			current_quantity: z.int().min(0),
		}),
	),
	refunds: z.array(
		z.object({
			refund_line_items: z.array(z.object({ line_item_id: numericId, quantity: z.int().min(0), restock_type: restockType })),
		}),
	),
});
