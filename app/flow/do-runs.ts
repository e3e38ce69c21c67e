import { createHash, randomUUID } from "node:crypto";
import { pauseListings } from "#app/connections/guests/index.ts";
import type { Pool } from "#app/db.server.ts";
import { askForReplay } from "#app/replay/index.ts";
import type { Deps } from "#connections";
import { ALL_FAILURES } from "#dead-letters";
import { ACTIONS, type ActionHandle } from "./vocabulary.ts";

/** Who did it, in the list of who did what. */
const ACTOR = "flow";
export const PAUSED_BY_FLOW = "paused by a Shopify Flow workflow";

/** A shop with a hundred channels of ten thousand listings of one SKU takes seconds. */
const CLAIM_MS = 120_000;
const ATTEMPTS_MAX = 5;
const AGAIN_MS = 10_000;
const RUNS_PER_JOB_MAX = 50;
/** Equal SKUs in one shop: Shopify allows any number of them. */
const ITEMS_MAX = 1_000;
const NAME_CHARS_MAX = 100;

/**
 * Does what workflows have asked for in one shop: in the request that asked, or later where that was killed. A run that is done
 * is never done again; one that was killed halfway is begun anew, which pauses or tries again only what is not yet.
 */
export async function doRuns(deps: Deps, shopId: number): Promise<{ outcome: "done" | "more"; runs: number }> {
	for (let runs = 0; runs < RUNS_PER_JOB_MAX; runs++) {
		const claimed = await claim(deps.pool, shopId);
		if (!claimed) return { outcome: "done", runs };
		await finish(deps.pool, claimed, await doOne(deps, claimed));
	}
	return { outcome: "more", runs: RUNS_PER_JOB_MAX };
}

