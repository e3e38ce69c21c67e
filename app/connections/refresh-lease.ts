import { randomUUID } from "node:crypto";
import type { Session } from "@shopify/shopify-api";
import type { Pool } from "#app/db.server.ts";
import type { Deps } from "./deps.ts";
import { sealSession } from "./sealed-session.ts";

/** Three times what the refresh request may take (10 s): a holder that is alive never loses it. */
const LEASE_MS = 30_000;

/** Who may refresh this session now. null: somebody else does, or there is no such session. */
export async function takeLease(pool: Pool, sessionId: string): Promise<string | null> {
	const token = randomUUID();
	const { rowCount } = await pool.query(
		`UPDATE session SET lease_token = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond'
		 WHERE id = $1 AND (lease_until IS NULL OR lease_until < clock_timestamp())`,
		[sessionId, token, LEASE_MS],
	);
	return rowCount === 1 ? token : null;
}

/** Gives the lease back, at once or after a pause in which nobody else tries. */
export async function releaseLease(pool: Pool, sessionId: string, lease: string, pauseMs = 0): Promise<void> {
	await pool.query(
		`UPDATE session SET lease_until = clock_timestamp() + $3 * interval '1 millisecond' WHERE id = $1 AND lease_token = $2`,
		[sessionId, lease, pauseMs],
	);
}

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
