import { toInboxRows } from "#app/connections/order-events.ts";
import { type Client, type Pool, transactionWithRetry } from "#app/db.server.ts";
import { compareVersion } from "#apply";
import type { OrderPage } from "#channels";
import type { OrderSnapshot } from "#domain";

/** An order as it stands to what is here. `units` and `unlinked` are of missing ones. */
export type JudgedOrder = {
	id: string;
	name: string;
	placedAt: string;
	kind: "known" | "changed" | "missing" | "older" | "heard";
	isRecent: boolean;
	units: number;
	unlinked: number;
};

type Place = { shopId: number; connectionId: number };
type Known = { stamp: number; contentHash: string; asOf: number; baseline: boolean };

/** Webhooks come within seconds, and the slowest of those we know within the minute. */
const RECENT_MS = 60_000;

/**
 * What reading these orders again would do, by the rule that `apply` itself goes by. One look at one moment: an order that is being
 * counted right now is in the inbox or among the orders, never in neither.
 */
export async function judgePage(pool: Pool, { shopId, connectionId }: Place, page: OrderPage): Promise<JudgedOrder[]> {
	if (page.orders.length === 0) return [];
	return transactionWithRetry(
		pool,
		async (tx) => {
			const cutAt = await readCut(tx, { shopId, connectionId });
			const known = await readKnown(tx, { shopId, connectionId }, page.orders);
			const recentFrom = Date.parse(page.channelTime) - RECENT_MS;
			const judged = page.orders.map((order): JudgedOrder => {
				const kind = kindOf(order, known.get(order.orderId), cutAt);
				const isRecent = Date.parse(order.stamp) > recentFrom;
				return { id: order.orderId, name: order.name, placedAt: order.createdAt, kind, isRecent, units: 0, unlinked: 0 };
			});
			const open = new Set(judged.filter(({ kind }) => kind !== "known").map(({ id }) => id));
			if (open.size === 0) return judged;
			const rest = page.orders.filter(({ orderId }) => open.has(orderId));
			const heard = await readHeard(tx, { shopId, connectionId }, { ...page, orders: rest });
			const missing = new Set(judged.filter(({ id, kind }) => kind === "missing" && !heard.has(id)).map(({ id }) => id));
			const takes = await readTakes(
				tx,
				{ shopId, connectionId },
				rest.filter(({ orderId }) => missing.has(orderId)),
			);
			return judged.map((order) => ({
				...order,
				...(takes.get(order.id) ?? {}),
				...(order.kind !== "known" && heard.has(order.id) ? { kind: "heard" as const } : {}),
			}));
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

function kindOf(order: OrderSnapshot, known: Known | undefined, cutAt: number): Exclude<JudgedOrder["kind"], "heard"> {
	const stamp = Date.parse(order.stamp);
	switch (compareVersion(known, order)) {
		case "first":
			return Date.parse(order.createdAt) < cutAt ? "older" : "missing";
		case "newer":
			return known?.baseline && stamp < cutAt ? "older" : "changed";
		case "look-again":
			// A line of it is linked to nothing: that it is counted only in part is told of where it is linked.
			return known?.contentHash === "unmapped" ? "known" : "changed";
		case "same":
		case "stale":
			return "known";
	}
}

/** The channel's clock. Of a connection that does not count yet nothing is read again (ask-channel.ts). */
async function readCut(tx: Client, { shopId, connectionId }: Place): Promise<number> {
	const { rows } = await tx.query<{ cut: Date | null }>("SELECT cut_at AS cut FROM connection WHERE shop_id = $1 AND id = $2", [
		shopId,
		connectionId,
	]);
	return rows[0]?.cut?.getTime() ?? Number.NEGATIVE_INFINITY;
}

async function readKnown(tx: Client, { shopId, connectionId }: Place, orders: readonly OrderSnapshot[]): Promise<Map<string, Known>> {
	const { rows } = await tx.query<{ id: string; stamp: Date; hash: string; as_of: Date; baseline: boolean }>(
		`SELECT order_id AS id, stamp, content_hash AS hash, as_of, baseline FROM sales_order
		 WHERE shop_id = $1 AND connection_id = $2 AND order_id = ANY($3)`,
		[shopId, connectionId, orders.map(({ orderId }) => orderId)],
	);
	return new Map(
		rows.map(({ id, stamp, hash, as_of, baseline }) => [
			id,
			{ stamp: stamp.getTime(), contentHash: hash, asOf: as_of.getTime(), baseline },
		]),
	);
}

/** Of these orders those whose message waits in the inbox, or whose very state was there before: its key would stop it. */
async function readHeard(tx: Client, { shopId, connectionId }: Place, page: OrderPage): Promise<Set<string>> {
	const rows = toInboxRows({ ...page, unreadable: [] }, { shopId, connectionId, source: "poll", name: "poll", topic: () => "" });
	const orderIds = page.orders.map(({ orderId }) => orderId);
	const { rows: heard } = await tx.query<{ id: string }>(
		`SELECT r.id FROM unnest($3::text[], $4::text[]) AS r(id, key)
		 WHERE EXISTS (SELECT FROM delivery_key k WHERE k.shop_id = $1 AND k.connection_id = $2 AND k.key = r.key)
		    OR EXISTS (SELECT FROM inbox_event e WHERE e.shop_id = $1 AND e.connection_id = $2 AND e.event ->> 'orderId' = r.id AND e.status = 'pending')`,
		[shopId, connectionId, orderIds, rows.map(({ deliveryKey }) => deliveryKey)],
	);
	return new Set(heard.map(({ id }) => id));
}

type Takes = { units: number; unlinked: number };

/** What these orders would take, as `apply` takes it: of what is linked and counted, less what a copy of the order at home holds already. */
async function readTakes(tx: Client, { shopId, connectionId }: Place, orders: readonly OrderSnapshot[]): Promise<Map<string, Takes>> {
	if (orders.length === 0) return new Map();
	const lines = orders.flatMap(({ orderId, lines: all }) =>
		all.filter((line) => !line.fulfilledByChannel).map((line) => ({ order_id: orderId, sold: line.listingExternalId, held: line.held })),
	);
	const { rows } = await tx.query<{ id: string; units: number; unlinked: number }>(takesStatement, [
		shopId,
		connectionId,
		JSON.stringify(lines),
	]);
	return new Map(rows.map(({ id, units, unlinked }) => [id, { units, unlinked }]));
}

/** No stock is kept of a product that Shopify does not count, nor of a bundle with such a part. */
const IS_COUNTED = `CASE WHEN EXISTS (SELECT FROM bundle_component b WHERE b.shop_id = $1 AND b.bundle_item_id = line.item_id)
  THEN NOT EXISTS (SELECT FROM bundle_component b JOIN item p ON p.shop_id = $1 AND p.id = b.component_item_id
    WHERE b.shop_id = $1 AND b.bundle_item_id = line.item_id AND NOT p.tracked)
  ELSE (SELECT i.tracked FROM item i WHERE i.shop_id = $1 AND i.id = line.item_id) END`;

const takesStatement = `
WITH line AS (
  SELECT r.order_id, s.item_id, sum(r.held)::int AS held FROM jsonb_to_recordset($3::jsonb) AS r(order_id text, sold text, held int)
  LEFT JOIN listing s ON s.shop_id = $1 AND s.connection_id = $2 AND s.external_id = r.sold
  WHERE s.link_state IS DISTINCT FROM 'ignored' GROUP BY r.order_id, s.item_id
)
SELECT line.order_id AS id, coalesce(sum(greatest(0, line.held - copy.held)) FILTER (WHERE ${IS_COUNTED}), 0)::int AS units,
  coalesce(sum(greatest(0, line.held)) FILTER (WHERE line.item_id IS NULL), 0)::int AS unlinked
FROM line CROSS JOIN LATERAL (
  SELECT coalesce(sum(n.held), 0)::int AS held FROM connection c JOIN sales_order h ON h.shop_id = $1 AND h.source_identifier = line.order_id
    JOIN connection o ON o.shop_id = $1 AND o.id = h.connection_id AND o.is_home
    JOIN order_line n ON n.shop_id = $1 AND n.connection_id = h.connection_id AND n.order_id = h.order_id AND n.item_id = line.item_id AND n.held > 0
  WHERE c.shop_id = $1 AND c.id = $2 AND c.mirror = 'takes-stock'
) copy GROUP BY line.order_id`;
