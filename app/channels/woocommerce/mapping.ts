import { createHash } from "node:crypto";
import { z } from "zod";
import { moneyOf, type OrderSnapshot } from "#domain";
import { UnexpectedShapeError } from "../errors.ts";

/**
 * Their words in, our words out. All of it is measured on WooCommerce 11.0.1; BEHAVIOR.md has the reasons at length. An enum
 * value that is not in these tables fails, by its name: a plugin's order status may or may not keep stock, and a guess would
 * change stock silently.
 */

/** Statuses in which the order keeps the units that `_reduced_stock` names. WooCommerce frees nothing at refunded or trash. */
const KEEPING = ["processing", "on-hold", "completed", "refunded", "trash"] as const;
/** Entering one of these gives everything back (failed: since 11.0; nothing is sold by a payment that failed). */
const FREE = ["pending", "cancelled", "failed"] as const;
/** A checkout page that is open. They take no stock and become orders under the same id, or vanish. */
const DRAFTS = ["checkout-draft", "auto-draft"] as const;

const gmt = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
const wooId = z.int().positive();

const lineSchema = z.object({
	id: wooId,
	/** Both 0 once the product is deleted for good. */
	product_id: z.int().nonnegative(),
	variation_id: z.int().nonnegative(),
	quantity: z.int(),
	sku: z.string().nullable().optional(),
	meta_data: z.array(z.object({ key: z.string(), value: z.unknown() })),
});
export type OrderLine = z.infer<typeof lineSchema>;

export const orderSchema = z.object({
	id: wooId,
	number: z.string().optional(),
	status: z.enum([...KEEPING, ...FREE, ...DRAFTS]),
	date_created_gmt: gmt,
	date_modified_gmt: gmt,
	line_items: z.array(lineSchema),
	meta_data: z.array(z.object({ key: z.string(), value: z.unknown() })).optional(),
	/** What is refunded later is not taken off it. */
	total: z.string().optional(),
	currency: z.string().optional(),
});
export type Order = z.infer<typeof orderSchema>;

export const ORDER_FIELDS = "id,number,status,date_created_gmt,date_modified_gmt,currency,total,line_items,meta_data";

/** null: a draft, which is no order (yet). */
export function toSnapshot(body: unknown): OrderSnapshot | null {
	const order = parse(orderSchema, body, "order");
	if (isOneOf(DRAFTS, order.status)) return null;
	return {
		v: 1,
		type: "order.snapshot",
		orderId: String(order.id),
		name: `#${order.number ?? order.id}`.slice(0, 200),
		createdAt: `${order.date_created_gmt}Z`,
		stamp: `${order.date_modified_gmt}Z`,
		contentHash: contentHash(order),
		complete: true,
		cancelled: order.status === "cancelled",
		locationExternalId: null,
		total: moneyOf(order.total, order.currency),
		lines: order.line_items.map((line) => ({
			lineId: String(line.id),
			listingExternalId: listingOf(line),
			sku: line.sku || null,
			ordered: line.quantity,
			held: heldBy(order, line),
			fulfilledByChannel: false,
		})),
		fetched: null,
	};
}

/**
 * Units that the line keeps from others: what WooCommerce itself took and still keeps, never clamped (it is negative when more
 * was restocked than bought). Absent means that nothing is kept: the product is not managed, or we looked between the status
 * and the stock, in which case the order comes again with the same stamp and another content.
 */
export function heldBy(order: Pick<Order, "status" | "meta_data">, line: Pick<OrderLine, "id" | "meta_data">): number {
	// An order in the trash is what it was before; a cancelled one may still name units that were never given back to anybody.
	const status = order.status === "trash" ? (statusBeforeTrash(order) ?? order.status) : order.status;
	if (isOneOf(FREE, status) || isOneOf(DRAFTS, status)) return 0;
	if (!isOneOf(KEEPING, status)) throw new UnexpectedShapeError(`An order in the trash had the unknown status ${status.slice(0, 60)}`);
	const reduced = metaValue(line.meta_data, REDUCED);
	if (reduced === undefined || reduced === null || reduced === "") return 0;
	const units =
		typeof reduced === "number" ? reduced : typeof reduced === "string" && /^-?\d+(\.0+)?$/.test(reduced) ? Number(reduced) : Number.NaN;
	if (!Number.isSafeInteger(units)) throw new UnexpectedShapeError(`Line ${line.id}: _reduced_stock is not a whole number of units`);
	return units === 0 ? 0 : units;
}

