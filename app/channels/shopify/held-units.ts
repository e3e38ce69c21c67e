import { createHash } from "node:crypto";
import type { Money, OrderSnapshot } from "#domain";
import { listingIdOfVariant } from "./ids.ts";

/** An order in Shopify's own terms, whichever door it came through (webhook or GraphQL). */
export type ShopifyOrder = {
	id: string;
	name: string;
	createdAt: string;
	updatedAt: string;
	cancelledAt: string | null;
	/** Where a point-of-sale order was taken; null for everything else. */
	retailLocationId: string | null;
	/** Who made it ("web", "pos", an app's number or name), and its number there ("The ID of the order placed on the originating platform"). */
	sourceName: string | null;
	sourceIdentifier: string | null;
	/** In the shop's own currency, what was refunded or removed taken off. */
	total: Money | null;
	lines: readonly ShopifyLine[];
};
export type ShopifyLine = {
	id: string;
	variantId: string | null;
	sku: string | null;
	/** As ordered, refunded and removed units included. */
	quantity: number;
	/** Without refunded and removed units. */
	currentQuantity: number;
	/** Of the refunded ones, those that did not go back into stock. */
	refundedWithoutRestock: number;
};

/**
 * Units that a line keeps from being sold to others: what is still ordered, plus what was refunded and not put back.
 *
 *   held = current_quantity + Σ refund lines with restock_type no_restock
 *
 * Source: LineItem.currentQuantity, "the number of units ordered, excluding refunded and removed units", and
 * RefundLineItemRestockType (NO_RESTOCK "was not restocked"; RETURN, CANCEL, LEGACY_RESTOCK were), Admin schema 2026-07. It is
 * the same as ordered − restocked where every removed unit has a refund line. Units that an order edit removes are out of
 * currentQuantity; if Shopify writes a refund line for them its restock type decides, and if it writes none they count as
 * given back. Where they were not, home's next reading says so: at home an order only predicts.
 *
 * Never above what was ordered: a refund line written before its quantity left currentQuantity must not count twice.
 */
export const heldUnits = (line: ShopifyLine): number => Math.min(line.quantity, line.currentQuantity + line.refundedWithoutRestock);

/** Both are for people to read: longer ones than any shop has are cut, and the order counts all the same. */
const NAME_CHARS_MAX = 200;
const SKU_CHARS_MAX = 500;

/** The canonical snapshot. The hash covers what moves stock, so a webhook and a poll of one state are equal to each other. */
export function toSnapshot(order: ShopifyOrder, fetched: OrderSnapshot["fetched"]): OrderSnapshot {
	const lines = order.lines.map((line) => ({
		lineId: line.id,
		listingExternalId: line.variantId === null ? null : listingIdOfVariant(line.variantId),
		sku: line.sku?.slice(0, SKU_CHARS_MAX) ?? null,
		ordered: line.quantity,
		held: heldUnits(line),
		fulfilledByChannel: false,
	}));
	return {
		v: 1,
		type: "order.snapshot",
		orderId: order.id,
		name: order.name.slice(0, NAME_CHARS_MAX),
		createdAt: order.createdAt,
		stamp: order.updatedAt,
		contentHash: hashOf({ cancelled: order.cancelledAt !== null, at: order.retailLocationId, lines }),
		complete: true,
		cancelled: order.cancelledAt !== null,
		locationExternalId: order.retailLocationId,
		source: { name: order.sourceName, identifier: order.sourceIdentifier },
		lines,
		total: order.total,
		fetched,
	};
}

/** SKU and name are left out: the same line's SKU is spelled by two systems (null or ""), and neither moves stock. */
function hashOf(content: { cancelled: boolean; at: string | null; lines: OrderSnapshot["lines"] }): string {
	const lines = content.lines
		.map((line) => [line.lineId, line.listingExternalId, line.ordered, line.held])
		.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
	return createHash("sha256")
		.update(JSON.stringify([content.cancelled, content.at, lines]))
		.digest("base64url");
}
