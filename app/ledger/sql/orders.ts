import type { PoolClient } from "pg";
import type { Allocation, Order, OrderLine } from "../types.ts";

/** The orders named, with their lines and stored allocations. Only the shop's drain writes them, so the lane lock is enough. */
export async function loadOrders(
	tx: PoolClient,
	shopId: number,
	keys: readonly { connectionId: number; orderId: string }[],
): Promise<Order[]> {
	if (keys.length === 0) return [];
	const wanted = JSON.stringify(keys.map((k) => ({ connection_id: k.connectionId, order_id: k.orderId })));
	const from = "jsonb_to_recordset($2::jsonb) AS k(connection_id bigint, order_id text)";
	const on = "o.shop_id = $1 AND o.connection_id = k.connection_id AND o.order_id = k.order_id";
	const orders = await tx.query(
		`SELECT o.connection_id, o.order_id, name, created_on_channel_at, stamp, content_hash, as_of, baseline, unknown_older, cancelled, first_source,
		   source_name, source_identifier, total::text, currency, fulfilled_by_channel
		 FROM ${from} JOIN sales_order o ON ${on}`,
		[shopId, wanted],
	);
	if (orders.rows.length === 0) return [];
	const lines = await tx.query(
		`SELECT o.connection_id, o.order_id, line_id, external_ref, item_id, held, baseline, mirrored, kit_units FROM ${from} JOIN order_line o ON ${on}`,
		[shopId, wanted],
	);
	const allocations = await tx.query(
		`SELECT o.connection_id, o.order_id, line_id, item_id, location_id, quantity, short, instead_of
		 FROM ${from} JOIN order_line_allocation o ON ${on} ORDER BY item_id, location_id, instead_of`,
		[shopId, wanted],
	);
	const key = (r: { connection_id: number; order_id: string }) => `${r.connection_id}:${r.order_id}`;
	const allocationsOf = new Map<string, Allocation[]>();
	for (const r of allocations.rows) {
		const k = `${key(r)}:${r.line_id}`;
		const list = allocationsOf.get(k) ?? [];
		allocationsOf.set(k, list);
		const insteadOf = r.instead_of === 0 ? {} : { insteadOf: r.instead_of };
		list.push({ itemId: r.item_id, locationId: r.location_id, quantity: r.quantity, short: r.short, ...insteadOf });
	}
	const linesOf = new Map<string, Map<string, OrderLine>>();
	for (const r of lines.rows) {
		const map = linesOf.get(key(r)) ?? new Map<string, OrderLine>();
		linesOf.set(key(r), map);
		map.set(r.line_id, {
			lineId: r.line_id,
			externalRef: r.external_ref,
			itemId: r.item_id,
			held: r.held,
			baseline: r.baseline,
			mirrored: r.mirrored,
			kitUnits: r.kit_units,
			allocations: allocationsOf.get(`${key(r)}:${r.line_id}`) ?? [],
		});
	}
	return orders.rows.map((r) => ({
		connectionId: r.connection_id,
		orderId: r.order_id,
		name: r.name,
		createdOnChannelAt: r.created_on_channel_at.getTime(),
		stamp: r.stamp.getTime(),
		contentHash: r.content_hash,
		asOf: r.as_of.getTime(),
		baseline: r.baseline,
		unknownOlder: r.unknown_older,
		cancelled: r.cancelled,
		firstSource: r.first_source,
		sourceName: r.source_name,
		sourceIdentifier: r.source_identifier,
		total: r.total === null ? null : { amount: r.total, currency: r.currency },
		fulfilledByChannel: r.fulfilled_by_channel,
		lines: linesOf.get(key(r)) ?? new Map(),
	}));
}

/**
 * Orders of guest channels whose number a home order says it copies, and home orders that copy one of these: of the keys given,
 * the other halves. Only where a channel's orders are copied into home at all.
 */
export async function findMirrors(
	tx: PoolClient,
	shopId: number,
	{ copies, originals, homeId }: { copies: readonly string[]; originals: readonly string[]; homeId: number },
): Promise<{ connectionId: number; orderId: string }[]> {
	if (copies.length === 0 && originals.length === 0) return [];
	const { rows } = await tx.query<{ connectionId: number; orderId: string }>(
		`SELECT o.connection_id AS "connectionId", o.order_id AS "orderId" FROM sales_order o
		 WHERE o.shop_id = $1 AND o.connection_id = $2 AND o.source_identifier = ANY($3)
		 UNION
		 SELECT o.connection_id, o.order_id FROM sales_order o JOIN connection c ON c.shop_id = o.shop_id AND c.id = o.connection_id
		 WHERE o.shop_id = $1 AND c.mirror <> 'none' AND o.order_id = ANY($4)`,
		[shopId, homeId, originals, copies],
	);
	return rows;
}

