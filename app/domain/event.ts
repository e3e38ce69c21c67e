import { z } from "zod";
import { moneySchema } from "./money.ts";

/**
 * The canonical events: the only shapes that anything behind the edge understands (R03). Versioned, so that an event stored
 * by an older release can still be read. Times are ISO 8601 with offset; quantities are whole units. "Home's clock" and "the
 * channel's clock" are the sender's own time stamps, never ours.
 */
const instant = z.iso.datetime({ offset: true });
const id = z.string().min(1).max(200);

export const orderLineSchema = z.object({
	lineId: id,
	/** The listing that was sold, in the channel's own id (home: the inventory item); null when the channel no longer says. */
	listingExternalId: id.nullable(),
	sku: z.string().max(500).nullable(),
	ordered: z.int(),
	/** Units that this line keeps from being sold to others, by the adapter's rule. WooCommerce's can be negative. */
	held: z.int(),
	/** Shipped from the channel's own warehouse: seen, never counted. */
	fulfilledByChannel: z.boolean().default(false),
});

export const orderSnapshotSchema = z.object({
	v: z.literal(1),
	type: z.literal("order.snapshot"),
	orderId: id,
	/** What a person calls the order ("#1001"). */
	name: z.string().max(200),
	/** Channel's clock: when the order was placed; decides baseline. */
	createdAt: instant,
	/** Channel's clock: the order's own "last changed". */
	stamp: instant,
	/** Hash over what matters in the content, to tell equal stamps with other content. */
	contentHash: z.string().min(1).max(100),
	/** All lines are listed: a line we hold and do not find here is held 0. */
	complete: z.boolean(),
	cancelled: z.boolean(),
	/** Where a home order takes its stock, when home says so (a POS sale). */
	locationExternalId: id.nullable(),
	/** Of a home order: the app or channel that made it, and the number by which that one knows it. */
	source: z
		.object({ name: z.string().max(200).nullable(), identifier: z.string().max(200).nullable() })
		.nullable()
		.optional(),
	lines: z.array(orderLineSchema).max(1000),
	/** What the order comes to, as the channel states it; for comparing sums, never for stock. */
	total: moneySchema.nullable().optional(),
	/** Set when we asked for it: our clock before the request and after the answer. */
	fetched: z.object({ askedAt: instant, answeredAt: instant }).nullable(),
});

/** "Something about this order changed; its content here is not to be trusted": fetch it. */
export const orderHintSchema = z.object({ v: z.literal(1), type: z.literal("order.hint"), orderId: id, reason: z.string().max(200) });

/** Home's own absolute figure for one item at one location. */
export const homeReadingSchema = z.object({
	v: z.literal(1),
	type: z.literal("home.reading"),
	itemExternalId: id,
	locationExternalId: id,
	quantity: z.int(),
	/** Home's clock: the level's "last changed". */
	readAt: instant,
	/** webhook: contains what is strictly older by home's clock. query: also everything we had 10 s before we asked. */
	via: z.enum(["webhook", "query"]),
	/** Our clock, for `query`. */
	askedAt: instant.nullable(),
	/** False: the item is no longer stocked at the location. */
	stocked: z.boolean().default(true),
});

/** A hint about a level whose figure cannot be used (no stamp, or an unknown item): read it. */
export const homeLevelHintSchema = z.object({
	v: z.literal(1),
	type: z.literal("home.level-hint"),
	itemExternalId: id,
	reason: z.string().max(200),
});

export const homeItemSchema = z.object({
	v: z.literal(1),
	type: z.literal("home.item"),
	itemExternalId: id,
	variantExternalId: id.nullable(),
	productExternalId: id.nullable(),
	sku: z.string().max(500).nullable(),
	barcode: z.string().max(500).nullable(),
	title: z.string().max(1000),
	tracked: z.boolean(),
	sellsWhenOut: z.boolean(),
	isHomeBundle: z.boolean(),
	stamp: instant,
});

export const homeItemGoneSchema = z.object({
	v: z.literal(1),
	type: z.literal("home.item-gone"),
	/** One of the two: a single item, or all of a product. */
	itemExternalId: id.nullable(),
	productExternalId: id.nullable(),
});

export const homeProductHintSchema = z.object({ v: z.literal(1), type: z.literal("home.product-hint"), productExternalId: id });

export const homeLocationSchema = z.object({
	v: z.literal(1),
	type: z.literal("home.location"),
	locationExternalId: id,
	name: z.string().max(500),
	active: z.boolean(),
	fulfillsOnline: z.boolean(),
	fulfillmentService: z.boolean(),
});

export const homeLocationHintSchema = z.object({ v: z.literal(1), type: z.literal("home.location-hint"), locationExternalId: id });

/** What a channel says its own figure is (a product webhook): an echo of ours, a sale's effect, or somebody's edit. */
export const listingSeenSchema = z.object({
	v: z.literal(1),
	type: z.literal("listing.seen"),
	listingExternalId: id,
	/** null: the channel does not manage stock for it. */
	quantity: z.int().nullable(),
	stamp: instant,
});

