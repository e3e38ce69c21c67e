import { z } from "zod";

const shopId = z.number().int().positive();
const connectionId = z.number().int().positive();

/** A restart of the database fails what runs; more than five, so that ten seconds of it pass without losing the job's place. */
const ATTEMPTS_MAX = 10;
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 5_000;

/**
 * All background work on one page. A job says only where to look: its payload carries ids, the tables say what is to be done,
 * so a job may run twice, at the same time as itself, or after its cause is gone. What a queue loses the sweep finds again.
 */
export const catalog = {
	/** Takes a shop's pending events into stock. */
	"apply.drain": job({ queue: "apply", payload: z.object({ shopId }) }),
	/** Turns hints (an order's id without its state) into snapshots. */
	"ingest.fetch": job({ queue: "channels", payload: z.object({ shopId, connectionId }) }),
	/** Brings a connection's dirty listings to their newest number. */
	"delivery.push": job({ queue: "channels", payload: z.object({ shopId, connectionId }) }),
	/** The same for a connection whose last call failed, until one succeeds. */
	"delivery.retry": job({ queue: "troubled", payload: z.object({ shopId, connectionId }) }),
	/** Reads the orders that changed since the connection's watermark: what webhooks missed. */
	"connections.poll-orders": job({ queue: "upkeep", payload: z.object({ shopId, connectionId }) }),
	/** Looks at a connection's stock as a whole: what no webhook told is found and mended by the usual ways. */
	"reconcile.compare": job({ queue: "upkeep", payload: z.object({ shopId, connectionId }) }),
	/** Compares a week of a connection's orders, and its figures, with ours as sums. */
	"reconcile.totals": job({ queue: "upkeep", payload: z.object({ shopId, connectionId }) }),
	/** Asks the channel whether it answers and lets us work. */
	"connections.check-health": job({ queue: "upkeep", payload: z.object({ shopId, connectionId }) }),
	/** Looks whether the channel still has our webhooks, and makes the missing ones anew. */
	"connections.watch-webhooks": job({ queue: "upkeep", payload: z.object({ shopId, connectionId }) }),
	/** Reads a guest's catalogue, begins to count, or looks what going live would change: what a merchant asked for and need not wait for. */
	"connections.set-up": job({ queue: "upkeep", payload: z.object({ shopId, connectionId }) }),
	/** Does a shop's bulk changes, batch by batch; resumes where it stood. */
	"backfill.run": job({ queue: "upkeep", payload: z.object({ shopId }) }),
	/** Tries failures again that a person has chosen, a few at a time beside live traffic; resumes where it stood. */
	"replay.run": job({ queue: "upkeep", payload: z.object({ shopId }) }),
	/** The first import of locations, products and stock; resumes where it stood. */
	"shopify.import": job({ queue: "upkeep", payload: z.object({ shopId }) }),
	/** Takes what Shopify says of the app in a shop: uninstalled, erase, scopes, a finished export. */
	"connections.lifecycle": job({ queue: "upkeep", payload: z.object({ shopId }) }),
	/** Cancels orders on their channel that a person has asked to be cancelled. */
	"oversells.cancel": job({ queue: "channels", payload: z.object({ shopId, connectionId }) }),
	/** Tells the shop's automations what has happened. */
	"flow.send": job({ queue: "channels", payload: z.object({ shopId }) }),
	/** Sends a shop's e-mails. */
	"alerts.send": job({ queue: "upkeep", payload: z.object({ shopId }) }),
	/** Does what the shop's automations asked for. */
	"flow.run": job({ queue: "upkeep", payload: z.object({ shopId }) }),

	/** Finds what waits in the tables and wakes its job: whatever a crash or a lost queue left is taken up within a second. */
	sweep: timer({ everyMs: 1_000 }),
	/** Renews the tokens of shops that nothing has called for weeks, before they run out. */
	"connections.refresh-tokens": timer({ everyMs: 3_600_000 }),
	/** What only the clock brings out: channels out of step, failed updates that have succeeded, listings to be looked at a last time. */
	"flow.look": timer({ everyMs: 30_000 }),
	/** Adds what failed and what was settled to the problems that a merchant sees; also the figure for whoever runs this. */
	"failures.count": timer({ everyMs: 1_000 }),
	/** What webhooks missed, for whoever runs this. */
	"polls.count": timer({ everyMs: 60_000 }),
	/** What is to be told of, and whose day's summary is due. */
	"alerts.look": timer({ everyMs: 30_000 }),
	/** Partitions ahead of time, old delivery keys, old partitions. Hourly, and days ahead: a missed run harms nothing. */
	housekeeping: timer({ everyMs: 3_600_000 }),
} as const;

/** What the tables know to be waiting; the sweep and the stages wake these. */
export type JobName = { [N in keyof typeof catalog]: (typeof catalog)[N] extends { kind: "job" } ? N : never }[keyof typeof catalog];
/** What every worker process does by its clock, without the queue, so that it goes on when the queue is lost. */
export type TimerName = Exclude<keyof typeof catalog, JobName>;
export type Payload<N extends JobName> = z.infer<(typeof catalog)[N]["payload"]>;

/**
 * Four queues and no more, because each costs a worker process one listening connection. `apply` is short work in our own database
 * and must never stand behind a channel that answers slowly; `upkeep` may take minutes and must never stand before a push; a call
 * to a channel in trouble may hang for the most of a minute, and stands behind other such calls only (R19).
 */
export const queues = {
	apply: { concurrency: 8 },
	channels: { concurrency: 32 },
	troubled: { concurrency: 16 },
	upkeep: { concurrency: 8 },
} as const satisfies Record<string, { concurrency: number }>;
export type QueueName = keyof typeof queues;

type Job<P> = { kind: "job"; queue: QueueName; payload: P; attemptsMax: number; backoffMs: (attemptsMade: number) => number };
type Timer = { kind: "timer"; everyMs: number };

function job<P extends z.ZodType>({ queue, payload }: { queue: QueueName; payload: P }): Job<P> {
	// Full jitter: what failed together does not come back together.
	const backoffMs = (attemptsMade: number) => Math.round(Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attemptsMade));
	return { kind: "job", queue, payload, attemptsMax: ATTEMPTS_MAX, backoffMs };
}

function timer({ everyMs }: { everyMs: number }): Timer {
	return { kind: "timer", everyMs };
}
