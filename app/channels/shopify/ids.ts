import { z } from "zod";
import { UnexpectedShapeError } from "../errors.ts";

/**
 * Shopify says the same id in two ways: a number in webhooks, a gid in GraphQL. Ours is the number as text, so that both
 * name the same thing. Lines of home orders name a variant (webhooks carry nothing else): "variant:<id>".
 */
export type GidType =
	| "BulkOperation"
	| "InventoryItem"
	| "InventoryLevel"
	| "LineItem"
	| "Location"
	| "Order"
	| "Product"
	| "ProductVariant"
	| "Refund";

export const toGid = (type: GidType, id: string): string => `gid://shopify/${type}/${id}`;

/** "gid://shopify/InventoryLevel/24826418?inventory_item_id=27" -> "24826418". */
export function fromGid(type: GidType, gid: string): string {
	const match = /^gid:\/\/shopify\/(\w+)\/(\d+)(?:\?.*)?$/.exec(gid);
	if (match?.[1] !== type || match[2] === undefined) throw new UnexpectedShapeError(`Expected the id of a Shopify ${type}, got ${gid}`);
	return match[2];
}

export const listingIdOfVariant = (variantId: string): string => `variant:${variantId}`;

/**
 * A numeric id in a webhook. JSON.parse keeps 53 bits: a larger number has already lost digits and would name something
 * else, so it is refused (`z.int()` takes safe integers only) instead of guessed.
 */
export const numericId = z.union([z.int().positive().transform(String), z.string().regex(/^\d{1,20}$/)]);

/** A gid of one type, as its number. */
export const gidOf = (type: GidType) => z.string().transform((gid) => fromGid(type, gid));

/** Any of Shopify's spellings of a moment ("2026-11-20T10:00:01-05:00", "…Z"), as UTC with milliseconds: equal moments are equal text. */
export const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());
