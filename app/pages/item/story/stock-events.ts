import type { Queryable } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import { number, plural } from "../../../components/words.ts";
import type { StoryEvent } from "../item.ts";
import type { StoryPart } from "../read-story.ts";

type MovementRow = {
	id: number;
	created_at: Date;
	delta: number;
	after: number;
	cause: string;
	connection_id: number | null;
	order_id: string | null;
	correlation_id: string;
	order_name: string | null;
	location: string;
	sku: string | null;
	several: boolean;
};

/** Sales, returns and Shopify's own changes: the rows of the ledger. */
export async function readStockEvents(db: Queryable, shopId: number, { itemIds, before, limit, look }: StoryPart): Promise<StoryEvent[]> {
	const { rows } = await db.query<MovementRow>(
		`SELECT m.id, m.created_at, m.delta, m.after, m.cause, m.connection_id, m.order_id, m.correlation_id, l.name AS location, i.sku,
		        coalesce((SELECT nullif(o.name, '') FROM sales_order o
		                   WHERE o.shop_id = $1 AND o.connection_id = m.connection_id AND o.order_id = m.order_id), m.order_id) AS order_name,
		        (SELECT count(*) > 1 FROM location WHERE shop_id = $1 AND active) AS several
		   FROM (SELECT newest.*, rank() OVER (ORDER BY date_trunc('milliseconds', created_at) DESC) AS place
		           FROM unnest($2::bigint[]) AS wanted(item_id)
		          CROSS JOIN LATERAL (SELECT * FROM movement WHERE shop_id = $1 AND item_id = wanted.item_id
		                                AND ($3::timestamptz IS NULL OR created_at < $3) ORDER BY id DESC LIMIT $4) newest) m
		   JOIN location l ON l.shop_id = $1 AND l.id = m.location_id
		   JOIN item i ON i.shop_id = $1 AND i.id = m.item_id
		  WHERE m.place <= $5 ORDER BY m.id DESC`,
		[shopId, itemIds, before, look, limit],
	);
	const names = await readNames(db, shopId);
	const ofBundle = itemIds.length > 1;
	return rows.map((row) => {
		const place = [row.several ? row.location : "", ofBundle ? (row.sku ?? "") : ""].filter(Boolean).join(" · ");
		return {
			key: `movement-${row.id}`,
			at: row.created_at.toISOString(),
			kind: row.cause === "sale" || row.cause === "give-back" ? "sale" : "stock",
			text: sayMovement(row, names.get(row.connection_id ?? 0) ?? "a channel"),
			detail: place || null,
			left: row.after,
			link:
				bulkLinkOf(row) ??
				(row.order_id === null || row.connection_id === null
					? null
					: `/app/orders/${row.connection_id}/${encodeURIComponent(row.order_id)}`),
		};
	});
}

/** The bulk change that a movement names. */
function bulkLinkOf({ cause, correlation_id }: MovementRow): string | null {
	const [, id] = /^bulk:(\d+)$/.exec(correlation_id) ?? [];
	return cause === "edit" && id !== undefined ? `/app/bulk-changes/${id}` : null;
}

function sayMovement({ cause, delta, order_name, correlation_id }: MovementRow, channel: string): string {
	const units = plural(Math.abs(delta), "unit");
	const order = order_name ? ` (order ${order_name})` : "";
	switch (cause) {
		case "sale":
			return `${units} sold on ${channel}${order}`;
		case "give-back":
			return `${units} came back on ${channel}${order}`;
		case "opening":
			return `First read in Shopify: ${units}`;
		case "home":
			return `Changed in Shopify by ${delta > 0 ? "+" : "−"}${number(Math.abs(delta))}`;
		case "home-explained":
			return `Counted once: ${units} of Shopify's change belong to something known by now`;
		case "held":
			return correlation_id.startsWith("approval:")
				? "Decided in Lockstep: nothing of the change in Shopify waits any more"
				: "Of a change in Shopify that waits for approval: counted as before";
		case "kept":
			return `Former figure kept: Shopify is told ${delta > 0 ? "+" : "−"}${number(Math.abs(delta))}`;
		case "moved":
			return delta > 0 ? `${units} no longer owed here${order}` : `${units} taken from here for an order that was owed${order}`;
		case "edit":
			return `Changed by ${delta > 0 ? "+" : "−"}${number(Math.abs(delta))} in a bulk change`;
		case "gone":
			return "Deleted in Shopify";
		default:
			return `${delta > 0 ? "+" : "−"}${number(Math.abs(delta))}`;
	}
}

type DeltaRow = { id: number; at: Date; delta: number; state: string; attempts: number; last_error: string | null };

/** What Shopify was told of sales elsewhere. */
export async function readHomeUpdates(db: Queryable, shopId: number, { itemIds, before, look }: StoryPart): Promise<StoryEvent[]> {
	const { rows } = await db.query<DeltaRow>(
		`SELECT d.id, coalesce(d.answered_at, b.created_at) AS at, d.delta, d.state, b.attempts, b.last_error
		   FROM unnest($2::bigint[]) AS wanted(item_id)
		  CROSS JOIN LATERAL (SELECT * FROM delta_line WHERE shop_id = $1 AND item_id = wanted.item_id ORDER BY id DESC LIMIT $4) d
		   JOIN delta_batch b ON b.shop_id = $1 AND b.id = d.batch_id
		  WHERE $3::timestamptz IS NULL OR coalesce(d.answered_at, b.created_at) < $3
		  ORDER BY at DESC, d.id DESC LIMIT $4`,
		[shopId, itemIds, before, look],
	);
	return rows.map((row) => {
		const change = `${row.delta > 0 ? "+" : "−"}${number(Math.abs(row.delta))}`;
		const [kind, text] = sayDelta(row, change);
		return {
			key: `delta-${row.id}`,
			at: row.at.toISOString(),
			kind,
			text,
			detail: kind === "problem" ? row.last_error : null,
			left: null,
			link: null,
		};
	});
}

function sayDelta({ state, attempts }: DeltaRow, change: string): ["update" | "problem", string] {
	switch (state) {
		case "landed":
		case "contained":
			return ["update", `Shopify was told ${change} of sales elsewhere, and has it`];
		case "void":
			return ["problem", `Shopify would not take ${change}; it is tried again in another way`];
		default:
			return attempts > 0 ? ["problem", `Shopify has not answered to ${change} yet`] : ["update", `${change} is on its way to Shopify`];
	}
}
