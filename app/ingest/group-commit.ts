import { isConnectionError } from "#app/db.server.ts";
import type { AppendedEvents, NewInboxEvent } from "#inbox";

/** Rows that arrive within this share one INSERT. It is also what an idle delivery waits: far under any sender's limit. */
const WINDOW_MS = 2;
/** One statement: enough to spread a commit's cost, small enough to stay a few milliseconds. */
const BATCH_ROWS_MAX = 500;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** While two statements are on their way the next rows gather; more would only queue at the database. */
const STATEMENTS_MAX = 2;
/** About two seconds of the fastest burst measured; over it a sender is better served by an immediate 503. */
const QUEUE_ROWS_MAX = 20_000;
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** Shopify waits 5 s in all (shopify.md 2.5): past this the answer is that we could not keep it, and it comes again. */
const COMMIT_TIMEOUT_MS = 3_000;

/** The rows of one delivery: kept together, all or none. */
export type Unit = { rows: readonly NewInboxEvent[]; bytes: number };
export type CommitOutcome =
	/** In the database, for good. None inserted: every row's key was there before. */
	| { outcome: "committed"; inserted: number }
	/** Not taken at all. */
	| { outcome: "full" }
	/** Not committed in time; it may still be, and its key then recognises the repetition. */
	| { outcome: "late" }
	| { outcome: "failed"; error: unknown };
export type Append = (rows: readonly NewInboxEvent[]) => Promise<AppendedEvents>;

export type GroupCommit = {
	/** Resolves when the rows are committed, or when they surely will not be answered for. Never rejects. */
	add(unit: Unit): Promise<CommitOutcome>;
	/** Takes nothing more, and resolves when everything in hand has its outcome. */
	close(): Promise<void>;
	waiting(): { rows: number; bytes: number };
};

export type GroupCommitOptions = {
	append: Append;
	windowMs?: number;
	queueRowsMax?: number;
	queueBytesMax?: number;
	commitTimeoutMs?: number;
};

type Waiting = Unit & { settle: (outcome: CommitOutcome) => void; settled: boolean; timer: NodeJS.Timeout | undefined };

/**
 * Commits rows of many requests together: one statement and one flush of the database's log for all that came within
 * `windowMs`, or while the statements before were on their way. An answer is given only when the commit has returned.
 */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
	const { append, windowMs = WINDOW_MS, queueRowsMax = QUEUE_ROWS_MAX, queueBytesMax = QUEUE_BYTES_MAX } = options;
	const commitTimeoutMs = options.commitTimeoutMs ?? COMMIT_TIMEOUT_MS;
	let queue: Waiting[] = [];
	let rows = 0;
	let bytes = 0;
	let underWay = 0;
	let window: NodeJS.Timeout | undefined;
	let closed = false;
	const idle: (() => void)[] = [];

	const settle = (unit: Waiting, outcome: CommitOutcome) => {
		if (unit.settled) return;
		unit.settled = true;
		clearTimeout(unit.timer);
		unit.settle(outcome);
	};

	const release = (unit: Unit) => {
		rows -= unit.rows.length;
		bytes -= unit.bytes;
	};

	/** What was answered as late while it waited is left out: its sender sends it again, or it is on disk. */
	const takeBatch = (): Waiting[] => {
		const batch: Waiting[] = [];
		let batchRows = 0;
		let batchBytes = 0;
		let taken = 0;
		for (const unit of queue) {
			if (batch.length > 0 && (batchRows + unit.rows.length > BATCH_ROWS_MAX || batchBytes + unit.bytes > BATCH_BYTES_MAX)) break;
			taken++;
			if (unit.settled) {
				release(unit);
				continue;
			}
			batch.push(unit);
			batchRows += unit.rows.length;
			batchBytes += unit.bytes;
		}
		queue = queue.slice(taken);
		return batch;
	};

	const flush = async () => {
		const batch = takeBatch();
		if (batch.length === 0) return;
		underWay++;
		const outcomes = await commitUnits(append, batch);
		underWay--;
		for (const [index, unit] of batch.entries()) {
			release(unit);
			settle(unit, outcomes[index] ?? { outcome: "failed", error: new Error("A unit of the batch has no outcome") });
		}
	};

	const pump = () => {
		clearTimeout(window);
		window = undefined;
		while (queue.length > 0 && underWay < STATEMENTS_MAX) void flush().then(pump);
		if (queue.length === 0 && underWay === 0) for (const resolve of idle.splice(0)) resolve();
	};

	return {
		add(unit) {
			if (closed || rows + unit.rows.length > queueRowsMax || bytes + unit.bytes > queueBytesMax) {
				return Promise.resolve({ outcome: "full" });
			}
			rows += unit.rows.length;
			bytes += unit.bytes;
			return new Promise((resolve) => {
				const waiting: Waiting = { ...unit, settle: resolve, settled: false, timer: undefined };
				waiting.timer = setTimeout(() => settle(waiting, { outcome: "late" }), commitTimeoutMs);
				queue.push(waiting);
				// With both statements on their way nobody waits for a window: the first to return takes what has gathered.
				if (underWay >= STATEMENTS_MAX) return;
				if (queue.length >= BATCH_ROWS_MAX) pump();
				else window ??= setTimeout(pump, windowMs);
			});
		},
		close() {
			closed = true;
			return new Promise((resolve) => {
				idle.push(resolve);
				pump();
			});
		},
		waiting: () => ({ rows, bytes }),
	};
}

/**
 * Appends units in one statement. If the rows themselves are at fault, each is tried alone, so that one bad row harms only
 * itself; and what cannot be stored as it is, is parked as what it is: the sender has nothing better to send.
 */
export async function commitUnits(append: Append, units: readonly Unit[]): Promise<CommitOutcome[]> {
	try {
		const { outcomes } = await append(units.flatMap((unit) => unit.rows));
		let from = 0;
		return units.map(({ rows }) => {
			const own = outcomes.slice(from, from + rows.length);
			from += rows.length;
			return { outcome: "committed", inserted: own.filter((outcome) => outcome === "inserted").length };
		});
	} catch (error) {
		if (!isFaultOfRows(error)) return units.map(() => ({ outcome: "failed", error }));
		if (units.length === 1 && units[0]) return [await parkUnstorable(append, units[0], error)];
	}
	const outcomes: CommitOutcome[] = [];
	for (const unit of units) outcomes.push(...(await commitUnits(append, [unit])));
	return outcomes;
}

async function parkUnstorable(append: Append, unit: Unit, error: unknown): Promise<CommitOutcome> {
	const first = unit.rows[0];
	if (!first) return { outcome: "failed", error };
	const parked: NewInboxEvent = {
		...first,
		// As text inside of a string nothing in it can offend jsonb.
		payload: { unstorable: JSON.stringify(first.payload) ?? null },
		event: null,
		occurredAt: null,
		status: "parked",
		outcome: "unstorable",
		error: error instanceof Error ? error.message : String(error),
	};
	try {
		const { inserted } = await append([parked]);
		return { outcome: "committed", inserted };
	} catch (again) {
		return { outcome: "failed", error: again };
	}
}

/**
 * Class 22 data exception, 23 integrity, 54 limit exceeded (PostgreSQL manual, appendix A), or our own code could not write
 * the row down. Anything else (no connection, read-only after a failover, disk full) would refuse every row alike.
 */
function isFaultOfRows(error: unknown): boolean {
	if (isConnectionError(error)) return false;
	const { code } = error as { code?: unknown };
	if (typeof code === "string") return /^(22|23|54)...$/.test(code);
	return error instanceof TypeError || error instanceof RangeError;
}
