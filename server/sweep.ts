import { findWaitingMail } from "#alerts";
import { findWaitingBulks } from "#app/backfill/index.ts";
import { findAskedSetUps } from "#app/connections/guests/index.ts";
import type { Pool } from "#app/db.server.ts";
import { findDueCancellations } from "#app/oversells/index.ts";
import { findWaitingReplays } from "#app/replay/index.ts";
import { askForOverdueReadings, findWaitingShops } from "#apply";
import { channel as channelOf, channels } from "#channels";
import { findWaitingImports, findWaitingLifecycle } from "#connections";
import { findDueDeliveries } from "#delivery";
import { findWaitingEvents, findWaitingRuns } from "#flow";
import type { JobContext, JobName, JobQueue, Payload } from "#jobs";
import { findDueTotals, findWaitingChecks, openDueChecks } from "#reconcile";

export type SweepDeps = {
	pool: Pool;
	wake: JobQueue["wake"];
	rescue: JobQueue["rescue"];
	/** R24: where the merchant has chosen nothing else and the channel's quota allows it; a failed poll is tried again after a minute. */
	orderPollMs: number;
	stockCheckMs: number;
};

/** Found waiting in so many sweeps on end, work has a run that is dead or stuck: another one is started beside it. */
const SWEEPS_BEFORE_RESCUE = 5;
/** WooCommerce switches a webhook off after five failures in a row, which a minute of our absence can bring. */
const WEBHOOKS_EVERY_MS = 5 * 60_000;
/** Of a channel that nothing is sold or sent to, trouble is known after so long. */
const HEALTH_EVERY_MS = 5 * 60_000;
const SLOW_GAP_MS = 60_000;
/** A refused call is looked into at once (connections/health.ts), also where the account was looked at a moment ago. */
const REFUSED_GAP_MS = 5_000;
/** A list that failed is asked for again; a week of orders is many calls. */
const TOTALS_GAP_MS = 15 * 60_000;
/** What one sweep wakes of one kind; the rest is found a second later. */
const FOUND_MAX = 500;

type Finder = {
	find: (pool: Pool) => Promise<{ job: JobName; payload: Payload<JobName> }[]>;
	/** The same work is not woken again sooner: for what may go on waiting for good reasons. */
	gapMs?: number;
};

/** One line per kind of work that can wait. Each statement looks through an index at what is due, not at what there is. */
const findersOf = ({ orderPollMs, stockCheckMs }: SweepDeps): Record<string, Finder> => ({
	events: { find: async (pool) => (await findWaitingShops(pool)).map((shopId) => ({ job: "apply.drain", payload: { shopId } })) },
	pushes: {
		find: async (pool) =>
			(await findDueDeliveries(pool)).map(({ lane, ...payload }) => ({
				job: lane === "troubled" ? "delivery.retry" : "delivery.push",
				payload,
			})),
	},
	fetches: { find: async (pool) => (await findDueFetches(pool)).map((payload) => ({ job: "ingest.fetch", payload })) },
	readings: {
		find: async (pool) => (await askForOverdueReadings(pool)).map((payload) => ({ job: "ingest.fetch", payload })),
		gapMs: 10_000,
	},
	setUps: {
		find: async (pool) => (await findAskedSetUps(pool)).map((payload) => ({ job: "connections.set-up", payload })),
		gapMs: 10_000,
	},
	imports: { find: async (pool) => (await findWaitingImports(pool)).map((shopId) => ({ job: "shopify.import", payload: { shopId } })) },
	bulks: {
		find: async (pool) => (await findWaitingBulks(pool)).map((shopId) => ({ job: "backfill.run", payload: { shopId } })),
		// It goes at its own pace beside live traffic, a large one for hours.
		gapMs: 5_000,
	},
	replays: {
		find: async (pool) => (await findWaitingReplays(pool)).map((shopId) => ({ job: "replay.run", payload: { shopId } })),
		// Its own pace is a round a second, and a run may wait for a channel for hours.
		gapMs: 5_000,
	},
	cancellations: { find: async (pool) => (await findDueCancellations(pool)).map((payload) => ({ job: "oversells.cancel", payload })) },
	lifecycle: {
		find: async (pool) => (await findWaitingLifecycle(pool)).map((shopId) => ({ job: "connections.lifecycle", payload: { shopId } })),
	},
	flowEvents: { find: async (pool) => (await findWaitingEvents(pool)).map((shopId) => ({ job: "flow.send", payload: { shopId } })) },
	mail: {
		find: async (pool) => (await findWaitingMail(pool)).map((shopId) => ({ job: "alerts.send", payload: { shopId } })),
		gapMs: 5_000,
	},
	flowRuns: { find: async (pool) => (await findWaitingRuns(pool)).map((shopId) => ({ job: "flow.run", payload: { shopId } })) },
	polls: {
		find: async (pool) => (await findDuePolls(pool, orderPollMs)).map((payload) => ({ job: "connections.poll-orders", payload })),
		gapMs: Math.min(SLOW_GAP_MS, orderPollMs),
	},
	unpaid: {
		find: async (pool) => (await findUnpaid(pool)).map((payload) => ({ job: "connections.poll-orders", payload })),
		gapMs: SLOW_GAP_MS,
	},
	checks: {
		find: async (pool) => {
			await openDueChecks(pool, stockCheckMs);
			return (await findWaitingChecks(pool)).map((payload) => ({ job: "reconcile.compare", payload }));
		},
	},
	totals: {
		find: async (pool) => (await findDueTotals(pool)).map((payload) => ({ job: "reconcile.totals", payload })),
		gapMs: TOTALS_GAP_MS,
	},
	health: {
		find: async (pool) => (await findDueHealthChecks(pool)).map((payload) => ({ job: "connections.check-health", payload })),
		gapMs: REFUSED_GAP_MS,
	},
	webhooks: {
		find: async (pool) => (await findDueWebhookWatches(pool)).map((payload) => ({ job: "connections.watch-webhooks", payload })),
		gapMs: SLOW_GAP_MS,
	},
});

