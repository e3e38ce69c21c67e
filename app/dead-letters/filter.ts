/** What a failure is about: a figure that a channel did not take, or a message of a channel that we could not count. */
export type Side = "updates" | "messages";

/**
 * Which failures are meant. `errorClass`: the adapter's word (channels/errors.ts), or apply's. `operation`: what was tried
 * ("listing.write"), or a message's topic. `order`: an order's number or the channel's id of it. `from`, `until`: when it last failed.
 */
export type FailureFilter = {
	side: Side | null;
	channelId: number | null;
	errorClass: string | null;
	operation: string | null;
	sku: string;
	order: string;
	from: string | null;
	until: string | null;
};

export const ALL_FAILURES: FailureFilter = {
	side: null,
	channelId: null,
	errorClass: null,
	operation: null,
	sku: "",
	order: "",
	from: null,
	until: null,
};

/** Conditions on `d` (dead_letter), `l` (its listing) and `i` (its item) for what a filter chooses among the open ones. */
export function whereOf(shopId: number, filter: FailureFilter): { where: string; values: unknown[] } {
	const values: unknown[] = [shopId];
	const value = (one: unknown) => `$${values.push(one)}`;
	const conditions = ["d.shop_id = $1", "d.state = 'open'"];
	if (filter.side) conditions.push(`d.direction = ${value(filter.side === "updates" ? "out" : "in")}`);
	if (filter.channelId !== null) conditions.push(`d.connection_id = ${value(filter.channelId)}`);
	if (filter.errorClass) conditions.push(`d.error_class = ${value(filter.errorClass)}`);
	if (filter.operation) conditions.push(`d.operation = ${value(filter.operation)}`);
	if (filter.sku) conditions.push(`lower(coalesce(i.sku, l.sku)) = lower(${value(filter.sku)})`);
	if (filter.from) conditions.push(`d.last_at >= ${value(filter.from)}::timestamptz`);
	if (filter.until) conditions.push(`d.last_at < ${value(filter.until)}::timestamptz`);
	if (filter.order) {
		const order = value(filter.order.replace(/^#/, ""));
		conditions.push(`EXISTS (SELECT FROM inbox_event o WHERE o.shop_id = d.shop_id AND o.id = d.event_id
		  AND (o.event->>'orderId' = ${order} OR ltrim(o.event->>'name', '#') = ${order} OR o.payload->>'id' = ${order}))`);
	}
	return { where: conditions.join(" AND "), values };
}

/** A refused difference towards home names its item in the payload; everything else has a listing or none. */
export const joins = `
LEFT JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id
LEFT JOIN item i ON i.shop_id = d.shop_id AND i.id = coalesce(l.item_id, CASE WHEN d.delta_batch_id IS NOT NULL THEN (d.payload->>'itemId')::bigint END)`;

/** A message that was understood and is still kept can be applied again. */
export const isReadable = `d.direction = 'in' AND EXISTS (SELECT FROM inbox_event e
  WHERE e.shop_id = d.shop_id AND e.id = d.event_id AND e.lane = 'stock' AND e.event IS NOT NULL)`;