/** WordPress post ids: products and variations share one sequence, so the id alone names the listing (see BEHAVIOR.md). */
const listingOf = (line: Pick<OrderLine, "product_id" | "variation_id">): string | null => {
	const id = line.variation_id || line.product_id;
	return id === 0 ? null : String(id);
};

/**
 * Over everything that can change what is held, and nothing that changes by itself (a line's SKU follows the product's under an
 * unmoved order). WooCommerce writes status, stock and `_reduced_stock` one after another, often within one second: same stamp,
 * other hash, and the order is fetched.
 */
const contentHash = (order: Order): string =>
	createHash("sha256")
		.update(
			JSON.stringify([
				order.status,
				order.status === "trash" ? (statusBeforeTrash(order) ?? null) : null,
				order.line_items.map((line) => [
					line.id,
					line.product_id,
					line.variation_id,
					line.quantity,
					String(metaValue(line.meta_data, REDUCED) ?? ""),
				]),
			]),
		)
		.digest("base64url");

const FIGURE_OR_NOTHING = /^(-?\d{1,15}(\.\d{1,6})?)?$/;
const REDUCED = "_reduced_stock";
const TRASHED_FROM = "_wp_trash_meta_status";
/** What is kept of the many things that plugins write here, and what its value must look like. */
export const LINE_META_KEPT: Readonly<Record<string, RegExp>> = {
	[REDUCED]: FIGURE_OR_NOTHING,
	_restock_refunded_items: FIGURE_OR_NOTHING,
};
export const ORDER_META_KEPT: Readonly<Record<string, RegExp>> = { [TRASHED_FROM]: /^wc-[a-z0-9_-]{1,40}$/ };

const metaValue = (meta: readonly { key: string; value?: unknown }[], key: string): unknown =>
	meta.find((entry) => entry.key === key)?.value;

function statusBeforeTrash(order: Pick<Order, "meta_data">): string | undefined {
	const value = metaValue(order.meta_data ?? [], TRASHED_FROM);
	return typeof value === "string" ? value.replace(/^wc-/, "") : undefined;
}

/** manage_stock: "parent" = this variation's stock is the parent's; false = WooCommerce counts nothing here. */
export const productSchema = z.object({
	id: wooId,
	type: z.string().optional(),
	parent_id: z.int().nonnegative().optional(),
	manage_stock: z.union([z.boolean(), z.literal("parent")]),
	/** Plugins that sell by weight make it a fraction or a string. */
	stock_quantity: z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/)]).nullable(),
});
export type Product = z.infer<typeof productSchema>;

/**
 * The figure under this id, trusted only where the store counts: an unmanaged variation may show an old number. Of a fraction
 * the whole units count: nobody can buy half of one, and never more is shown than there is.
 */
export function stockOf(product: Pick<Product, "id" | "manage_stock" | "stock_quantity">): { quantity: number | null; managed: boolean } {
	if (product.manage_stock !== true || product.stock_quantity === null) return { quantity: null, managed: false };
	const quantity = Math.floor(Number(product.stock_quantity));
	if (!Number.isSafeInteger(quantity)) throw new UnexpectedShapeError(`Product ${product.id}: its stock is not a number of units`);
	return { quantity, managed: true };
}

export function parse<T>(schema: z.ZodType<T>, body: unknown, what: string): T {
	const result = schema.safeParse(body);
	if (result.success) return result.data;
	const issue = result.error.issues[0];
	const at = issue?.path.join(".") || "(all of it)";
	// Only an enum's value is named: it is a store's setting. Anything else might be a buyer's.
	const value = issue?.code === "invalid_value" ? ` ${JSON.stringify(valueAt(body, issue.path))?.slice(0, 60)}` : "";
	throw new UnexpectedShapeError(
		`WooCommerce sent ${what === "order" ? "an" : "a"} ${what} that does not fit: ${at}${value} (${issue?.message})`,
		{
			cause: result.error,
		},
	);
}

const valueAt = (body: unknown, path: readonly PropertyKey[]): unknown =>
	path.reduce<unknown>((at, key) => (at !== null && typeof at === "object" ? (at as Record<PropertyKey, unknown>)[key] : undefined), body);

const isOneOf = (list: readonly string[], value: string): boolean => list.includes(value);
