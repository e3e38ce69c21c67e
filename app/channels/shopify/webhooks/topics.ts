import { z } from "zod";
import type { CanonicalEvent, LifecycleEvent } from "#domain";
import { moment, numericId } from "../ids.ts";
import { ORDER_FIELDS, snapshotOfPayload } from "./order-payload.ts";

/**
 * Every topic we know: which fields are kept (and asked for by include_fields), which of them name the thing it speaks of,
 * and what it means. `at` is X-Shopify-Triggered-At, Shopify's clock.
 */
export type Topic = {
	fields: readonly string[];
	/** Paths whose values, joined, tell one delivery's resource from another's. */
	resource: readonly string[];
	toEvents(payload: unknown, at: string | null): CanonicalEvent[];
	/** Declared in shopify.app.toml under compliance_topics, which take no include_fields. */
	compliance?: true;
};

const orderSnapshot: Topic = { fields: ORDER_FIELDS, resource: ["id"], toEvents: (payload) => [snapshotOfPayload(payload)] };

const orderHint = (field: string, reason: string): Topic => ({
	fields: [field],
	resource: [field],
	toEvents: (payload) => [{ v: 1, type: "order.hint", orderId: at(payload, field), reason }],
});

const level = z.object({ inventory_item_id: numericId, location_id: numericId });
const changedLevel = level.extend({
	/** null: the item's stock is not tracked. */
	available: z.int().nullable(),
	updated_at: moment,
});
const wholeSecond = (moment: string): string => new Date(Math.floor(Date.parse(moment) / 1000) * 1000).toISOString();
const levelResource = ["inventory_item_id", "location_id"];

const levelHint = (itemExternalId: string, reason: string): CanonicalEvent => ({ v: 1, type: "home.level-hint", itemExternalId, reason });

const locationHint: Topic = {
	fields: ["id"],
	resource: ["id"],
	toEvents: (payload) => [{ v: 1, type: "home.location-hint", locationExternalId: at(payload, "id") }],
};

const lifecycle = (
	type: LifecycleEvent["type"],
	fields: readonly string[],
	detail: z.ZodType<Record<string, unknown>>,
	resource = fields,
): Topic => ({
	fields,
	resource,
	toEvents: (payload, moment) => [{ v: 1, type, at: moment, detail: detail.parse(payload) }],
});
const compliance = (type: LifecycleEvent["type"], fields: readonly string[], detail: z.ZodType<Record<string, unknown>>): Topic => ({
	...lifecycle(type, fields, detail),
	compliance: true,
});

export const TOPICS: Readonly<Record<string, Topic>> = {
	"orders/create": orderSnapshot,
	"orders/updated": orderSnapshot,
	"orders/cancelled": orderSnapshot,
	// Their own shapes say less than the order does.
	"orders/edited": orderHint("order_edit.order_id", "edited"),
	"refunds/create": orderHint("order_id", "refunded"),
	"orders/delete": orderHint("id", "deleted"),

	"inventory_levels/update": {
		fields: ["inventory_item_id", "location_id", "available", "updated_at"],
		resource: levelResource,
		toEvents(payload) {
			const { inventory_item_id, location_id, available, updated_at } = changedLevel.parse(payload);
			if (available === null) return [levelHint(inventory_item_id, "a level without a figure")];
			return [
				{
					v: 1,
					type: "home.reading",
					itemExternalId: inventory_item_id,
					locationExternalId: location_id,
					quantity: available,
					readAt: updated_at,
					via: "webhook",
					askedAt: null,
					stocked: true,
				},
			];
		},
	},
	"inventory_levels/connect": {
		fields: levelResource,
		resource: levelResource,
		// Sent when the item begins to be stocked somewhere; its figure may not be set yet (available: null).
		toEvents: (payload) => [levelHint(level.parse(payload).inventory_item_id, "stocked at another location")],
	},
	"inventory_levels/disconnect": {
		fields: levelResource,
		resource: levelResource,
		/**
		 * Nothing is left that could be read later, so this message is the reading: not stocked here, as of when Shopify sent it.
		 * A copy that is delivered late carries its first time and so never undoes a later connect. Levels are stamped in whole
		 * seconds and this moment is finer: uncut it would outdo a connect that followed within the second.
		 */
		toEvents(payload, moment) {
			const { inventory_item_id, location_id } = level.parse(payload);
			if (moment === null) return [levelHint(inventory_item_id, "no longer stocked somewhere")];
			return [
				{
					v: 1,
					type: "home.reading",
					itemExternalId: inventory_item_id,
					locationExternalId: location_id,
					quantity: 0,
					readAt: wholeSecond(moment),
					via: "webhook",
					askedAt: null,
					stocked: false,
				},
			];
		},
	},
	"inventory_items/update": {
		fields: ["id"],
		resource: ["id"],
		// Says SKU and tracking but not the variant: reading the item's levels brings both.
		toEvents: (payload) => [levelHint(at(payload, "id"), "item changed")],
	},
	"inventory_items/delete": {
		fields: ["id"],
		resource: ["id"],
		toEvents: (payload) => [{ v: 1, type: "home.item-gone", itemExternalId: at(payload, "id"), productExternalId: null }],
	},

	"products/update": {
		fields: ["id"],
		resource: ["id"],
		// Lists at most 100 variants and never says whether one is a bundle: read.
		toEvents: (payload) => [{ v: 1, type: "home.product-hint", productExternalId: at(payload, "id") }],
	},
	"products/delete": {
		fields: ["id"],
		resource: ["id"],
		toEvents: (payload) => [{ v: 1, type: "home.item-gone", itemExternalId: null, productExternalId: at(payload, "id") }],
	},

	"locations/create": locationHint,
	"locations/update": locationHint,
	"locations/activate": locationHint,
	"locations/deactivate": locationHint,
	"locations/delete": locationHint,

	"app/uninstalled": lifecycle("shop.uninstalled", ["id"], z.object({ id: numericId })),
	"app/scopes_update": lifecycle("shop.scopes", ["id", "current"], z.object({ current: z.array(z.string()) }), ["id"]),
	"shop/update": lifecycle("shop.changed", ["id"], z.object({ id: numericId })),
	"bulk_operations/finish": lifecycle(
		"bulk.finished",
		["admin_graphql_api_id", "status"],
		z.object({ admin_graphql_api_id: z.string().regex(/^gid:\/\/shopify\/BulkOperation\/\d+$/), status: z.string() }),
		["admin_graphql_api_id"],
	),

	// Who the customer is never enters: we hold nothing of any customer, so there is nothing to look up.
	"customers/data_request": compliance("customer.data-request", ["shop_id", "data_request.id"], z.object({ shop_id: numericId })),
	"customers/redact": compliance("customer.redact", ["shop_id"], z.object({ shop_id: numericId })),
	"shop/redact": compliance("shop.redact", ["shop_id"], z.object({ shop_id: numericId })),
};

/** The id at a dotted path. */
function at(payload: unknown, path: string): string {
	const schema = path.split(".").reduceRight<z.ZodType>((inner, name) => z.object({ [name]: inner }), numericId);
	return path.split(".").reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], schema.parse(payload)) as string;
}
