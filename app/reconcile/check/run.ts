import { randomUUID } from "node:crypto";
import type { Pool, Queryable } from "#app/db.server.ts";

/**
 * A batch of rows takes a second, and while a channel is silent the lease is renewed by the clock: whoever has not renewed it for
 * so long is dead.
 */
const LEASE_MS = 90_000;
export const RENEW_MS = 20_000;

/** What a run knows of itself. Times are ISO texts. */
export type Run = {
	id: number;
	state: "asked" | "preparing" | "reading" | "acting";
	attempt: number;
	failures: number;
	/** Our clock. */
	beganAt: string | null;
	exportId: string | null;
	/** Home's clock. */
	exportStartedAt: string | null;
	exportAskedAt: string | null;
	read: number;
	/** Where its rows stand (rooms.ts). */
	room: number;
};

/** What of a run changes; each only where the lease is still ours. */
export type RunPatch = Partial<Omit<Run, "id">> & { note?: string | null; expected?: number };

/** The right to work on a run. Whoever saves without it changes nothing and stops. */
export type RunLease = {
	readonly run: Run;
	/** Renews the lease and saves; in a transaction, together with what it speaks of. */
	save(db: Queryable, patch?: RunPatch): Promise<void>;
	/** Gives it back: the sweep comes again after so long. */
	release(db: Queryable, againInMs: number): Promise<void>;
	/** Returns how much was found to differ. */
	end(db: Queryable, end: { state: "done" } | { state: "failed"; note: string }): Promise<number>;
};

export class RunLostError extends Error {
	override readonly name = "RunLostError";
}

/** Takes the connection's run if one is due and nobody is at it; null: there is nothing to do. */
export async function takeRun(pool: Pool, shopId: number, connectionId: number): Promise<RunLease | null> {
	const token = randomUUID();
	const { rows } = await pool.query<Record<string, unknown>>(
		`UPDATE reconcile_run SET lease_token = $3, lease_until = clock_timestamp() + $4 * interval '1 millisecond'
		 WHERE shop_id = $1 AND connection_id = $2 AND ended_at IS NULL AND next_at <= clock_timestamp()
		   AND (lease_until IS NULL OR lease_until < clock_timestamp())
		 RETURNING id, state, attempt, failures, began_at AS "beganAt", export_id AS "exportId", export_started_at AS "exportStartedAt",
		   export_asked_at AS "exportAskedAt", read, room`,
		[shopId, connectionId, token, LEASE_MS],
	);
	return rows[0] ? createLease(shopId, token, toRun(rows[0])) : null;
}

const iso = (value: unknown) => (value as Date | null)?.toISOString() ?? null;
const toRun = (row: Record<string, unknown>): Run => ({
	...(row as Run),
	beganAt: iso(row.beganAt),
	exportStartedAt: iso(row.exportStartedAt),
	exportAskedAt: iso(row.exportAskedAt),
});

function createLease(shopId: number, token: string, first: Run): RunLease {
	let run = first;
	const saving = async (db: Queryable, assignments: string, values: readonly unknown[]) => {
		const { rowCount } = await db.query(
			`UPDATE reconcile_run SET ${assignments} WHERE shop_id = $1 AND id = $2 AND lease_token = $3 AND ended_at IS NULL`,
			[shopId, run.id, token, ...values],
		);
		if (rowCount !== 1) throw new RunLostError();
	};
	return {
		get run() {
			return run;
		},
		async save(db, patch = {}) {
			const names = Object.keys(patch) as (keyof RunPatch)[];
			const sets = names.map((name, n) => `${COLUMNS[name]} = $${n + 5}`);
			await saving(db, ["lease_until = clock_timestamp() + $4 * interval '1 millisecond'", ...sets].join(", "), [
				LEASE_MS,
				...names.map((name) => patch[name]),
			]);
			const { note: _note, expected: _expected, ...known } = patch;
			run = { ...run, ...known };
		},
		async release(db, againInMs) {
			await db.query(
				`UPDATE reconcile_run SET lease_token = NULL, lease_until = NULL, next_at = clock_timestamp() + $4 * interval '1 millisecond'
				 WHERE shop_id = $1 AND id = $2 AND lease_token = $3 AND ended_at IS NULL`,
				[shopId, run.id, token, againInMs],
			);
		},
		// What could not be looked at is looked at again in an hour, and not at once.
		async end(db, end) {
			const { rows } = await db.query<{ found: number }>(
				`WITH ended AS (
				   UPDATE reconcile_run SET state = $4, sentence = $5, ended_at = clock_timestamp(), room = 0, lease_token = NULL, lease_until = NULL
				   WHERE shop_id = $1 AND id = $2 AND lease_token = $3 AND ended_at IS NULL RETURNING connection_id, found
				 )
				 UPDATE connection c SET compared_at = now() FROM ended WHERE c.shop_id = $1 AND c.id = ended.connection_id RETURNING ended.found`,
				[shopId, run.id, token, end.state, end.state === "failed" ? end.note : null],
			);
			if (!rows[0]) throw new RunLostError();
			return rows[0].found;
		},
	};
}

const COLUMNS: Record<keyof RunPatch, string> = {
	state: "state",
	attempt: "attempt",
	failures: "failures",
	beganAt: "began_at",
	exportId: "export_id",
	exportStartedAt: "export_started_at",
	exportAskedAt: "export_asked_at",
	read: "read",
	room: "room",
	expected: "expected",
	note: "sentence",
};

/** Renews the lease by the clock while `work` waits for somebody else. What it finds lost, `work` finds with its next save. */
export async function keepingLease<T>(pool: Pool, lease: RunLease, work: () => Promise<T>): Promise<T> {
	const timer = setInterval(() => void lease.save(pool).catch(() => {}), RENEW_MS);
	timer.unref();
	try {
		return await work();
	} finally {
		clearInterval(timer);
	}
}
