import type { SessionStorage } from "@shopify/shopify-app-session-storage";
import type { KeyRing } from "#app/crypto.server.ts";
import type { Pool } from "#app/db.server.ts";
import { openSession, sealSession } from "./sealed-session.ts";

/**
 * Where Shopify's library keeps its sessions: one row each, everything in it sealed (R36). Ours, because Shopify's own Prisma
 * storage throws on a failed upsert with our client generator and keeps tokens in clear.
 *
 * Two things are stricter than the interface asks. An older pair of tokens never replaces a newer one: two loaders of one page
 * each make a token exchange, a background refresh may be under way, and the last to arrive is not the last that was made.
 * And a row that this process cannot open (sealed by a key that is gone) counts as absent: the next visit makes a new one.
 */
export function createSessionStorage({ pool, keyRing }: { pool: Pool; keyRing: KeyRing }): SessionStorage {
	return {
		async storeSession(session) {
			const parameters = [
				session.id,
				session.shop,
				session.isOnline,
				sealSession(keyRing, session),
				session.scope ?? null,
				session.expires ?? null,
				session.refreshTokenExpires ?? null,
			];
			await pool.query(storeStatement, parameters);
			// True as well when a newer pair is there already: what the caller wants kept is kept.
			return true;
		},
		async loadSession(id) {
			const { rows } = await pool.query<StoredSession>(`SELECT id, shop_domain AS shop, sealed FROM session WHERE id = $1`, [id]);
			return rows[0] && openSession(keyRing, rows[0]);
		},
		async deleteSession(id) {
			await pool.query(`DELETE FROM session WHERE id = $1`, [id]);
			return true;
		},
		async deleteSessions(ids) {
			await pool.query(`DELETE FROM session WHERE id = ANY($1::text[])`, [ids]);
			return true;
		},
		async findSessionsByShop(shop) {
			const { rows } = await pool.query<StoredSession>(
				`SELECT id, shop_domain AS shop, sealed FROM session WHERE shop_domain = $1 ORDER BY id`,
				[shop],
			);
			return rows.map((row) => openSession(keyRing, row)).filter((session) => session !== undefined);
		},
	};
}

export type StoredSession = { id: string; shop: string; sealed: string };

/**
 * Newer is what expires later: every pair lives equally long, so the later made expires later. A pair without an expiry is
 * what Shopify no longer gives to public apps and never replaces one that has it. Equal stamps are the same pair with a
 * change by the library (it blanks a rejected access token), so they replace.
 *
 * `lease_*` stays: a refresh that is under way finds at its end that its pair is no longer the newest and drops it.
 */
const storeStatement = `
INSERT INTO session (id, shop_domain, is_online, sealed, scope, expires_at, refresh_expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET shop_domain = excluded.shop_domain, is_online = excluded.is_online, sealed = excluded.sealed,
  scope = excluded.scope, expires_at = excluded.expires_at, refresh_expires_at = excluded.refresh_expires_at, updated_at = now()
WHERE session.expires_at IS NULL OR excluded.expires_at >= session.expires_at`;
