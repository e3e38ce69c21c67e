import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { storableJson } from "#inbox";
import type { Deps } from "../deps.ts";
import { ConnectionClosedError } from "../open-client.ts";
import { readCatalogue } from "./catalogue.ts";
import { type DryRunLine, dryRun } from "./dry-run.ts";
import { COUNTED_TWICE } from "./go-live.ts";
import { startWatching } from "./opening.ts";
import { readOrderSources } from "./order-sources.ts";
import { restoreFormer } from "./restore.ts";

/** What takes minutes with thousands of listings, because the channel is asked page by page within its limits. */
export const SET_UP_WORK = ["catalogue", "sources", "watch", "dry-run", "restore"] as const;
export type SetUpWork = (typeof SET_UP_WORK)[number];

export type Asked =
	| { outcome: "asked" }
	/** Another piece of work is under way for this connection. */
	| { outcome: "busy"; work: SetUpWork }
	/** `reason` is for the merchant. */
	| { outcome: "refused"; reason: string }
	| { outcome: "unknown" };

/**
 * Asks a worker for a piece of setting up. It is kept in the database: whoever asked may close the page, and a worker that dies is
 * followed by another one that begins the piece anew. Asked for again while it waits, it is the same piece.
 */
export async function askForSetUp(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ work, actor }: { work: SetUpWork; actor: string },
): Promise<Asked> {
	const asked = await transaction(deps.pool, async (tx): Promise<Asked> => {
		const known = await tx.query<{ state: string; mirrored: string | null; work: SetUpWork | null }>(
			`SELECT c.state, u.mirrored, u.work FROM connection c
			 LEFT JOIN connection_setup u ON u.shop_id = c.shop_id AND u.connection_id = c.id
			 WHERE c.shop_id = $1 AND c.id = $2 AND NOT c.is_home AND c.state <> 'disconnected' FOR UPDATE OF c`,
			[shopId, connectionId],
		);
		const connection = known.rows[0];
		if (!connection) return { outcome: "unknown" };
		if (connection.work && connection.work !== work) return { outcome: "busy", work: connection.work };
		if (work === "watch") {
			if (connection.mirrored === null)
				return { outcome: "refused", reason: "Please say first whether its orders already appear in Shopify." };
			if (connection.mirrored === "unsure") return { outcome: "refused", reason: COUNTED_TWICE };
		}
		if (work === "dry-run" && connection.state === "connecting") {
			return { outcome: "refused", reason: "Start watching first: before that, Lockstep does not know what the listings should show." };
		}
		if (work === "restore" && connection.state !== "live") {
			return { outcome: "refused", reason: "Figures can be put back while updates to the channel are on. Resume them first." };
		}
		await tx.query(
			`INSERT INTO connection_setup (shop_id, connection_id, work, work_asked_at, work_asked_by) VALUES ($1, $2, $3, now(), $4)
			 ON CONFLICT (shop_id, connection_id) DO UPDATE SET work = excluded.work, work_asked_at = now(), work_asked_by = excluded.work_asked_by,
			   work_done = 0, work_total = NULL, failed_work = NULL, failed_reason = NULL
			 WHERE connection_setup.work IS NULL`,
			[shopId, connectionId, work, actor],
		);
		return { outcome: "asked" };
	});
	if (asked.outcome === "asked") await deps.wake("connections.set-up", { shopId, connectionId });
	return asked;
}

export type SetUpOutcome = { outcome: "done" } | { outcome: "failed"; reason: string } | { outcome: "nothing" } | { outcome: "waiting" };

/**
 * The handler of `connections.set-up`. Twice, or at once: each piece may be done twice, and only the one that was asked for is
 * noted as done. Late: nothing is asked for any more.
 */
export async function runSetUp(deps: Deps & { publicUrl: string }, shopId: number, connectionId: number): Promise<SetUpOutcome> {
	const { rows } = await deps.pool.query<{ work: SetUpWork; actor: string; at: string }>(
		`SELECT work, work_asked_by AS actor, work_asked_at::text AS at FROM connection_setup
		 WHERE shop_id = $1 AND connection_id = $2 AND work IS NOT NULL`,
		[shopId, connectionId],
	);
	const asked = rows[0];
	if (!asked) return { outcome: "nothing" };
	const place = { shopId, connectionId };
	if (asked.work === "restore") {
		// It ends its own wish: with its figures, or with the connection.
		return restoreFormer(deps, place, asked.actor);
	}
	const failure = await doWork(deps, { ...place, work: asked.work, actor: asked.actor });
	await deps.pool.query(
		`UPDATE connection_setup SET work = NULL, failed_work = CASE WHEN $4::text IS NULL THEN NULL ELSE $3 END, failed_reason = $4,
		   catalogue_read_at = CASE WHEN $3 = 'catalogue' AND $4::text IS NULL THEN now() ELSE catalogue_read_at END
		 WHERE shop_id = $1 AND connection_id = $2 AND work = $3 AND work_asked_at = $5::timestamptz`,
		[shopId, connectionId, asked.work, failure, asked.at],
	);
	return failure === null ? { outcome: "done" } : { outcome: "failed", reason: failure };
}