/**
 * Looks through the tables for work that is due and wakes it, whatever became of its own wake: a crash after the commit, a
 * queue that was lost, a worker that hangs. Every worker process sweeps; wakes of the same work are one run, so that is
 * harmless, and no election can fail.
 */
export function createSweep(deps: SweepDeps): (context: Pick<JobContext, "log">) => Promise<void> {
	const { pool, wake, rescue } = deps;
	const finders = findersOf(deps);
	const seen = new Map<string, { sweeps: number; wokenAt: number }>();

	const sweepOne = async ({ find, gapMs = 0 }: Finder, kind: string) => {
		const waiting = new Set<string>();
		const wakes: Promise<void>[] = [];
		for (const { job, payload } of await find(pool)) {
			const key = `${kind} ${JSON.stringify(payload)}`;
			waiting.add(key);
			const before = seen.get(key) ?? { sweeps: 0, wokenAt: 0 };
			const sweeps = before.sweeps + 1;
			const isDue = Date.now() - before.wokenAt >= gapMs;
			seen.set(key, { sweeps, wokenAt: isDue ? Date.now() : before.wokenAt });
			if (!isDue) continue;
			wakes.push(gapMs === 0 && sweeps % SWEEPS_BEFORE_RESCUE === 0 ? rescue(job, payload) : wake(job, payload));
		}
		for (const [key, { wokenAt }] of seen) {
			if (key.startsWith(`${kind} `) && !waiting.has(key) && Date.now() - wokenAt >= gapMs) seen.delete(key);
		}
		await Promise.all(wakes);
	};

	return async ({ log }) => {
		const failed: unknown[] = [];
		// One after the other, on one connection's time; one that fails does not keep the others from finding their work.
		for (const [kind, finder] of Object.entries(finders)) {
			await sweepOne(finder, kind).catch((error: unknown) => {
				failed.push(error);
				if (failed.length > 1) log.error({ err: error, kind }, "sweep.failed");
			});
		}
		if (failed.length > 0) throw failed[0];
	};
}

type Found = { shopId: number; connectionId: number };

async function findDueFetches(pool: Pool): Promise<Found[]> {
	const { rows } = await pool.query<Found>(
		`SELECT c.shop_id AS "shopId", c.id AS "connectionId"
		 FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed'
		 WHERE c.state <> 'disconnected' AND EXISTS (
		   SELECT FROM fetch_request f WHERE f.shop_id = c.shop_id AND f.connection_id = c.id AND f.seq > f.done_seq
		     AND f.due_at <= clock_timestamp() AND (f.lease_until IS NULL OR f.lease_until <= clock_timestamp()))
		 LIMIT $1`,
		[FOUND_MAX],
	);
	return rows;
}

/** Also paused ones: what is wrong with them is better known before they go on. */
async function findDueHealthChecks(pool: Pool): Promise<Found[]> {
	const { rows } = await pool.query<Found>(
		`SELECT c.shop_id AS "shopId", c.id AS "connectionId"
		 FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed'
		 WHERE c.state IN ('watching', 'live', 'paused')
		   AND (c.health_checked_at IS NULL OR c.health_checked_at <= now() - $2 * interval '1 millisecond')
		 ORDER BY c.health_checked_at NULLS FIRST LIMIT $1`,
		[FOUND_MAX, HEALTH_EVERY_MS],
	);
	return rows;
}

