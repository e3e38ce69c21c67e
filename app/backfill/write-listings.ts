import { link, NOT_LIVE_YET, setPaused, unlink } from "#app/connections/guests/index.ts";
import { type Client, type Pool, transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { lockLane, refreshListings } from "#apply";
import type { Deps } from "#connections";
import { samePolicy } from "#domain";

/** Listings whose rows are locked at once: sales of the shop wait for no longer than such a batch takes. */
const BATCH = 500;

type Line = {
	listing_id: number;
	sets_policy: boolean;
	policy: unknown;
	paused: boolean | null;
	sets_link: boolean;
	link_item: number | null;
};
type Standing = {
	id: number;
	connection_id: number;
	item_id: number | null;
	policy: unknown;
	paused: boolean;
	paused_reason: string | null;
};
/** What a line really changes; nothing at all: it is so already, or is left as it is. */
type Mark = {
	id: number;
	connectionId: number;
	before: unknown;
	beforeItem: number | null;
	policy: unknown;
	paused: boolean;
	toItem: number | null;
	rule: boolean;
	pause: boolean;
	link: boolean;
};

/** The next lines of a change: rules, pauses, links, what was there before, and how far it is, in one transaction. Returns how many. */
export async function writeListings(pool: Pool, shopId: number, changeId: number): Promise<number> {
	return transactionWithRetry(pool, async (tx) => {
		const waiting = await tx.query<{ links: boolean }>(
			`SELECT EXISTS (SELECT FROM bulk_change_line WHERE shop_id = $1 AND change_id = $2 AND state = 'waiting' AND sets_link) AS links`,
			[shopId, changeId],
		);
		// Before everything else, as whoever changes a link: an order that a drain could not place is known here, or finds the link.
		if (waiting.rows[0]?.links) {
			await lockLane(tx, shopId);
			await tx.query("SELECT FROM connection WHERE shop_id = $1 AND NOT is_home ORDER BY id FOR SHARE", [shopId]);
		}
		const mine = await tx.query(
			"SELECT FROM bulk_change WHERE shop_id = $1 AND id = $2 AND done_at IS NULL AND stopped_at IS NULL AND cancelled_at IS NULL FOR UPDATE",
			[shopId, changeId],
		);
		if (mine.rowCount === 0) return 0;
		const lines = await tx.query<Line>(
			`SELECT listing_id, sets_policy, policy, paused, sets_link, link_item FROM bulk_change_line
			 WHERE shop_id = $1 AND change_id = $2 AND state = 'waiting' ORDER BY listing_id LIMIT $3`,
			[shopId, changeId, BATCH],
		);
		if (lines.rows.length === 0) return 0;
		// In id order, as everybody locks them. What was disconnected since is left alone.
		const listings = await tx.query<Standing>(
			`SELECT l.id, l.connection_id, l.item_id, l.policy, l.paused, l.paused_reason FROM listing l
			   JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id AND c.state <> 'disconnected'
			  WHERE l.shop_id = $1 AND l.id = ANY($2::bigint[]) ORDER BY l.id FOR UPDATE OF l`,
			[shopId, lines.rows.map((line) => line.listing_id)],
		);
		const standing = new Map(listings.rows.map((row) => [row.id, row]));
		const marks = await writeLinks(
			tx,
			shopId,
			lines.rows.map((line) => markOf(line, standing.get(line.listing_id))),
		);
		await writeRules(
			tx,
			shopId,
			marks.filter(({ rule }) => rule),
		);
		for (const paused of [true, false]) {
			const listingIds = marks.filter((mark) => mark.pause && mark.paused === paused).map(({ id }) => id);
			if (listingIds.length > 0) await setPaused(tx, shopId, { listingIds, paused, reason: "by hand" });
		}
		await noteMarks(tx, { shopId, changeId }, marks);
		return marks.length;
	});
}

/** What is gone, or stands so already, is left as it is; what is not live yet is not resumed here. */
function markOf(line: Line, standing: Standing | undefined): Mark {
	const { policy, paused } = line;
	return {
		...{ id: line.listing_id, connectionId: standing?.connection_id ?? 0, policy, paused: paused ?? false, toItem: line.link_item },
		...{ before: standing?.policy ?? null, beforeItem: standing?.item_id ?? null },
		rule: standing !== undefined && line.sets_policy && !samePolicy(standing.policy ?? null, policy),
		pause: standing !== undefined && paused !== null && standing.paused !== paused && standing.paused_reason !== NOT_LIVE_YET,
		// A listing that somebody has linked to another product meanwhile is theirs.
		link: standing !== undefined && line.sets_link && (line.link_item === null) !== (standing.item_id === null),
	};
}

/** By the doors that link by hand; what they do not take (the product is gone) is not marked. */
async function writeLinks(tx: Client, shopId: number, marks: readonly Mark[]): Promise<Mark[]> {
	const wanted = marks.filter((mark) => mark.link);
	const done = new Set<number>();
	for (const connectionId of [...new Set(wanted.map((mark) => mark.connectionId))].sort((a, b) => a - b)) {
		const own = wanted.filter((mark) => mark.connectionId === connectionId);
		const off = own.filter(({ toItem }) => toItem === null).map(({ id, beforeItem }) => ({ listingId: id, itemId: beforeItem }));
		const on = own.flatMap(({ id, toItem }) => (toItem === null ? [] : [{ listingId: id, itemId: toItem }]));
		if (off.length > 0) for (const { listingId } of await unlink(tx, { shopId, connectionId, links: off })) done.add(listingId);
		if (on.length > 0) for (const { listingId } of (await link(tx, { shopId, connectionId, links: on })).fresh) done.add(listingId);
	}
	return marks.map((mark) => ({ ...mark, link: mark.link && done.has(mark.id) }));
}

const writeRules = (tx: Client, shopId: number, written: readonly Mark[]) =>
	tx.query(
		`UPDATE listing l SET policy = r.policy, updated_at = now() FROM jsonb_to_recordset($2::jsonb) AS r(id bigint, policy jsonb)
		 WHERE l.shop_id = $1 AND l.id = r.id`,
		[shopId, JSON.stringify(written.map(({ id, policy }) => ({ id, policy })))],
	);

async function noteMarks(tx: Client, { shopId, changeId }: { shopId: number; changeId: number }, marks: readonly Mark[]): Promise<void> {
	await tx.query(
		`UPDATE bulk_change_line b SET state = CASE WHEN r.rule OR r.pause OR r.link THEN 'written' ELSE 'same' END, before = r.before,
		   before_item = r."beforeItem", wrote_policy = r.rule, wrote_paused = r.pause, wrote_link = r.link
		 FROM jsonb_to_recordset($3::jsonb) AS r(id bigint, before jsonb, "beforeItem" bigint, rule boolean, pause boolean, link boolean)
		 WHERE b.shop_id = $1 AND b.change_id = $2 AND b.listing_id = r.id`,
		[shopId, changeId, JSON.stringify(marks)],
	);
	await tx.query("UPDATE bulk_change SET done = done + $3, changed = changed + $4 WHERE shop_id = $1 AND id = $2", [
		shopId,
		changeId,
		marks.length,
		marks.filter(({ rule, pause, link: linked }) => rule || pause || linked).length,
	]);
}

/** Also what a process that died had written and not followed. Computing again twice is computing once. What goes on is brought to its figure. */
export async function followListings(deps: Deps, shopId: number, changeId: number): Promise<void> {
	const { rows } = await deps.pool.query<{
		listing_id: number;
		item_id: number | null;
		connection_id: number;
		resumed: boolean;
		linked: boolean;
	}>(
		`SELECT b.listing_id, l.item_id, l.connection_id, b.wrote_paused AND b.paused IS FALSE AS resumed, b.wrote_link AND b.link_item IS NOT NULL AS linked
		   FROM bulk_change_line b LEFT JOIN listing l ON l.shop_id = b.shop_id AND l.id = b.listing_id
		 WHERE b.shop_id = $1 AND b.change_id = $2 AND b.state = 'written'`,
		[shopId, changeId],
	);
	if (rows.length === 0) return;
	const itemIds = [...new Set(rows.flatMap((row) => row.item_id ?? []))];
	if (itemIds.length > 0) await refreshListings(applyDepsOf(deps), shopId, { itemIds });
	const connectionsOf = (some: typeof rows) => new Set(some.flatMap((row) => row.connection_id ?? []));
	for (const connectionId of connectionsOf(rows.filter((row) => row.resumed))) await deps.wake("delivery.push", { shopId, connectionId });
	for (const connectionId of connectionsOf(rows.filter((row) => row.linked))) await deps.wake("ingest.fetch", { shopId, connectionId });
	await deps.pool.query(
		"UPDATE bulk_change_line SET state = 'done' WHERE shop_id = $1 AND change_id = $2 AND state = 'written' AND listing_id = ANY($3::bigint[])",
		[shopId, changeId, rows.map((row) => row.listing_id)],
	);
}