type Place = { shopId: number; connectionId: number };

/** null: done. Otherwise why not, for the merchant. */
async function doWork(
	deps: Deps & { publicUrl: string },
	{ shopId, connectionId, work, actor }: Place & { work: Exclude<SetUpWork, "restore">; actor: string },
): Promise<string | null> {
	const place = { shopId, connectionId };
	try {
		switch (work) {
			case "catalogue": {
				const read = await readCatalogue(deps, shopId, connectionId, { onPage: (done) => noteProgress(deps.pool, { ...place, done }) });
				if (read.outcome === "failed") return read.reason;
				// Before the merchant is asked about it.
				await lookForSources(deps, place);
				return null;
			}
			case "sources":
				await lookForSources(deps, place);
				return null;
			case "watch": {
				const watching = await startWatching(deps, shopId, connectionId, actor);
				return watching.outcome === "failed" ? watching.reason : null;
			}
			case "dry-run":
				return await runDryRun(deps, place);
		}
	} catch (error) {
		// Disconnected meanwhile: the row goes with the connection's wishes.
		if (error instanceof ConnectionClosedError) return "The channel was disconnected.";
		throw error;
	}
}

/** A look that fails is told beside the question, and holds up nothing. */
async function lookForSources(deps: Deps, { shopId, connectionId }: Place): Promise<void> {
	const found = await readOrderSources(deps, shopId, connectionId);
	await deps.pool.query(
		"UPDATE connection_setup SET order_sources = $3, order_sources_at = now() WHERE shop_id = $1 AND connection_id = $2",
		[shopId, connectionId, storableJson(found)],
	);
}

async function runDryRun(deps: Deps, { shopId, connectionId }: Place): Promise<string | null> {
	const place = { shopId, connectionId };
	await deps.pool.query("DELETE FROM dry_run_line WHERE shop_id = $1 AND connection_id = $2", [shopId, connectionId]);
	await deps.pool.query("UPDATE connection_setup SET dry_run = NULL, dry_run_at = NULL WHERE shop_id = $1 AND connection_id = $2", [
		shopId,
		connectionId,
	]);
	const ran = await dryRun(deps, shopId, connectionId, {
		async onLines(lines, lookedAt) {
			await keepLines(deps.pool, { ...place, lines });
			await noteProgress(deps.pool, { ...place, done: lookedAt });
		},
	});
	if (ran.outcome === "failed") return ran.reason;
	const { outcome: _, sample: __, ...figures } = ran;
	await deps.pool.query("UPDATE connection_setup SET dry_run = $3, dry_run_at = now() WHERE shop_id = $1 AND connection_id = $2", [
		shopId,
		connectionId,
		JSON.stringify(figures),
	]);
	return null;
}

async function keepLines(db: Queryable, { shopId, connectionId, lines }: Place & { lines: readonly DryRunLine[] }): Promise<void> {
	if (lines.length === 0) return;
	await db.query(
		`INSERT INTO dry_run_line (shop_id, connection_id, listing_id, from_quantity, to_quantity, problem)
		 SELECT $1, $2, * FROM unnest($3::bigint[], $4::int[], $5::int[], $6::text[])
		 ON CONFLICT (shop_id, connection_id, listing_id) DO UPDATE SET from_quantity = excluded.from_quantity, to_quantity = excluded.to_quantity,
		   problem = excluded.problem`,
		[
			shopId,
			connectionId,
			lines.map(({ listingId }) => listingId),
			lines.map(({ from }) => from),
			lines.map(({ to }) => to),
			lines.map(({ problem }) => problem),
		],
	);
}

const noteProgress = async (db: Queryable, { shopId, connectionId, done }: Place & { done: number }): Promise<void> => {
	await db.query("UPDATE connection_setup SET work_done = $3 WHERE shop_id = $1 AND connection_id = $2", [shopId, connectionId, done]);
};

/** How many the sweeper wakes at once; the rest is found a second later. */
const FOUND_MAX = 500;

/** For the sweeper: what was asked for and is not done, whatever became of its wake. */
export async function findAskedSetUps(pool: Pool): Promise<Place[]> {
	const { rows } = await pool.query<Place>(
		`SELECT u.shop_id AS "shopId", u.connection_id AS "connectionId" FROM connection_setup u
		 JOIN connection c ON c.shop_id = u.shop_id AND c.id = u.connection_id AND c.state <> 'disconnected'
		 JOIN shop s ON s.id = u.shop_id AND s.state = 'installed'
		 WHERE u.work IS NOT NULL ORDER BY u.work_asked_at LIMIT $1`,
		[FOUND_MAX],
	);
	return rows;
}
