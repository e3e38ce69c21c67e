import pg from "pg";

export type Pool = pg.Pool;
export type Client = pg.PoolClient;
/** A pool, a client or a client in a transaction: whatever can run one statement. */
export type Queryable = Pick<pg.ClientBase, "query">;

/** Above the slowest statement of a housekeeping run; a statement that takes longer holds locks that others wait for. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** A process that stalls inside a transaction (a suspended machine, a debugger) loses its session, so the shop's lane is free again. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000;
/** Waits for rows are milliseconds; more is a stalled holder, and waiting behind it would fill the pool. */
const LOCK_TIMEOUT_MS = 10_000;
/** The server may vanish without closing the connection; then no server-side limit helps. Later than the server's own. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000;
/** The wait for a free connection; ingest then answers 503 or spools, well inside the senders' own limits (Shopify: 5 s). */
const CONNECT_TIMEOUT_MS = 3_000;
const IDLE_CONNECTION_MS = 30_000;
const RETRY_ATTEMPTS_MAX = 5;
const RETRY_DELAY_MS = 20;

export type PoolOptions = { url: string; max: number; name: string };

export function createPool({ url, max, name }: PoolOptions): Pool {
	const pool = new pg.Pool({
		connectionString: url,
		max,
		application_name: name,
		keepAlive: true,
		connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
		idleTimeoutMillis: IDLE_CONNECTION_MS,
		statement_timeout: STATEMENT_TIMEOUT_MS,
		lock_timeout: LOCK_TIMEOUT_MS,
		idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
		query_timeout: QUERY_TIMEOUT_MS,
		types: { getTypeParser },
	});
	// An idle connection that breaks is replaced by the pool; without a listener its error would end the process.
	pool.on("error", () => {});
	return pool;
}

const SINGLETON = Symbol.for("lockstep.database");
const holder = globalThis as { [SINGLETON]?: Pool | undefined };

/** The process's pool. The Remix build and the native server each load this module; they share one pool through the global. */
export function openDatabase(options: PoolOptions): Pool {
	if (holder[SINGLETON]) throw new Error("The database is open already: one pool serves the whole process.");
	const pool = createPool(options);
	holder[SINGLETON] = pool;
	return pool;
}

export function database(): Pool {
	if (!holder[SINGLETON]) throw new Error("The database is used before openDatabase() was called.");
	return holder[SINGLETON];
}

/** Waits for the connections in use. */
export async function closeDatabase(): Promise<void> {
	const pool = holder[SINGLETON];
	holder[SINGLETON] = undefined;
	await pool?.end();
}

/** The connection broke while COMMIT was on its way: the transaction may have happened or not. */
export class CommitUnknownError extends Error {
	constructor(cause: unknown) {
		super("The connection broke during COMMIT; whether the transaction happened is not known.", { cause });
		this.name = "CommitUnknownError";
	}
}

/** Runs `work` in one transaction: its result is returned after the commit, and any exception rolls everything back. */
export async function transaction<T>(pool: Pool, work: (client: Client) => Promise<T>, { begin = "BEGIN" } = {}): Promise<T> {
	const client = await pool.connect();
	let broken: Error | undefined;
	const onError = (error: Error) => {
		broken = error;
	};
	client.on("error", onError);
	try {
		await client.query(begin);
		const result = await work(client);
		const { command } = await client.query("COMMIT").catch((cause: unknown) => {
			if (isRefusal(cause)) throw cause;
			throw new CommitUnknownError(cause);
		});
		// In a transaction that has failed (an error that `work` swallowed) COMMIT succeeds and does a rollback.
		if (command !== "COMMIT") throw new Error("The transaction was rolled back at COMMIT: an earlier statement in it had failed.");
		return result;
	} catch (error) {
		if (!isRefusal(error)) broken ??= error instanceof Error ? error : new Error(String(error));
		// An error that is not the server's says nothing about the session's state, so such a connection is not used again.
		if (isRefusal(error) || !isConnectionError(error)) {
			await client.query("ROLLBACK").then(
				() => (broken = undefined),
				(failure: Error) => (broken = failure),
			);
		}
		throw error;
	} finally {
		client.off("error", onError);
		client.release(broken);
	}
}

/**
 * The same, tried again after what passes by itself: a deadlock, a serialisation failure, a connection lost before COMMIT. An
 * unknown commit is tried again only for work that may happen twice (`repeatable`), because its keys recognise the repetition.
 */
export async function transactionWithRetry<T>(
	pool: Pool,
	work: (client: Client) => Promise<T>,
	{ repeatable = false, begin = "BEGIN", attemptsMax = RETRY_ATTEMPTS_MAX } = {},
): Promise<T> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await transaction(pool, work, { begin });
		} catch (error) {
			const passing = isPassing(error) || (repeatable && error instanceof CommitUnknownError);
			if (!passing || attempt >= attemptsMax) throw error;
			// Full jitter, so that two that met once do not meet again.
			await new Promise((resolve) => setTimeout(resolve, Math.random() * RETRY_DELAY_MS * 2 ** attempt));
		}
	}
}

/** serialization_failure, deadlock_detected: the transaction is rolled back and would succeed later. */
const PASSING_REFUSALS = new Set(["40001", "40P01"]);
/** The server ends sessions: administrator, crash, starting up, too many connections (PostgreSQL manual, appendix A). */
const CONNECTION_REFUSALS = /^(08...|57P0[1-5]|53300|25P0[34])$/;

/** Would the same transaction, which was rolled back, succeed a moment later? */
export function isPassing(error: unknown): boolean {
	if (error instanceof CommitUnknownError) return false;
	return (isRefusal(error) && PASSING_REFUSALS.has(error.code)) || isConnectionError(error);
}

/** The database cannot be reached, went away, or has no connection free: nothing is wrong with the statement. */
export function isConnectionError(error: unknown): boolean {
	if (isRefusal(error)) return CONNECTION_REFUSALS.test(error.code);
	if (!(error instanceof Error)) return false;
	const { code } = error as NodeJS.ErrnoException;
	return (
		/^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code ?? "") ||
		// pg and pg-pool give these no code (pg 8.23 client.js, pg-pool index.js).
		/Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable|Client was closed/i.test(error.message)
	);
}

/** PostgreSQL itself said no, with a code of five characters. */
function isRefusal(error: unknown): error is pg.DatabaseError & { code: string } {
	return error instanceof Error && /^[0-9A-Z]{5}$/.test((error as { code?: string }).code ?? "") && "severity" in error;
}

/** Ids and counts are bigint columns; below 2^53 a number holds them exactly, and anything above is a fault we want to see. */
function parseBigint(text: string): number {
	const value = Number(text);
	if (!Number.isSafeInteger(value)) throw new Error(`The database returned ${text}, which a JavaScript number does not hold exactly.`);
	return value;
}

function getTypeParser(oid: number, format?: "text" | "binary") {
	if (oid === pg.types.builtins.INT8 && format !== "binary") return parseBigint;
	return pg.types.getTypeParser(oid, format as "text");
}
