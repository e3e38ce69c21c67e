import { randomUUID } from "node:crypto";
import { ChannelError, RateLimitedError } from "#app/channels/errors.ts";
import { isPassing, transaction } from "#app/db.server.ts";
import type { Channel, ChannelClient } from "#channels";
import { ConnectionClosedError, type Deps, openClient } from "#connections";
import { appendEvents } from "#inbox";
import { type Claimed, claimFetches, failFetches, finishFetches, keepLease, nextDueInMs, readDatabaseClock } from "./fetch-requests.ts";
import { fetchedRows } from "./fetched-rows.ts";

/** A run gives its worker back after this, so that shops take turns; what is left is asked for again at once. */
const RUN_MS = 20_000;
/** Requests of one run side by side, within what the channel bears at all: deliveries share the same budget. */
const PARALLEL_MAX = 4;
/** Most calls to home that a hint wave can need: levels of 50 items cost one (shopify.md 3.2, 4). */
const LEVELS_BATCH = 50;
/** listLocations answers for all of them. */
const LOCATIONS_BATCH = 1_000;
const BACKOFF_BASE_MS = 2_000;
/** Hints are answered again five minutes after a channel is back, at the latest; its orders are polled by then. */
const BACKOFF_MAX_MS = 5 * 60_000;
/** Channels have sent days. */
const RETRY_AFTER_MAX_MS = 15 * 60_000;
/** Some eight minutes of failures: from here on a person sees it among the dead letters, while it is still tried. */
const ATTEMPTS_BEFORE_DEAD_LETTER = 8;
/** A holder that dies keeps its rows from others this long; one that lives renews it. */
const LEASE_MS = 60_000;
const LEASE_RENEWAL_MS = 20_000;

export type FetchDeps = Pick<Deps, "pool" | "log" | "wake">;
export type FetchRun = {
	fetched: number;
	failed: number;
	/** When there is something to do again; null: nothing waits. */
	againInMs: number | null;
};
type Open = (shopId: number, connectionId: number) => Promise<{ channel: Channel; client: ChannelClient }>;

/**
 * Turns hints into snapshots: reads what is due for one connection and puts the answers into the inbox. A thing is read by one
 * process at a time (lease), and its answer is taken only by the lease that asked, so answers come in the order of asking.
 *
 * All times around a request are the database's clock: the one clock that every process and `received_at` share. It is read
 * before the request and after the answer, so the true moment of the answer lies between, however far our own clock is off.
 *
 * Running twice, at once or again is fine: rows are claimed, and what nobody wants any more is not found.
 */
export async function runFetches(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ signal }: { signal?: AbortSignal } = {},
): Promise<FetchRun> {
	return runFetchesWith(deps, (shop, connection) => openClient(deps, shop, connection), shopId, connectionId, signal);
}

export async function runFetchesWith(
	deps: FetchDeps,
	open: Open,
	shopId: number,
	connectionId: number,
	signal?: AbortSignal,
): Promise<FetchRun> {
	const run = { fetched: 0, failed: 0, pauseMs: 0 };
	let opened: Awaited<ReturnType<Open>>;
	try {
		opened = await open(shopId, connectionId);
	} catch (error) {
		// Disconnected or uninstalled: the rows stay for the day it comes back, and nobody is to ask for them until then.
		if (error instanceof ConnectionClosedError) return { fetched: 0, failed: 0, againInMs: null };
		throw error;
	}
	const { channel, client } = opened;
	const until = Date.now() + RUN_MS;
	const goesOn = () => run.pauseMs === 0 && Date.now() < until && !signal?.aborted;
	try {
		const parallel = Math.max(1, Math.min(PARALLEL_MAX, channel.limits.concurrency));
		// In turn: two claims at once would skip each other's rows, and what fits one call would be asked for in several.
		const claimNext = inTurn(() =>
			claimFetches(deps.pool, { shopId, connectionId, token: randomUUID(), leaseMs: LEASE_MS, batch: batchOf(channel) }),
		);
		await allOf(parallel, async () => {
			while (goesOn()) {
				const claimed = await claimNext();
				if (claimed.rows.length === 0) return;
				await fetchClaimed(deps, { shopId, connectionId, channel, client }, claimed, run);
			}
		});
	} finally {
		await client.close();
	}
	if (run.fetched > 0) await deps.wake("apply.drain", { shopId });
	const dueInMs = await nextDueInMs(deps.pool, shopId, connectionId);
	return { fetched: run.fetched, failed: run.failed, againInMs: dueInMs === null ? null : Math.max(dueInMs, run.pauseMs) };
}

const batchOf = (channel: Channel) => ({
	order: 1,
	product: 1,
	levels: LEVELS_BATCH,
	location: LOCATIONS_BATCH,
	listing: channel.capabilities.readBatchSize,
});