export const listingGoneSchema = z.object({ v: z.literal(1), type: z.literal("listing.gone"), listingExternalId: id });

/** Home accepted one of our delta batches. */
export const deltaLandedSchema = z.object({
	v: z.literal(1),
	type: z.literal("delta.landed"),
	batchId: z.int(),
	/** Home's clock: when the change was made. */
	landedAt: instant,
	/** Our clock: when we had the answer. */
	answeredAt: instant,
});

/** Home refused the batch for good (or a part of it was never sent): its units are owed again, or dropped if `drop`. */
export const deltaVoidSchema = z.object({
	v: z.literal(1),
	type: z.literal("delta.void"),
	batchId: z.int(),
	reason: z.string().max(500),
});

/** An order poll has brought in everything that changed on the channel before `watermark` (channel's clock). */
export const watermarkSchema = z.object({
	v: z.literal(1),
	type: z.literal("orders.watermark"),
	watermark: instant,
});

/** A person's word on a change of home's that waits for approval: it counts, or home is told the former figure again. */
export const homeApprovalSchema = z.object({
	v: z.literal(1),
	type: z.literal("home.approval"),
	itemExternalId: id,
	locationExternalId: id,
	/** Home's clock: the reading that was shown to the person. What has come since was not. */
	readAt: instant,
	verdict: z.enum(["approve", "write-back"]),
});
/**
 * What both ways out of an oversell name, by our ids: whose owed units, and who wants it (the session token's `sub`). They are no
 * messages of the order, which are counted again as a whole.
 */
const owed = { v: z.literal(1), oversellId: z.int(), itemId: z.int(), ofOrderId: id, actor: z.string().min(1).max(200) };

/** A person takes an order's owed units from another location, as far as these are free there. */
export const owedMoveSchema = z.object({ ...owed, type: z.literal("owed.move"), locationId: z.int() });

/** A person sends another item instead of the owed units, as far as it is free where the channel sells from. */
export const owedSubstituteSchema = z.object({ ...owed, type: z.literal("owed.substitute"), substituteItemId: z.int() });

/**
 * A bulk change that a person has confirmed moves an item's stock at a location by so many units, as far as they are there. By our ids;
 * whether it was moved already stands in the change's line, so that it counts once however often this comes.
 */
export const stockEditSchema = z.object({
	v: z.literal(1),
	type: z.literal("stock.edit"),
	changeId: z.int(),
	itemId: z.int(),
	locationId: z.int(),
	units: z.int(),
});

export const lifecycleSchema = z.object({
	v: z.literal(1),
	type: z.enum([
		"shop.uninstalled",
		"shop.redact",
		"shop.scopes",
		"shop.changed",
		"customer.redact",
		"customer.data-request",
		"bulk.finished",
	]),
	/** Sender's clock; decides whether the message speaks of the present installation. */
	at: instant.nullable(),
	detail: z.record(z.string(), z.unknown()).default({}),
});

export const stockEventSchema = z.discriminatedUnion("type", [
	orderSnapshotSchema,
	orderHintSchema,
	homeReadingSchema,
	homeLevelHintSchema,
	homeItemSchema,
	homeItemGoneSchema,
	homeProductHintSchema,
	homeLocationSchema,
	homeLocationHintSchema,
	listingSeenSchema,
	listingGoneSchema,
	deltaLandedSchema,
	deltaVoidSchema,
	watermarkSchema,
	homeApprovalSchema,
	owedMoveSchema,
	owedSubstituteSchema,
	stockEditSchema,
]);
export const canonicalEventSchema = z.union([stockEventSchema, lifecycleSchema]);

export type OrderLineSnapshot = z.infer<typeof orderLineSchema>;
export type OrderSnapshot = z.infer<typeof orderSnapshotSchema>;
export type OrderHint = z.infer<typeof orderHintSchema>;
export type HomeReading = z.infer<typeof homeReadingSchema>;
export type HomeItem = z.infer<typeof homeItemSchema>;
export type HomeLocation = z.infer<typeof homeLocationSchema>;
export type HomeApproval = z.infer<typeof homeApprovalSchema>;
export type ListingSeen = z.infer<typeof listingSeenSchema>;
export type OwedMove = z.infer<typeof owedMoveSchema>;
export type OwedSubstitute = z.infer<typeof owedSubstituteSchema>;
export type StockEdit = z.infer<typeof stockEditSchema>;
export type StockEvent = z.infer<typeof stockEventSchema>;
export type LifecycleEvent = z.infer<typeof lifecycleSchema>;
export type CanonicalEvent = z.infer<typeof canonicalEventSchema>;

/** All of it leaves the channel's own warehouse. */
export const isFulfilledByChannel = ({ lines }: Pick<OrderSnapshot, "lines">): boolean =>
	lines.length > 0 && lines.every(({ fulfilledByChannel }) => fulfilledByChannel);

/** Which drain takes the event. */
export const laneOf = (event: CanonicalEvent): "stock" | "lifecycle" =>
	lifecycleSchema.shape.type.options.some((type) => type === event.type) ? "lifecycle" : "stock";