/** Writes orders, their lines and allocations as they are now; allocations that were given back entirely are deleted. */
export async function writeOrders(tx: PoolClient, shopId: number, orders: readonly Order[]): Promise<void> {
	if (orders.length === 0) return;
	const iso = (value: number) => new Date(value).toISOString();
	await tx.query(
		`INSERT INTO sales_order (shop_id, connection_id, order_id, name, created_on_channel_at, stamp, content_hash, as_of, baseline, unknown_older, cancelled, first_source,
		   source_name, source_identifier, total, currency, fulfilled_by_channel)
		 SELECT $1, connection_id, order_id, name, created_on_channel_at, stamp, content_hash, as_of, baseline, unknown_older, cancelled, first_source,
		   source_name, source_identifier, total, currency, fulfilled_by_channel
		 FROM jsonb_to_recordset($2::jsonb) AS r(connection_id bigint, order_id text, name text, created_on_channel_at timestamptz, stamp timestamptz,
		   content_hash text, as_of timestamptz, baseline boolean, unknown_older boolean, cancelled boolean, first_source text,
		   source_name text, source_identifier text, total numeric, currency text, fulfilled_by_channel boolean)
		 ON CONFLICT (shop_id, connection_id, order_id) DO UPDATE SET name = excluded.name, stamp = excluded.stamp,
		   content_hash = excluded.content_hash, as_of = excluded.as_of, cancelled = excluded.cancelled,
		   source_name = excluded.source_name, source_identifier = excluded.source_identifier, total = excluded.total, currency = excluded.currency,
		   fulfilled_by_channel = excluded.fulfilled_by_channel`,
		[
			shopId,
			JSON.stringify(
				orders.map((o) => ({
					connection_id: o.connectionId,
					order_id: o.orderId,
					name: o.name,
					created_on_channel_at: iso(o.createdOnChannelAt),
					stamp: iso(o.stamp),
					content_hash: o.contentHash,
					as_of: iso(o.asOf),
					baseline: o.baseline,
					unknown_older: o.unknownOlder,
					cancelled: o.cancelled,
					first_source: o.firstSource,
					source_name: o.sourceName,
					source_identifier: o.sourceIdentifier,
					total: o.total?.amount ?? null,
					currency: o.total?.currency ?? null,
					fulfilled_by_channel: o.fulfilledByChannel,
				})),
			),
		],
	);
	const lines = orders.flatMap((o) =>
		[...o.lines.values()].map((l) => ({
			connection_id: o.connectionId,
			order_id: o.orderId,
			line_id: l.lineId,
			external_ref: l.externalRef,
			item_id: l.itemId,
			held: l.held,
			baseline: l.baseline,
			mirrored: l.mirrored,
			kit_units: l.kitUnits,
		})),
	);
	if (lines.length > 0) {
		await tx.query(
			`INSERT INTO order_line (shop_id, connection_id, order_id, line_id, external_ref, item_id, held, baseline, mirrored, kit_units)
			 SELECT $1, connection_id, order_id, line_id, external_ref, item_id, held, baseline, mirrored, kit_units
			 FROM jsonb_to_recordset($2::jsonb) AS r(connection_id bigint, order_id text, line_id text, external_ref text, item_id bigint, held int, baseline int, mirrored int, kit_units int)
			 ON CONFLICT (shop_id, connection_id, order_id, line_id) DO UPDATE SET external_ref = excluded.external_ref, item_id = excluded.item_id,
			   held = excluded.held, baseline = excluded.baseline, mirrored = excluded.mirrored, kit_units = excluded.kit_units`,
			[shopId, JSON.stringify(lines)],
		);
	}
	const allocations = orders.flatMap((o) =>
		[...o.lines.values()].flatMap((l) =>
			l.allocations.map((a) => ({
				connection_id: o.connectionId,
				order_id: o.orderId,
				line_id: l.lineId,
				item_id: a.itemId,
				location_id: a.locationId,
				quantity: a.quantity,
				short: a.short,
				instead_of: a.insteadOf ?? 0,
			})),
		),
	);
	await tx.query(
		`DELETE FROM order_line_allocation a USING jsonb_to_recordset($2::jsonb) AS o(connection_id bigint, order_id text)
		 WHERE a.shop_id = $1 AND a.connection_id = o.connection_id AND a.order_id = o.order_id
		   AND NOT EXISTS (SELECT 1 FROM jsonb_to_recordset($3::jsonb) AS k(connection_id bigint, order_id text, line_id text, item_id bigint, location_id bigint, instead_of bigint)
		     WHERE k.connection_id = a.connection_id AND k.order_id = a.order_id AND k.line_id = a.line_id AND k.item_id = a.item_id AND k.location_id = a.location_id
		       AND k.instead_of = a.instead_of)`,
		[shopId, JSON.stringify(orders.map((o) => ({ connection_id: o.connectionId, order_id: o.orderId }))), JSON.stringify(allocations)],
	);
	if (allocations.length > 0) {
		await tx.query(
			`INSERT INTO order_line_allocation (shop_id, connection_id, order_id, line_id, item_id, location_id, quantity, short, instead_of)
			 SELECT $1, connection_id, order_id, line_id, item_id, location_id, quantity, short, instead_of
			 FROM jsonb_to_recordset($2::jsonb) AS r(connection_id bigint, order_id text, line_id text, item_id bigint, location_id bigint, quantity int, short int,
			   instead_of bigint)
			 ON CONFLICT (shop_id, connection_id, order_id, line_id, item_id, location_id, instead_of) DO UPDATE SET quantity = excluded.quantity, short = excluded.short`,
			[shopId, JSON.stringify(allocations)],
		);
	}
}