type Place = { shopId: number; connectionId: number; channel: Channel; client: ChannelClient };
type Run = { fetched: number; failed: number; pauseMs: number };

async function fetchClaimed(deps: FetchDeps, place: Place, claimed: Claimed, run: Run): Promise<void> {
	const startedAt = performance.now();
	const renewal = setInterval(() => {
		keepLease(deps.pool, claimed, LEASE_MS).catch((error: unknown) => deps.log.warn({ err: error }, "fetch.lease_not_renewed"));
	}, LEASE_RENEWAL_MS);
	const line: Record<string, unknown> = {
		shopId: place.shopId,
		connectionId: place.connectionId,
		channel: place.channel.id,
		kind: claimed.kind,
		count: claimed.rows.length,
		correlationId: claimed.rows[0]?.correlationId,
	};
	try {
		const askedAt = await readDatabaseClock(deps.pool);
		const answers = await fetchedRows(deps.pool, place, claimed, askedAt);
		// In one transaction: an answer that is not the lease's any more is dropped, since somebody else has asked after us.
		const kept = await transaction(deps.pool, async (tx) => {
			const held = await finishFetches(tx, claimed, askedAt);
			const rows = answers.filter(({ of }) => of.some((id) => held.has(id))).map(({ row }) => row);
			await appendEvents(tx, rows);
			return held.size;
		});
		run.fetched += kept;
		Object.assign(line, { outcome: kept === claimed.rows.length ? "fetched" : "lease lost", events: answers.length });
	} catch (error) {
		// Our database's trouble, not the channel's: the lease ends by itself and the job comes again.
		if (isPassing(error)) throw error;
		if (claimed.rows.length > 1 && isRefusal(error)) {
			// One of many is refused: each alone, so that the others are read.
			line.outcome = "split";
			for (const row of claimed.rows) await fetchClaimed(deps, place, { ...claimed, rows: [row] }, run);
			return;
		}
		run.failed += claimed.rows.length;
		Object.assign(line, await recordFailure(deps, claimed, error, run));
	} finally {
		clearInterval(renewal);
		line.tookMs = Math.round(performance.now() - startedAt);
		deps.log.info(line, "fetch.attempted");
	}
}

/** Only what the channel refuses for good, of this thing alone, ends here; everything else is tried again, later and later. */
async function recordFailure(deps: FetchDeps, claimed: Claimed, error: unknown, run: Run) {
	const errorClass = error instanceof ChannelError ? error.errorClass : "unexpected";
	const terminal = isRefusal(error);
	const attempts = Math.max(...claimed.rows.map((row) => row.attempts)) + 1;
	const delayMs = backoffMs(attempts, error);
	// It speaks of the connection: the other rows would fare no better now.
	const connectionWide = error instanceof ChannelError && error.connectionWide;
	if (connectionWide) run.pauseMs = Math.max(run.pauseMs, delayMs, 1);
	await transaction(deps.pool, (tx) =>
		failFetches(tx, claimed, {
			terminal,
			connectionWide,
			delayMs,
			deadLetter: terminal || attempts >= ATTEMPTS_BEFORE_DEAD_LETTER,
			errorClass,
			error: error instanceof Error ? error.message : String(error),
		}),
	);
	return { outcome: terminal ? "refused" : "failed", errorClass, attempts, retryInMs: terminal ? null : Math.round(delayMs), err: error };
}

/** Sending the same again is pointless, and the reason is the thing, not the connection. */
const isRefusal = (error: unknown) => error instanceof ChannelError && !error.retryable && !error.connectionWide;

/** Full jitter, so that a thousand rows that failed together do not come back together; never before the channel's own word. */
function backoffMs(attempts: number, error: unknown): number {
	const jittered = Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** attempts);
	const asked =
		error instanceof RateLimitedError || (error instanceof ChannelError && "retryAfterMs" in error) ? Number(error.retryAfterMs) : 0;
	return Math.max(jittered, Math.min(Math.max(0, asked || 0), RETRY_AFTER_MAX_MS));
}

/** Each call starts when the one before has ended, well or badly. */
function inTurn<T>(task: () => Promise<T>): () => Promise<T> {
	let last: Promise<unknown> = Promise.resolve();
	return () => {
		const mine = last.then(task, task);
		last = mine;
		return mine;
	};
}

/** Like Promise.all, but waits for every worker before the first failure is passed on: none is left using a closed client. */
async function allOf(count: number, work: () => Promise<void>): Promise<void> {
	const results = await Promise.allSettled(Array.from({ length: count }, work));
	for (const result of results) if (result.status === "rejected") throw result.reason;
}
