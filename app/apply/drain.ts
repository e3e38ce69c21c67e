import type { Pool, PoolClient } from "pg";
import type { Logger } from "pino";
import { transaction } from "#app/db.server.ts";
import { decide } from "./decide/index.ts";
import type { ApplyState, Verdict } from "./decide/state.ts";
import { type ChannelTraits, loadState } from "./load.ts";
import { markGone, writeCatalogue } from "./sql/catalogue.ts";
import { markEvents, type ReadEvent, readPending } from "./sql/inbox.ts";
import { lockLane } from "./sql/lane.ts";
import { writeState } from "./write.ts";

export type ApplyDeps = {
	pool: Pool;
	log: Logger;
	traits: ChannelTraits;
	/** Called after a commit with what has work now. Losing the call loses nothing: the sweeper finds it. */
	onApplied?: (work: AppliedWork) => void;
};
export type AppliedWork = { shopId: number; deliveries: number[]; fetches: number[] };

/** Events in one transaction: 50 were 21 times the best event-by-event path on one hot SKU; past 500 the gain is gone. */
const BATCH_MAX = 500;
/** After this a drain gives its place to other shops and is woken again. */
const TIME_SLICE_MS = 2_000;

export type DrainOutcome =
	/** Nothing waits any more. */
	| { outcome: "drained"; applied: number; parked: number }
	/** The time slice is over: wake me again. */
	| { outcome: "more"; applied: number; parked: number }
	/** No such shop, or it has uninstalled: what came for it stays where it is. */
	| { outcome: "closed" };

/**
 * Applies a shop's waiting events in batches, one transaction each: stock, ledger, orders, listings and the events' marks
 * commit together or not at all. Safe to run twice at once (the lane serialises) and to be killed anywhere.
 */
export async function drainShop(deps: ApplyDeps, shopId: number, options: { batchMax?: number } = {}): Promise<DrainOutcome> {
	const until = Date.now() + TIME_SLICE_MS;
	const limit = options.batchMax ?? BATCH_MAX;
	const total = { applied: 0, parked: 0 };
	for (;;) {
		const batch = await applyBatch(deps, shopId, limit);
		if (batch === "closed") return { outcome: "closed" };
		total.applied += batch.applied;
		total.parked += batch.parked;
		if (batch.read < limit) return { outcome: "drained", ...total };
		if (Date.now() > until) return { outcome: "more", ...total };
	}
}

type Batch = { read: number; applied: number; parked: number };

async function applyBatch(deps: ApplyDeps, shopId: number, limit: number): Promise<Batch | "closed"> {
	const startedAt = performance.now();
	let state: ApplyState | undefined;
	const batch = await transaction(deps.pool, async (tx): Promise<Batch | "closed"> => {
		const lane = await lockLane(tx, shopId);
		if (!lane?.installed) return "closed";
		const events = await readPending(tx, shopId, { importing: lane.importing, limit });
		if (events.length === 0) return { read: 0, applied: 0, parked: 0 };
		const applied = await applyEvents(tx, deps, shopId, lane.now, events);
		state = applied.state;
		await markEvents(tx, shopId, applied.marked);
		const parked = applied.marked.filter((m) => m.verdict.outcome === "parked").length;
		return { read: events.length, applied: events.length - parked, parked };
	});
	if (batch !== "closed" && batch.read > 0) {
		deps.log.info({ shopId, ...batch, tookMs: Math.round(performance.now() - startedAt) }, "batch.applied");
		if (state) deps.onApplied?.(workOf(state));
	}
	return batch;
}

type Marked = { event: ReadEvent; verdict: Verdict };

/**
 * Tries all events together; if the database refuses what was decided, halves the batch, so that the one event that does it
 * is parked alone and the rest goes on. Savepoints: a refused half leaves nothing behind.
 */
async function applyEvents(
	tx: PoolClient,
	deps: ApplyDeps,
	shopId: number,
	now: number,
	events: readonly ReadEvent[],
): Promise<{ marked: Marked[]; state: ApplyState | undefined }> {
	const unreadable: Marked[] = events.flatMap((event) =>
		event.readable ? [] : [{ event, verdict: { outcome: "parked" as const, error: event.error, errorClass: "unexpected-shape" } }],
	);
	const readable = events.filter((e) => e.readable);
	if (readable.length === 0) return { marked: unreadable, state: undefined };
	await tx.query("SAVEPOINT batch");
	try {
		const { verdicts, state } = await applyTogether(tx, deps, shopId, now, readable);
		await tx.query("RELEASE SAVEPOINT batch");
		return { marked: [...unreadable, ...readable.map((event, i) => ({ event, verdict: verdicts[i] as Verdict }))], state };
	} catch (error) {
		if (!speaksOfData(error)) throw error;
		await tx.query("ROLLBACK TO SAVEPOINT batch");
		if (readable.length === 1) {
			const message = error instanceof Error ? error.message : String(error);
			const verdict: Verdict = { outcome: "parked", error: message, errorClass: "cannot-apply" };
			return { marked: [...unreadable, { event: readable[0] as ReadEvent, verdict }], state: undefined };
		}
		const middle = Math.ceil(readable.length / 2);
		const first = await applyEvents(tx, deps, shopId, now, readable.slice(0, middle));
		const second = await applyEvents(tx, deps, shopId, now, readable.slice(middle));
		return { marked: [...unreadable, ...first.marked, ...second.marked], state: second.state ?? first.state };
	}
}

async function applyTogether(tx: PoolClient, deps: ApplyDeps, shopId: number, now: number, read: readonly ReadEvent[]) {
	const events = read.flatMap((e) => (e.readable ? [e.event] : []));
	const bodies = events.map((e) => e.event);
	await writeCatalogue(tx, shopId, {
		items: bodies.filter((b) => b.type === "home.item"),
		locations: bodies.filter((b) => b.type === "home.location"),
	});
	await markGone(
		tx,
		shopId,
		bodies.filter((b) => b.type === "home.item-gone"),
	);
	const state = await loadState(tx, shopId, { now, events, traits: deps.traits });
	const verdicts = decide(state, events);
	const named = new Map(read.map((e) => [e.id, { correlationId: e.correlationId, topic: e.topic }]));
	await writeState(tx, state, (eventId) => named.get(eventId) ?? { correlationId: "", topic: "" });
	return { verdicts, state };
}

/** Classes 22 (data) and 23 (integrity) speak of what an event holds; anything else is trouble of our own and is not its fault. */
function speaksOfData(error: unknown): boolean {
	const code = (error as { code?: unknown }).code;
	return typeof code === "string" && /^2[23]/.test(code);
}

function workOf(state: ApplyState): AppliedWork {
	const deliveries = new Set<number>();
	for (const { value } of state.listings.changed()) if (value.dirtySince !== null && !value.parked) deliveries.add(value.connectionId);
	if (state.stock.changed().some(({ value }) => value.deltaOwed !== 0)) deliveries.add(state.homeConnectionId);
	return { shopId: state.shopId, deliveries: [...deliveries], fetches: [...new Set(state.fetches.map((f) => f.connectionId))] };
}
