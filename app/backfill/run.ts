import { recordAudit } from "#app/connections/audit.ts";
import { NOT_LIVE_YET, setPaused } from "#app/connections/guests/index.ts";
import { type Client, type Pool, transaction, transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import type { Deps } from "#connections";
import { samePolicy } from "#domain";

/** Listings whose rows are locked at once: sales of the shop wait for no longer than such a batch takes. */
const BATCH = 500;
const BATCHES_PER_JOB_MAX = 20;
const FOUND_MAX = 500;

/**
 * The handler of `backfill.run`: the shop's oldest bulk change, batch by batch. A batch is one transaction: rules (or pauses),
 * what was there before, and how far it is. What must be shown then follows in a second step, which the lines remember until it is done. Twice at
 * once, the change's row lets one through at a time; killed anywhere, the next one goes on with the next line.
 */
export async function runBulk(deps: Deps, shopId: number): Promise<{ outcome: "done" | "more" }> {
	for (let batch = 0; batch < BATCHES_PER_JOB_MAX; batch++) {
		const step = await writeBatch(deps.pool, shopId);
		if (step === null) return { outcome: "done" };
		await followBatch(deps, shopId, step.changeId);
		if (step.isLast && (await finish(deps.pool, shopId, step.changeId))) deps.log.info({ shopId, ...step }, "backfill.done");
	}
	return { outcome: "more" };
}

export async function findWaitingBulks(pool: Pool): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT s.id FROM shop s WHERE s.state = 'installed' AND EXISTS (SELECT FROM bulk_change b WHERE b.shop_id = s.id AND b.done_at IS NULL)
		 LIMIT $1`,
		[FOUND_MAX],
	);
	return rows.map(({ id }) => id);
}

/** `paused` null: it gives each listing its line's rule. */
type Change = { id: number; paused: boolean | null };
type Line = { listing_id: number; policy: unknown };
type Standing = { id: number; policy: unknown; paused: boolean; paused_reason: string | null };
type Mark = { id: number; before: unknown; policy: unknown; state: "written" | "same" };

async function lockOldest(tx: Client, shopId: number): Promise<Change | undefined> {
	const { rows } = await tx.query<Change>(
		`SELECT b.id, b.paused FROM bulk_change b JOIN shop s ON s.id = b.shop_id AND s.state = 'installed'
		 WHERE b.shop_id = $1 AND b.done_at IS NULL ORDER BY b.id LIMIT 1 FOR UPDATE OF b`,
		[shopId],
	);
	return rows[0];
}

/** null: nothing waits. `isLast`: after this batch no line waits to be written. */
async function writeBatch(pool: Pool, shopId: number): Promise<{ changeId: number; isLast: boolean } | null> {
	return transactionWithRetry(pool, async (tx) => {
		const change = await lockOldest(tx, shopId);
		if (!change) return null;
		const lines = await tx.query<Line>(
			`SELECT listing_id, policy FROM bulk_change_line WHERE shop_id = $1 AND change_id = $2 AND state = 'waiting' ORDER BY listing_id LIMIT $3`,
			[shopId, change.id, BATCH],
		);
		// In id order, as everybody locks them. What was disconnected since is left alone.
		const listings = await tx.query<Standing>(
			`SELECT l.id, l.policy, l.paused, l.paused_reason FROM listing l
			   JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id AND c.state <> 'disconnected'
			  WHERE l.shop_id = $1 AND l.id = ANY($2::bigint[]) ORDER BY l.id FOR UPDATE OF l`,
			[shopId, lines.rows.map((line) => line.listing_id)],
		);
		const standing = new Map(listings.rows.map((row) => [row.id, row]));
		const marks = lines.rows.map((line) => markOf(change, line, standing.get(line.listing_id)));
		const written = marks.filter(({ state }) => state === "written");
		if (change.paused === null) await writeRules(tx, shopId, written);
		else await setPaused(tx, shopId, { listingIds: written.map(({ id }) => id), paused: change.paused, reason: "by hand" });
		await tx.query(
			`UPDATE bulk_change_line b SET state = r.state, before = r.before FROM jsonb_to_recordset($3::jsonb) AS r(id bigint, before jsonb, state text)
			 WHERE b.shop_id = $1 AND b.change_id = $2 AND b.listing_id = r.id`,
			[shopId, change.id, JSON.stringify(marks)],
		);
		await tx.query("UPDATE bulk_change SET done = done + $3, changed = changed + $4 WHERE shop_id = $1 AND id = $2", [
			shopId,
			change.id,
			marks.length,
			written.length,
		]);
		return { changeId: change.id, isLast: marks.length < BATCH };
	});
}

/** What is gone, or stands so already, is left as it is; what is not live yet is not resumed here. */
function markOf({ paused }: Change, line: Line, standing: Standing | undefined): Mark {
	const changes =
		standing !== undefined &&
		(paused === null
			? !samePolicy(standing.policy ?? null, line.policy)
			: standing.paused !== paused && standing.paused_reason !== NOT_LIVE_YET);
	return { id: line.listing_id, before: standing?.policy ?? null, policy: line.policy, state: changes ? "written" : "same" };
}

const writeRules = (tx: Client, shopId: number, written: readonly Mark[]) =>
	tx.query(
		`UPDATE listing l SET policy = r.policy, updated_at = now() FROM jsonb_to_recordset($2::jsonb) AS r(id bigint, policy jsonb)
		 WHERE l.shop_id = $1 AND l.id = r.id`,
		[shopId, JSON.stringify(written)],
	);

/** Also what a process that died had written and not followed. Computing again twice is computing once. What goes on is brought to its figure. */
async function followBatch(deps: Deps, shopId: number, changeId: number): Promise<void> {
	const { rows } = await deps.pool.query<{ listing_id: number; item_id: number | null; connection_id: number; resumed: boolean }>(
		`SELECT b.listing_id, l.item_id, l.connection_id, c.paused IS FALSE AS resumed
		   FROM bulk_change c JOIN bulk_change_line b ON b.shop_id = c.shop_id AND b.change_id = c.id AND b.state = 'written'
		   LEFT JOIN listing l ON l.shop_id = b.shop_id AND l.id = b.listing_id
		 WHERE c.shop_id = $1 AND c.id = $2`,
		[shopId, changeId],
	);
	const itemIds = [...new Set(rows.flatMap((row) => row.item_id ?? []))];
	if (itemIds.length > 0) await refreshListings(applyDepsOf(deps), shopId, { itemIds });
	const resumedOn = new Set(rows.flatMap((row) => (row.resumed ? (row.connection_id ?? []) : [])));
	for (const connectionId of resumedOn) await deps.wake("delivery.push", { shopId, connectionId });
	await deps.pool.query(
		"UPDATE bulk_change_line SET state = 'done' WHERE shop_id = $1 AND change_id = $2 AND state = 'written' AND listing_id = ANY($3::bigint[])",
		[shopId, changeId, rows.map((row) => row.listing_id)],
	);
}

/** One entry for all of it, in the moment in which it is over. */
async function finish(pool: Pool, shopId: number, changeId: number): Promise<boolean> {
	return transaction(pool, async (tx) => {
		const { rows } = await tx.query<{ actor: string; policy: unknown; paused: boolean | null; undoes: number | null; changed: number }>(
			`UPDATE bulk_change b SET done_at = clock_timestamp() WHERE shop_id = $1 AND id = $2 AND done_at IS NULL
			   AND NOT EXISTS (SELECT FROM bulk_change_line n WHERE n.shop_id = $1 AND n.change_id = $2 AND n.state IN ('waiting', 'written'))
			 RETURNING actor, policy, paused, undoes_entry AS undoes, changed`,
			[shopId, changeId],
		);
		const [change] = rows;
		if (!change) return false;
		if (change.changed > 0) {
			const what = change.undoes !== null ? { undoes: change.undoes } : change.paused === null ? { policy: change.policy } : {};
			const entry = { actor: change.actor, action: ACTION[String(change.paused) as keyof typeof ACTION], subject: String(changeId) };
			await recordAudit(tx, shopId, { ...entry, after: { listings: change.changed, ...what } });
		}
		return true;
	});
}

/** By `paused`. */
const ACTION = { null: "rules.bulk_changed", true: "listings.bulk_paused", false: "listings.bulk_resumed" } as const;
