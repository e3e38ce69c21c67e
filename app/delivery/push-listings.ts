import { randomUUID } from "node:crypto";
import { processSession } from "#app/connections/process-session.ts";
import type { Queryable } from "#app/db.server.ts";
import { passGate, takeProbe } from "./breaker.ts";
import { deliverBatch } from "./deliver-batch.ts";
import type { DeliveryDeps, PushOutcome } from "./deps.ts";
import { LEASE_MS } from "./lane.ts";
import { claimListings } from "./sql/claim-listings.ts";
import { DUE_AT, WAITING } from "./sql/due.ts";
import { releaseClaims } from "./sql/keep-claims.ts";

/** After this a connection gives its worker to others and is woken again (R19). */
const TIME_SLICE_MS = 10_000;
/** More lanes than this would only take database connections from others; accounts allow few calls at once anyway. */
const LANES_MAX = 4;

/**
 * Brings a guest connection's dirty listings to their newest figures, as many at once as its account allows calls. Safe to run
 * any number of times at once: listings are claimed, the account's calls are counted over all processes. May be killed
 * anywhere.
 */
export async function pushListings(
	deps: DeliveryDeps,
	shopId: number,
	connectionId: number,
	options: { limit?: number | undefined } = {},
): Promise<PushOutcome> {
	const until = Date.now() + TIME_SLICE_MS;
	const push: Push = { deps, shopId, connectionId, until, limit: options.limit };
	const others: Promise<LaneOutcome>[] = [];
	const first = await runLane(push, (concurrency) => {
		while (others.length < Math.min(concurrency, LANES_MAX) - 1) others.push(runLane(push));
	}).finally(() => Promise.allSettled(others));
	const all = [first, ...(await Promise.all(others))];
	const attempts = all.reduce((sum, lane) => sum + (lane.outcome === "idle" ? lane.attempts : 0), 0);
	if (first.outcome === "closed") return first;
	if (Date.now() >= until) return { outcome: "more", attempts };
	return { outcome: "done", againInMs: await nextDueInMs(deps.pool, shopId, connectionId), attempts };
}

type Push = { deps: DeliveryDeps; shopId: number; connectionId: number; until: number; limit: number | undefined };
type LaneOutcome = { outcome: "idle"; attempts: number } | { outcome: "closed" };

/** Claims and delivers until nothing is due, the channel fails, or the time is over. `onFullBatch`: there is work for others. */
async function runLane(
	{ deps, shopId, connectionId, until, limit }: Push,
	onFullBatch?: (concurrency: number) => void,
): Promise<LaneOutcome> {
	const opened = await deps.openClient(shopId, connectionId);
	if (!opened) return { outcome: "closed" };
	const { channel, client } = opened;
	const { lateHorizonMs, writeBatchSize } = channel.capabilities;
	const life = await processSession(deps.pool).signOfLife();
	let attempts = 0;
	try {
		while (Date.now() < until) {
			const passed = await passGate(deps.pool, shopId, connectionId);
			if (passed.gate === "closed") return attempts === 0 ? { outcome: "closed" } : { outcome: "idle", attempts };
			if (passed.gate === "shut") break;
			const claim = { shopId, connectionId, token: `${life.key}:${randomUUID()}` };
			const probing = passed.gate === "half-open";
			const most = probing ? 1 : Math.min(writeBatchSize, limit ?? writeBatchSize);
			const claimed = await claimListings(deps.pool, { ...claim, leaseMs: LEASE_MS, lateHorizonMs, limit: most });
			if (claimed.length === 0) break;
			const ids = claimed.map((listing) => listing.id);
			let mayHaveSent = false;
			try {
				if (probing && !(await takeProbe(deps.pool, shopId, connectionId))) break;
				if (claimed.length === most && !probing) onFullBatch?.(channel.limits.concurrency);
				mayHaveSent = true;
				const batch = await deliverBatch({ deps, claim, channel, client, watching: passed.watching, probing }, claimed);
				mayHaveSent = false;
				attempts += batch.attempts;
				if (batch.outcome === "connection-failed") break;
			} finally {
				await releaseClaims(deps.pool, claim, { ids, mayHaveSent, lateHorizonMs });
			}
		}
		return { outcome: "idle", attempts };
	} finally {
		life.release();
		await client.close();
	}
}

/** When the next listing of the connection is due, if it may be written to; 0: now. */
async function nextDueInMs(db: Queryable, shopId: number, connectionId: number): Promise<number | null> {
	const { rows } = await db.query<{ ms: number | null }>(nextDueStatement, [shopId, connectionId]);
	const ms = rows[0]?.ms ?? null;
	return ms === null ? null : Math.max(0, Math.ceil(ms));
}

const nextDueStatement = `
SELECT 1000 * extract(epoch FROM greatest(min(coalesce(${DUE_AT}, now())), (SELECT breaker_until FROM connection WHERE shop_id = $1 AND id = $2)) - now())::float8 AS ms
FROM listing l WHERE l.shop_id = $1 AND l.connection_id = $2 AND ${WAITING}
HAVING count(*) > 0`;