/** Of the interval: connections that were once polled together, after a start or an outage, drift apart. */
const POLL_JITTER = 0.1;

/**
 * Connections whose orders count (their cut is set) and whose last poll is long ago: as often as the merchant has chosen, or as usual,
 * and no more often than the channel's quota for lists of orders allows. Each connection's interval is its own, by up to a tenth shorter.
 */
async function findDuePolls(pool: Pool, usualMs: number): Promise<Found[]> {
	const { rows } = await pool.query<Found>(
		`SELECT c.shop_id AS "shopId", c.id AS "connectionId"
		 FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed' AND s.import_state = 'done'
		 CROSS JOIN LATERAL (SELECT coalesce(c.poll_minutes * 60000, $2::float8) * (1 - $4::float8 * abs(hashint8(c.id) % 1000) / 1000.0) AS own) every
		 WHERE c.state IN ('watching', 'live', 'paused') AND c.cut_at IS NOT NULL
		   AND (c.polled_at IS NULL OR c.polled_at <= now() - greatest(every.own, ($3::jsonb ->> c.channel)::float8) * interval '1 millisecond')
		 ORDER BY c.polled_at NULLS FIRST LIMIT $1`,
		[FOUND_MAX, usualMs, JSON.stringify(leastPollMs()), POLL_JITTER],
	);
	return rows;
}

/** Channels whose quota for lists of orders is smaller than what the operator may have set. */
const leastPollMs = (): Record<string, number> =>
	Object.fromEntries(channels().flatMap(({ id, capabilities: { pollEveryMs } }) => (pollEveryMs === undefined ? [] : [[id, pollEveryMs]])));

/** The order of a sale has so long to come by itself. */
const UNPAID_MS = 60_000;
/** More than apply takes off a watermark before it believes it (apply/decide/listing.ts). */
const BEYOND_MS = 20_000;
/** Where no poll has shown how far a list goes: what a watermark stays behind the channel's clock (reconcile/order-poll.ts). */
const BEHIND_MS = 30_000;

/**
 * Connections with a listing that showed less than it should, and whose missing units no order has claimed for a minute: a
 * webhook that was lost, or somebody else's change. A poll says which; until then the listing shows that many too few. Only a
 * list that goes beyond the moment in which they were missed can say it, and a channel's lists may lag by minutes: as far as the
 * last one went is how far the next one is believed to go.
 */
async function findUnpaid(pool: Pool): Promise<Found[]> {
	const { rows } = await pool.query<Found & { channel: string; polledMsAgo: number | null }>(
		`SELECT c.shop_id AS "shopId", c.id AS "connectionId", c.channel, 1000 * extract(epoch FROM now() - c.polled_at)::float8 AS "polledMsAgo"
		 FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed' AND s.import_state = 'done'
		 CROSS JOIN LATERAL (SELECT coalesce(c.polled_at - c.order_watermark,
		   CASE WHEN c.polled_at IS NOT NULL THEN $4 * interval '1 millisecond' END) AS behind) list
		 WHERE c.state IN ('watching', 'live') AND c.cut_at IS NOT NULL AND EXISTS (
		   SELECT FROM listing l WHERE l.shop_id = c.shop_id AND l.connection_id = c.id AND l.unseen > 0
		     AND l.unseen_at <= now() - $2 * interval '1 millisecond'
		     AND (list.behind IS NULL OR (
		       c.polled_at - list.behind <= l.unseen_at + $3 * interval '1 millisecond'
		       AND now() - list.behind > l.unseen_at + $3 * interval '1 millisecond')))
		 LIMIT $1`,
		[FOUND_MAX, UNPAID_MS, BEYOND_MS, BEHIND_MS],
	);
	return rows
		.filter(
			({ channel, polledMsAgo }) =>
				polledMsAgo === null || polledMsAgo >= (channelOf(channel).capabilities.extraPollEveryMs ?? SLOW_GAP_MS),
		)
		.map(({ shopId, connectionId }) => ({ shopId, connectionId }));
}

/** Home's webhooks are Shopify's own: they are in the app's configuration. */
async function findDueWebhookWatches(pool: Pool): Promise<Found[]> {
	const { rows } = await pool.query<Found>(
		`SELECT c.shop_id AS "shopId", c.id AS "connectionId"
		 FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed'
		 WHERE c.state IN ('watching', 'live', 'paused') AND NOT c.is_home
		   AND (c.webhooks_checked_at IS NULL OR c.webhooks_checked_at <= now() - $2 * interval '1 millisecond')
		 ORDER BY c.webhooks_checked_at NULLS FIRST LIMIT $1`,
		[FOUND_MAX, WEBHOOKS_EVERY_MS],
	);
	return rows;
}