/** Shops with runs that are due. */
export async function findWaitingRuns(pool: Pool): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT s.id FROM shop s WHERE s.state = 'installed' AND EXISTS (
		   SELECT FROM flow_run r WHERE r.shop_id = s.id AND r.done_at IS NULL AND r.next_attempt_at <= now()
		     AND (r.claimed_until IS NULL OR r.claimed_until <= now()))
		 LIMIT $1`,
		[FOUND_MAX],
	);
	return rows.map(({ id }) => id);
}
const FOUND_MAX = 500;

type Claimed = { shopId: number; runId: string; handle: ActionHandle; properties: unknown; attempts: number; token: string };
type Done = { outcome: "done" | "refused" | "failed"; message: string } | { outcome: "again"; message: string };

async function doOne(deps: Deps, run: Claimed): Promise<Done> {
	try {
		const done = run.handle === "pause-sku-everywhere" ? await pauseEverywhere(deps, run) : await replayFailed(deps, run);
		deps.log.info({ shopId: run.shopId, handle: run.handle, runId: run.runId, ...done }, "flow.action_done");
		return done;
	} catch (error) {
		deps.log.error({ err: error, shopId: run.shopId, handle: run.handle, runId: run.runId }, "flow.action_failed");
		const message = "Lockstep could not do this. Open Lockstep to see what is wrong, and run the workflow again.";
		return { outcome: run.attempts >= ATTEMPTS_MAX ? "failed" : "again", message };
	}
}

async function pauseEverywhere(deps: Deps, { shopId, properties }: Claimed): Promise<Done> {
	const { sku } = ACTIONS["pause-sku-everywhere"].properties.parse(properties);
	const items = await itemsOf(deps.pool, shopId, sku);
	if (items.length === 0) return { outcome: "refused", message: `No product in this shop has the SKU ${sku}.` };
	const { rows } = await deps.pool.query<{ connectionId: number; listingIds: number[] }>(
		`SELECT l.connection_id AS "connectionId", array_agg(l.id ORDER BY l.id) AS "listingIds"
		 FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id AND NOT c.is_home AND c.state <> 'disconnected'
		 WHERE l.shop_id = $1 AND l.item_id = ANY($2) AND l.link_state = 'linked' GROUP BY 1 ORDER BY 1`,
		[shopId, items],
	);
	let paused = 0;
	for (const { connectionId, listingIds } of rows) {
		const change = { listingIds: listingIds.map(Number), paused: true, reason: PAUSED_BY_FLOW, actor: ACTOR };
		const changed = await pauseListings(deps, shopId, connectionId, change);
		if (changed.outcome === "changed") paused += changed.listings;
	}
	return { outcome: "done", message: `${paused} ${paused === 1 ? "listing" : "listings"} paused.` };
}

/** As from *Failed updates*: a run of its own, named, with progress and a report. Begun again after a kill, it is the same run. */
async function replayFailed(deps: Deps, { shopId, runId, properties }: Claimed): Promise<Done> {
	const { sku, channel } = ACTIONS["replay-failed-updates"].properties.parse(properties);
	if (sku && (await itemsOf(deps.pool, shopId, sku)).length === 0)
		return { outcome: "refused", message: `No product in this shop has the SKU ${sku}.` };
	const channelIds = channel ? await connectionsOf(deps.pool, shopId, channel) : [null];
	if (channelIds.length === 0) return { outcome: "refused", message: `No connected channel is called ${channel}.` };
	const of = [sku, channel].filter((one) => one).join(" on ");
	let failures = 0;
	for (const channelId of channelIds) {
		const chosen = { filter: { ...ALL_FAILURES, side: "updates" as const, sku: sku ?? "", channelId }, throughId: Number.MAX_SAFE_INTEGER };
		const asked = await askForReplay(deps, shopId, chosen, {
			name: (of ? `By Shopify Flow: ${of}` : "By Shopify Flow").slice(0, NAME_CHARS_MAX),
			reason: "A workflow asked for it.",
			actor: ACTOR,
			press: pressOf(runId, channelId),
		});
		if (asked.outcome === "asked") failures += asked.failures;
	}
	return { outcome: "done", message: `${failures} failed ${failures === 1 ? "update is" : "updates are"} being tried again.` };
}

/** Flow's own ids may be longer than the name of a press. */
const pressOf = (runId: string, channelId: number | null): string =>
	`flow:${createHash("sha256")
		.update(`${runId}:${channelId ?? "all"}`)
		.digest("hex")}`;

async function itemsOf(pool: Pool, shopId: number, sku: string): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		"SELECT id FROM item WHERE shop_id = $1 AND sku = $2 AND deleted_at IS NULL ORDER BY id LIMIT $3",
		[shopId, sku, ITEMS_MAX],
	);
	return rows.map(({ id }) => id);
}

async function connectionsOf(pool: Pool, shopId: number, name: string): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		"SELECT id FROM connection WHERE shop_id = $1 AND NOT is_home AND state <> 'disconnected' AND lower(name) = lower($2) ORDER BY id",
		[shopId, name],
	);
	return rows.map(({ id }) => id);
}

async function claim(pool: Pool, shopId: number): Promise<Claimed | undefined> {
	const { rows } = await pool.query<Claimed>(
		`WITH due AS (
		   SELECT run_id FROM flow_run WHERE shop_id = $1 AND done_at IS NULL AND next_attempt_at <= now()
		     AND (claimed_until IS NULL OR claimed_until <= now())
		   ORDER BY next_attempt_at, run_id LIMIT 1 FOR UPDATE SKIP LOCKED
		 )
		 UPDATE flow_run r SET claim_token = $2, claimed_until = now() + $3 * interval '1 millisecond', attempts = attempts + 1
		 FROM due WHERE r.shop_id = $1 AND r.run_id = due.run_id
		 RETURNING r.shop_id AS "shopId", r.run_id AS "runId", r.handle, r.properties, r.attempts, r.claim_token AS token`,
		[shopId, randomUUID(), CLAIM_MS],
	);
	return rows[0];
}

async function finish(pool: Pool, { shopId, runId, token }: Claimed, done: Done): Promise<void> {
	const isDone = done.outcome !== "again";
	await pool.query(
		`UPDATE flow_run SET outcome = $4, message = $5, done_at = CASE WHEN $6 THEN now() END, claim_token = NULL, claimed_until = NULL,
		   next_attempt_at = now() + $7 * interval '1 millisecond'
		 WHERE shop_id = $1 AND run_id = $2 AND claim_token = $3 AND done_at IS NULL`,
		[shopId, runId, token, isDone ? done.outcome : null, done.message.slice(0, 500).toWellFormed(), isDone, isDone ? 0 : AGAIN_MS],
	);
}
