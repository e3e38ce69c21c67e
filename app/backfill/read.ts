import type { Queryable } from "#app/db.server.ts";
import type { ListedOrder } from "./orders/summary.ts";
import type { BulkSummary } from "./summary.ts";

export type BulkState = "reading" | "refused" | "ready" | "running" | "paused" | "cancelling" | "cancelled" | "done";
/** How far a bulk change is, and what is known of it. */
export type BulkSet = {
	id: number;
	source: "rule" | "file" | "orders" | "listings";
	name: string;
	actor: string;
	state: BulkState;
	/** Of a rule: it gives one (null), or pauses, or resumes. */
	paused: boolean | null;
	connectionId: number | null;
	since: Date | null;
	askedAt: Date;
	readAt: Date | null;
	confirmedAt: Date | null;
	doneAt: Date | null;
	encoding: "utf-8" | "utf-16le" | "windows-1252" | null;
	refusal: string | null;
	/** Lines of a file, or orders of a channel, that were looked at so far. */
	linesRead: number;
	problems: number;
	summary: BulkSummary | null;
	total: number;
	done: number;
	changed: number;
	unitsUp: number;
	unitsDown: number;
	unitsMissing: number;
	/** The change that this one takes back, and the one that takes this one back. */
	undoes: number | null;
	undoneBy: number | null;
	/** When the one that takes this one back was over; null: it is not, or there is none. */
	undoneAt: Date | null;
	/** It is under way, and somebody has said that it is taken back as soon as it has ended. */
	isRollingBack: boolean;
	/** It is a file's or a rule's, it is under way or has changed something, and nobody has said that it is taken back. */
	canRollBack: boolean;
};

const LISTED_MAX = 50;

export async function listBulks(db: Queryable, shopId: number, { before }: { before: number | null }): Promise<BulkSet[]> {
	const { rows } = await db.query<BulkSet>(
		`SELECT ${columns} FROM bulk_change b WHERE b.shop_id = $1 AND ($2::bigint IS NULL OR b.id < $2) ORDER BY b.id DESC LIMIT $3`,
		[shopId, before, LISTED_MAX],
	);
	return rows;
}

/** null: the shop has none of that number. */
export async function readBulk(db: Queryable, shopId: number, changeId: number): Promise<BulkSet | null> {
	const { rows } = await db.query<BulkSet>(`SELECT ${columns} FROM bulk_change b WHERE b.shop_id = $1 AND b.id = $2`, [shopId, changeId]);
	return rows[0] ?? null;
}

const UNDONE_BY = "(SELECT u.id FROM bulk_change u WHERE u.shop_id = b.shop_id AND u.undoes_change = b.id)";

const columns = `b.id, b.source, b.name, coalesce(b.confirmed_by, b.actor) AS actor, b.paused, b.connection_id AS "connectionId", b.since, b.asked_at AS "askedAt", b.read_at AS "readAt",
b.confirmed_at AS "confirmedAt", b.done_at AS "doneAt", b.encoding, b.refusal, b.read_records AS "linesRead", b.problems, b.summary - 'list' AS summary, b.total, b.done, b.changed,
b.units_up AS "unitsUp", b.units_down AS "unitsDown", b.units_missing AS "unitsMissing", b.undoes_change AS undoes, ${UNDONE_BY} AS "undoneBy",
(SELECT u.done_at FROM bulk_change u WHERE u.shop_id = b.shop_id AND u.undoes_change = b.id) AS "undoneAt",
b.roll_back_by IS NOT NULL AND b.done_at IS NULL AS "isRollingBack",
b.source IN ('rule', 'file') AND CASE WHEN b.done_at IS NULL THEN b.confirmed_at IS NOT NULL AND b.roll_back_by IS NULL
  ELSE b.changed > 0 AND ${UNDONE_BY} IS NULL END AS "canRollBack",
CASE WHEN b.refusal IS NOT NULL AND b.confirmed_at IS NULL THEN 'refused' WHEN b.done_at IS NOT NULL THEN CASE WHEN b.cancelled_at IS NULL THEN 'done' ELSE 'cancelled' END
  WHEN b.confirmed_at IS NULL THEN CASE WHEN b.read_at IS NULL THEN 'reading' ELSE 'ready' END
  WHEN b.cancelled_at IS NOT NULL THEN 'cancelling' WHEN b.stopped_at IS NOT NULL THEN 'paused' ELSE 'running' END AS state`;

