import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Session } from "@shopify/shopify-api";
import { ChannelUnavailableError } from "#app/channels/errors.ts";
import type { Pool } from "#app/db.server.ts";
import type { Deps } from "./deps.ts";
import { sealSession } from "./sealed-session.ts";

/** Three times what the refresh request may take (10 s): a holder that is alive never loses it. */
export const LEASE_MS = 30_000;
/** How often a caller without a usable token looks whether the other process is done. */
const LOOK_AGAIN_MS = 100;
/** Longer than a lease: after that somebody else has had a try as well, and the caller is better served by an error. */
const WAIT_MAX_MS = LEASE_MS + 10_000;

/** A row that one process at a time may refresh the token of. */
export type LeasePlace = { table: "session" | "connection"; token: string; until: string; where: string; values: readonly unknown[] };

export const sessionLease = (sessionId: string): LeasePlace => ({
	table: "session",
	token: "lease_token",
	until: "lease_until",
	where: "id = $1",
	values: [sessionId],
});
export const connectionLease = (shopId: number, connectionId: number): LeasePlace => ({
	table: "connection",
	token: "access_lease",
	until: "access_lease_until",
	where: "shop_id = $1 AND id = $2 AND state <> 'disconnected'",
	values: [shopId, connectionId],
});

/** Who may refresh here now. null: somebody else does, or there is no such row. */
async function takeLease(pool: Pool, { table, token, until, where, values }: LeasePlace): Promise<string | null> {
	const lease = randomUUID();
	const n = values.length;
	const { rowCount } = await pool.query(
		`UPDATE ${table} SET ${token} = $${n + 1}, ${until} = clock_timestamp() + $${n + 2} * interval '1 millisecond'
		 WHERE ${where} AND (${until} IS NULL OR ${until} < clock_timestamp())`,
		[...values, lease, LEASE_MS],
	);
	return rowCount === 1 ? lease : null;
}

/** Gives the lease back, at once or after a pause in which nobody else tries. */
export async function releaseLease(pool: Pool, place: LeasePlace, lease: string, pauseMs = 0): Promise<void> {
	const { table, token, until, where, values } = place;
	const n = values.length;
	await pool.query(
		`UPDATE ${table} SET ${until} = clock_timestamp() + $${n + 2} * interval '1 millisecond' WHERE ${where} AND ${token} = $${n + 1}`,
		[...values, lease, pauseMs],
	);
}

/**
 * The lease, or what whoever has it brings meanwhile: `usable` says what can serve the caller as it is. Throws
 * ChannelUnavailableError where neither comes.
 */
export async function leaseOr<T>(
	pool: Pool,
	place: LeasePlace,
	usable: () => Promise<T | null>,
): Promise<{ lease: string } | { value: T }> {
	const givesUpAt = Date.now() + WAIT_MAX_MS;
	for (;;) {
		const lease = await takeLease(pool, place);
		if (lease !== null) return { lease };
		const value = await usable();
		if (value !== null) return { value };
		if (Date.now() > givesUpAt) throw new ChannelUnavailableError("The access token is being refreshed elsewhere and has not come");
		await sleep(LOOK_AGAIN_MS);
	}
}

/** Twenty callers in one process are one caller to the lease. Keyed by pool, so that tests with several databases stay apart. */
export function onceInProcess(pool: Pool, key: string, work: () => Promise<string>): Promise<string> {
	const ofPool = underWay.get(pool) ?? new Map<string, Promise<string>>();
	underWay.set(pool, ofPool);
	const present = ofPool.get(key);
	if (present) return present;
	const promise = work().finally(() => ofPool.delete(key));
	ofPool.set(key, promise);
	return promise;
}
const underWay = new WeakMap<Pool, Map<string, Promise<string>>>();

/**
 * Both tokens and the end of the lease in one statement: no crash leaves one without the other. False: not the holder any
 * more, or a newer pair is there already; then this one is dropped.
 */
export async function saveUnderLease(
	{ pool, keyRing }: Pick<Deps, "pool" | "keyRing">,
	{ id, lease, session }: { id: string; lease: string; session: Session },
): Promise<boolean> {
	const { rowCount } = await pool.query(
		`UPDATE session SET sealed = $3, scope = $4, expires_at = $5, refresh_expires_at = $6, lease_token = NULL, lease_until = NULL,
		   updated_at = now()
		 WHERE id = $1 AND lease_token = $2 AND (expires_at IS NULL OR expires_at <= $5)`,
		[id, lease, sealSession(keyRing, session), session.scope ?? null, session.expires, session.refreshTokenExpires],
	);
	return rowCount === 1;
}
