import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { MessageQueue } from "#channels";
import type { NewInboxEvent } from "#inbox";
import { metrics } from "#telemetry";
import { type TakenBatch, type Taker, takeBatch } from "./take-batch.ts";

/** One waits for messages while another commits what came: at ten messages each some hundred a second. */
const PULLERS = 2;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 60_000;
/** Shorter than what orchestrators wait (10 s). What is not removed by then comes again. */
const SHUTDOWN_MS = 8_000;

export type PullDeps = Taker & {
	queue: MessageQueue;
	log: Logger;
	/** Resolves when our database answers; rejects while it does not. */
	probe(): Promise<unknown>;
	/** After the commit. */
	committed(rows: readonly NewInboxEvent[]): void;
	/** For tests of trouble that lasts. */
	backoffFirstMs?: number;
};

export type Pulling = {
	/** Breaks off the wait for messages; what is in hand is committed and removed first. */
	close(): Promise<void>;
};

/**
 * Fetches a queue's messages for as long as the process lives: receive, commit, and only then remove. Killed in between, the
 * messages come again and stop at their keys. Any number of processes may do so at once: a message that one has in hand is
 * hidden from the others.
 *
 * While our own database is away nothing is received: each receipt counts towards the queue's own limit of tries, after
 * which its owner may have it put aside.
 */
export function pullQueue(deps: PullDeps): Pulling {
	const stop = new AbortController();
	const { signal } = stop;
	const pullers = Array.from({ length: PULLERS }, () => pull(deps, signal));
	let closed: Promise<void> | undefined;
	const close = async () => {
		stop.abort();
		await Promise.race([Promise.all(pullers), sleep(SHUTDOWN_MS, undefined, { ref: false })]);
		deps.queue.close();
	};
	return { close: () => (closed ??= close()) };
}

async function pull(deps: PullDeps, signal: AbortSignal): Promise<void> {
	const { queue, log, channel } = deps;
	let failures = 0;
	let databaseFailed = false;
	while (!signal.aborted) {
		try {
			if (databaseFailed) await deps.probe();
			databaseFailed = false;
			const messages = await queue.receive(signal);
			if (messages.length > 0) {
				const startedAt = performance.now();
				const batch = await takeBatch(deps, messages);
				if (batch.rows.length > 0) deps.committed(batch.rows);
				const removed = await remove(deps, batch);
				report(deps, batch, { received: messages.length, removed, tookMs: Math.round(performance.now() - startedAt) });
				databaseFailed = batch.error !== undefined;
				if (databaseFailed) throw batch.error;
			}
			failures = 0;
		} catch (error) {
			if (signal.aborted) return;
			failures++;
			metrics().queueFailures.inc({ queue: queue.name });
			const waitMs = backoffMs(failures, error, deps.backoffFirstMs ?? BACKOFF_FIRST_MS);
			log[failures === 1 ? "warn" : "error"]({ err: error, queue: queue.name, channel: channel.id, failures, waitMs }, "queue.failed");
			await sleep(waitMs, undefined, { signal }).catch(() => {});
		}
	}
}

/** What cannot be removed comes again, stops at its key, and is removed then. */
async function remove({ queue, log, channel }: PullDeps, { done }: TakenBatch): Promise<number> {
	if (done.length === 0) return 0;
	try {
		await queue.remove(done);
		return done.length;
	} catch (error) {
		log.warn({ err: error, queue: queue.name, channel: channel.id, messages: done.length }, "queue.not_removed");
		return 0;
	}
}

function report({ queue, log, channel }: PullDeps, { outcomes, outlines }: TakenBatch, more: Record<string, number>): void {
	const { messagesPulled } = metrics();
	for (const [outcome, count] of Object.entries(outcomes)) messagesPulled.inc({ queue: queue.name, outcome }, count);
	const line = { queue: queue.name, channel: channel.id, ...more, ...outcomes };
	if (outlines.length > 0) log.error({ ...line, outlines }, "messages.pulled");
	else log.info(line, "messages.pulled");
}

/** Full jitter, so that several processes do not come back together; never before the channel's own word. */
function backoffMs(failures: number, error: unknown, firstMs: number): number {
	const jittered = Math.random() * Math.min(BACKOFF_MAX_MS, firstMs * 2 ** failures);
	const asked = error instanceof Error && "retryAfterMs" in error ? Number(error.retryAfterMs) || 0 : 0;
	return Math.round(Math.max(jittered, Math.min(asked, BACKOFF_MAX_MS)));
}