export type BulkProblem = { line: number; sku: string; reason: string };

/** What is wrong with lines of the file, by line; so many at once. */
export async function readProblems(
	db: Queryable,
	shopId: number,
	{ changeId, after, limit }: { changeId: number; after: number; limit: number },
): Promise<BulkProblem[]> {
	const { rows } = await db.query<BulkProblem>(
		"SELECT line, sku, reason FROM bulk_change_problem WHERE shop_id = $1 AND change_id = $2 AND line > $3 ORDER BY line LIMIT $4",
		[shopId, changeId, after, limit],
	);
	return rows;
}

/** A line as it stands, in figures. `from` and `to` of stock; of a listing its rule, pause and link say what they become. */
export type BulkQuantity = {
	itemId: number;
	locationId: number;
	line: number | null;
	sku: string;
	product: string;
	location: string;
	from: number | null;
	to: number | null;
	units: number;
	made: number | null;
	state: string;
};
export type BulkListing = {
	listingId: number;
	line: number | null;
	sku: string;
	product: string;
	connectionId: number;
	setsPolicy: boolean;
	before: unknown;
	policy: unknown;
	paused: boolean | null;
	setsLink: boolean;
	linkedTo: string | null;
	state: string;
};

export async function readQuantities(
	db: Queryable,
	shopId: number,
	{ changeId, after, limit, open }: { changeId: number; after: readonly [number, number]; limit: number; open: boolean },
): Promise<BulkQuantity[]> {
	const { rows } = await db.query<BulkQuantity>(
		`SELECT q.item_id AS "itemId", q.location_id AS "locationId", q.line, coalesce(i.sku, '') AS sku, i.title AS product, l.name AS location,
		   q.seen AS "from", coalesce(q.to_figure, q.seen + q.units) AS "to", q.units, q.made, q.state
		 FROM bulk_change_quantity q JOIN item i ON i.shop_id = q.shop_id AND i.id = q.item_id
		 JOIN location l ON l.shop_id = q.shop_id AND l.id = q.location_id
		 WHERE q.shop_id = $1 AND q.change_id = $2 AND (q.item_id, q.location_id) > ($3::bigint, $4::bigint) AND (NOT $6 OR q.state NOT IN ('same', 'problem'))
		 ORDER BY q.item_id, q.location_id LIMIT $5`,
		[shopId, changeId, ...after, limit, open],
	);
	return rows;
}

export async function readListingLines(
	db: Queryable,
	shopId: number,
	{ changeId, after, limit, open }: { changeId: number; after: number; limit: number; open: boolean },
): Promise<BulkListing[]> {
	const { rows } = await db.query<BulkListing>(
		`SELECT b.listing_id AS "listingId", b.line, coalesce(i.sku, l.sku, '') AS sku, coalesce(i.title, l.title) AS product, l.connection_id AS "connectionId",
		   b.sets_policy AS "setsPolicy", b.before, b.policy, b.paused, b.sets_link AS "setsLink",
		   (SELECT coalesce(nullif(t.sku, ''), t.title) FROM item t WHERE t.shop_id = b.shop_id AND t.id = b.link_item) AS "linkedTo", b.state
		 FROM bulk_change_line b JOIN listing l ON l.shop_id = b.shop_id AND l.id = b.listing_id
		 LEFT JOIN item i ON i.shop_id = l.shop_id AND i.id = coalesce(l.item_id, b.link_item)
		 WHERE b.shop_id = $1 AND b.change_id = $2 AND b.listing_id > $3 AND (NOT $5 OR b.state NOT IN ('same', 'problem'))
		 ORDER BY b.listing_id LIMIT $4`,
		[shopId, changeId, after, limit, open],
	);
	return rows;
}

/** Orders that the look at a channel found missing or changed, the newest first; the summary says how many there are in all. */
export async function readListedOrders(
	db: Queryable,
	shopId: number,
	{ changeId, limit }: { changeId: number; limit: number },
): Promise<ListedOrder[]> {
	const { rows } = await db.query<{ listed: ListedOrder }>(
		`SELECT l.listed FROM bulk_change b, jsonb_array_elements(b.summary -> 'list') WITH ORDINALITY AS l(listed, n)
		 WHERE b.shop_id = $1 AND b.id = $2 AND b.source = 'orders' ORDER BY l.n LIMIT $3`,
		[shopId, changeId, limit],
	);
	return rows.map(({ listed }) => listed);
}
