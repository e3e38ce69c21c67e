import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Pool, Queryable } from "#app/db.server.ts";

/** `shop.import_progress`: where the import stands. */
const progressSchema = z.object({
	phase: z.enum(["locations", "export", "rows", "applying"]).default("locations"),
	exportId: z.string().nullable().default(null),
	/** Home's clock: levels that changed before this count as the export says them. */
	startedAt: z.string().nullable().default(null),
	/** Our clock, before the export was asked for. */
	askedAt: z.string().nullable().default(null),
	/** Lines of the export's file that are in the inbox. */
	lines: z.int().default(0),
	components: z.int().default(0),
	/** Exports that came to nothing. */
	failures: z.int().default(0),
	/** Our clock, milliseconds. */
	rowsDoneAt: z.number().default(0),
	/** Bundles and what is missing are looked after. */
	settled: z.boolean().default(false),
});
export type Progress = z.infer<typeof progressSchema>;

/** A batch of lines takes a second; every save renews it. A killed import is taken up after this. */
const LEASE_MS = 30_000;

/** The right to work on a shop's import. Whoever saves without it changes nothing and stops. */
export type Lease = {
	readonly installation: number;
	readonly progress: Progress;
	/** Renews the lease and saves; in a transaction, together with what it speaks of. */
	save(db: Queryable, patch: Partial<Progress>, counts?: { total?: number; done?: number }): Promise<void>;
	/** A sentence for the merchant while it waits; the next save takes it away. */
	say(db: Queryable, sentence: string): Promise<void>;
	readonly token: string;
};

export class LeaseLostError extends Error {
	override readonly name = "LeaseLostError";
}

export type TakenImport = { outcome: "taken"; lease: Lease } | { outcome: "leased" } | { outcome: "none"; why: string };

/** Takes the shop's import if it is to be done and nobody is at it. */
export async function takeImport(pool: Pool, shopId: number): Promise<TakenImport> {
	const token = randomUUID();
	const { rows } = await pool.query<{ installation: number; progress: unknown }>(
		`UPDATE shop SET import_state = 'running', import_started_at = coalesce(import_started_at, now()),
		   import_progress = import_progress || ${leaseOf("$2", "$3")}
		 WHERE id = $1 AND state = 'installed' AND import_state IN ('pending', 'running')
		   AND coalesce((import_progress->>'leaseUntil')::timestamptz < clock_timestamp(), true)
		   AND EXISTS (SELECT FROM connection c WHERE c.shop_id = shop.id AND c.is_home AND c.state NOT IN ('connecting', 'disconnected'))
		 RETURNING installation, import_progress AS progress`,
		[shopId, token, LEASE_MS],
	);
	const [row] = rows;
	if (row) return { outcome: "taken", lease: createLease(shopId, token, row.installation, progressSchema.parse(row.progress)) };
	const found = await pool.query<{ state: string; importState: string; opened: boolean }>(
		`SELECT state, import_state AS "importState",
		   EXISTS (SELECT FROM connection c WHERE c.shop_id = shop.id AND c.is_home AND c.state NOT IN ('connecting', 'disconnected')) AS opened
		 FROM shop WHERE id = $1`,
		[shopId],
	);
	const [shop] = found.rows;
	if (!shop) return { outcome: "none", why: "the shop is gone" };
	if (shop.state !== "installed") return { outcome: "none", why: "the shop has uninstalled" };
	if (!shop.opened) return { outcome: "none", why: "nobody has opened the app in this shop yet" };
	if (shop.importState === "done" || shop.importState === "failed") return { outcome: "none", why: `the import is ${shop.importState}` };
	return { outcome: "leased" };
}

/** Gives the lease back, so that the next run need not wait for its end; the sweeper comes back after `againInMs`. */
export async function releaseImport(pool: Pool, shopId: number, lease: Lease, againInMs: number): Promise<void> {
	await pool.query(
		`UPDATE shop SET import_progress = (import_progress - 'lease' - 'leaseUntil')
		   || jsonb_build_object('nextAt', clock_timestamp() + $3::float8 * interval '1 millisecond')
		 WHERE id = $1 AND import_progress->>'lease' = $2`,
		[shopId, lease.token, againInMs],
	);
}

export async function endImport(
	pool: Pool,
	shopId: number,
	lease: Lease,
	end: { state: "done" } | { state: "failed"; error: string },
): Promise<void> {
	const { rowCount } = await pool.query(
		`UPDATE shop SET import_state = $3, import_finished_at = clock_timestamp(), import_error = $4,
		   import_done = CASE WHEN $3 = 'done' THEN import_total ELSE import_done END
		 WHERE id = $1 AND import_progress->>'lease' = $2 AND state = 'installed'`,
		[shopId, lease.token, end.state, end.state === "failed" ? end.error : null],
	);
	if (rowCount !== 1) throw new LeaseLostError();
}

function createLease(shopId: number, token: string, installation: number, first: Progress): Lease {
	let progress = first;
	return {
		installation,
		token,
		get progress() {
			return progress;
		},
		async save(db, patch, counts = {}) {
			const { rowCount } = await db.query(
				`UPDATE shop SET import_progress = import_progress || $4::jsonb || ${leaseOf("$2", "$3")}, import_error = NULL,
				   import_total = coalesce($5, import_total), import_done = coalesce($6, import_done)
				 WHERE id = $1 AND import_progress->>'lease' = $2 AND state = 'installed'`,
				[shopId, token, LEASE_MS, JSON.stringify(patch), counts.total ?? null, counts.done ?? null],
			);
			if (rowCount !== 1) throw new LeaseLostError();
			progress = { ...progress, ...patch };
		},
		async say(db, sentence) {
			await db.query(`UPDATE shop SET import_error = $3 WHERE id = $1 AND import_progress->>'lease' = $2`, [shopId, token, sentence]);
		},
	};
}

const leaseOf = (token: string, ms: string) =>
	`jsonb_build_object('lease', ${token}::text, 'leaseUntil', clock_timestamp() + ${ms}::float8 * interval '1 millisecond')`;
