import type { Pool } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { drainShop } from "#apply";
import type { Deps } from "#connections";
import { countWaiting } from "#delivery";
import { readFiles } from "./file/read-file.ts";
import { finish } from "./finish.ts";
import { countMoved, giveUpParked, leaveRest, sendQuantities } from "./move-stock.ts";
import { type LookOptions, readOrderDrafts } from "./orders/read-orders.ts";
import { markToRead, readOrdersAgain } from "./read-channel.ts";
import { followListings, writeListings } from "./write-listings.ts";

/**
 * Lines that move stock in one batch. A sale that comes in between waits for it: 250 lines are applied in some tenths of a second, and
 * live ones among them are applied with them.
 */
const QUANTITIES = 250;
/** Where delivery has its hands full: one each second, which even a slow channel takes, so that the change comes to its end nevertheless. */
const QUANTITIES_BESIDE = 1;
/** Listings of one channel, or figures that Shopify must be told: more of them waiting are some calls, and seconds for the next sale. */
const WAITING_MAX = 500;
const BATCHES_PER_JOB_MAX = 20;
const FOUND_MAX = 500;

export type BulkOptions = LookOptions & { waitingMax?: number; batchesMax?: number };

/**
 * The handler of `backfill.run`: drafts that wait to be read, and the shop's oldest confirmed change, batch by batch. Each batch is one
 * transaction under the change's row: what it does (or its messages in the inbox), what was there before, and how far it is. What must
 * be shown then follows in a second step, which the lines remember until it is done. Twice at once, the row lets one through at a time;
 * killed anywhere, the next one goes on with the next line. later: delivery has its hands full, and live traffic goes first.
 */
export async function runBulk(
	deps: Deps,
	shopId: number,
	{ waitingMax = WAITING_MAX, batchesMax = BATCHES_PER_JOB_MAX, ...bounds }: BulkOptions = {},
): Promise<{ outcome: "done" | "more" | "later" }> {
	// A file takes seconds and goes first; both go before the change that is under way, which takes hours.
	const reading = (await readFiles(deps, shopId)) === "more" ? "more" : await readOrderDrafts(deps, shopId, bounds);
	/** The change whose listings are all written: its stock is moved next. */
	let listingsDone: number | null = null;
	for (let batch = 0; batch < batchesMax; batch++) {
		const change = await findOpen(deps.pool, shopId);
		if (!change) return { outcome: reading };
		const place = { shopId, changeId: change.id };
		if (change.cancelled && (await leaveRest(deps.pool, place)) > 0) continue;
		if (change.source === "orders" || change.source === "listings") {
			const step = await readAgain(deps, shopId, change, waitingMax);
			if (step === "over") await finish(deps.pool, shopId, change.id);
			if (step === "full") return { outcome: "later" };
			continue;
		}
		const written = listingsDone === change.id ? 0 : await writeListings(deps.pool, shopId, change.id);
		if (listingsDone !== change.id) await followListings(deps, shopId, change.id);
		if (written > 0) continue;
		listingsDone = change.id;
		const hasRoom = (await countBacklog(deps.pool, shopId, waitingMax)) < waitingMax;
		const sent = await sendQuantities(deps.pool, place, hasRoom ? QUANTITIES : QUANTITIES_BESIDE);
		const drained = await drainShop(applyDepsOf(deps), shopId);
		await countMoved(deps.pool, place);
		if (sent > 0 && hasRoom) continue;
		if (drained.outcome === "drained" && (await giveUpParked(deps.pool, place)) === "on their way") return { outcome: "later" };
		if (await finish(deps.pool, shopId, change.id)) deps.log.info(place, "backfill.done");
		else if (!hasRoom) return { outcome: "later" };
	}
	return { outcome: "more" };
}

export async function findWaitingBulks(pool: Pool): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT s.id FROM shop s WHERE s.state = 'installed' AND EXISTS (
		   SELECT FROM bulk_change b WHERE b.shop_id = s.id AND b.done_at IS NULL AND (b.confirmed_at IS NOT NULL AND b.stopped_at IS NULL
		     OR b.confirmed_at IS NULL AND b.read_at IS NULL AND b.refusal IS NULL AND b.cancelled_at IS NULL))
		 LIMIT $1`,
		[FOUND_MAX],
	);
	return rows.map(({ id }) => id);
}

type Open = { id: number; source: "rule" | "file" | "orders" | "listings"; cancelled: boolean; connectionId: number; since: Date };

async function findOpen(pool: Pool, shopId: number): Promise<Open | undefined> {
	const { rows } = await pool.query<Open>(
		`SELECT b.id, b.source, b.cancelled_at IS NOT NULL AS cancelled, coalesce(b.connection_id, 0) AS "connectionId", coalesce(b.since, b.asked_at) AS since FROM bulk_change b JOIN shop s ON s.id = b.shop_id AND s.state = 'installed'
		 WHERE b.shop_id = $1 AND b.confirmed_at IS NOT NULL AND b.done_at IS NULL AND b.stopped_at IS NULL ORDER BY b.id LIMIT 1`,
		[shopId],
	);
	return rows[0];
}

/** A step of a channel that is read again. over: nothing of it is left. full: delivery has its hands full for now. */
async function readAgain(deps: Deps, shopId: number, change: Open, waitingMax: number): Promise<"over" | "on" | "full"> {
	const { connectionId, since } = change;
	const place = { shopId, changeId: change.id };
	if (change.cancelled) return "over";
	if (change.source === "orders") return (await readOrdersAgain(deps, { ...place, connectionId, since })) === "read" ? "over" : "on";
	const hasRoom = (await countBacklog(deps.pool, shopId, waitingMax)) < waitingMax;
	const marked = await markToRead(deps.pool, place, hasRoom ? QUANTITIES : QUANTITIES_BESIDE);
	if (marked === 0) return "over";
	await deps.wake("delivery.push", { shopId, connectionId });
	return hasRoom ? "on" : "full";
}

/** What waits at the fullest of the channels that answer, Shopify among them; counted no further than `max`. */
async function countBacklog(pool: Pool, shopId: number, max: number): Promise<number> {
	if (!Number.isFinite(max)) return 0;
	const { rows } = await pool.query<{ id: number; isHome: boolean }>(
		`SELECT id, is_home AS "isHome" FROM connection WHERE shop_id = $1 AND state = 'live' AND (breaker_until IS NULL OR breaker_until <= now())`,
		[shopId],
	);
	let most = 0;
	for (const { id, isHome } of rows) {
		const waiting = isHome ? await countOwed(pool, shopId, max) : await countWaiting(pool, shopId, id, max);
		most = Math.max(most, waiting);
	}
	return most;
}

async function countOwed(pool: Pool, shopId: number, max: number): Promise<number> {
	const { rows } = await pool.query<{ n: number }>(
		"SELECT count(*)::int AS n FROM (SELECT FROM stock WHERE shop_id = $1 AND delta_owed <> 0 LIMIT $2) owed",
		[shopId, max],
	);
	return rows[0]?.n ?? 0;
}
