import { setTimeout as sleep } from "node:timers/promises";
import { open, type SealContext, seal } from "#app/crypto.server.ts";
import { isPassing, type Pool } from "#app/db.server.ts";
import { type Channel, channel as channelOf } from "#channels";
import { ConnectionClosedError } from "../closed.ts";
import type { Deps } from "../deps.ts";

export type Place = { shopId: number; connectionId: number };

/** A consented connection's access as it is saved; times as the database's clock counts them. */
export type SavedAccess = {
	place: { shopId: number; channel: string; account: string };
	/** Sealed credentials: what tokens are asked for with. */
	sealed: string;
	sealedToken: string | null;
	token: string | null;
	expiresInMs: number;
	problem: string | null;
	/** Nobody asks for a token before this has passed. */
	againMs: number;
	consentedAt: Date | null;
};

/** Where an access token is sealed to: it opens only in its own connection's row. */
export const accessContext = ({ shopId, channel, account }: SavedAccess["place"]): SealContext => ({
	shop: String(shopId),
	purpose: `access:${channel}:${account}`,
});

export async function loadAccess(
	{ pool, keyRing }: Pick<Deps, "pool" | "keyRing">,
	{ shopId, connectionId }: Place,
): Promise<SavedAccess & { channel: Channel }> {
	const { rows } = await pool.query<Row>(
		`SELECT channel, account, credentials AS sealed, access_token AS "sealedToken", access_problem AS problem, consented_at AS "consentedAt",
		   coalesce(1000 * extract(epoch FROM access_expires_at - clock_timestamp()), 0)::float8 AS "expiresInMs",
		   greatest(0, coalesce(1000 * extract(epoch FROM access_again_at - clock_timestamp()), 0))::float8 AS "againMs"
		 FROM connection WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected' AND credentials IS NOT NULL`,
		[shopId, connectionId],
	);
	const [row] = rows;
	if (!row) throw new ConnectionClosedError(`Connection ${connectionId} is disconnected`);
	const { channel, account, ...rest } = row;
	const place = { shopId, channel, account };
	const token = row.sealedToken === null ? null : open(keyRing, accessContext(place), row.sealedToken);
	return { ...rest, place, token, channel: channelOf(channel) };
}
type Row = Omit<SavedAccess, "place" | "token"> & { channel: string; account: string };

/** Takes a refused token away from everybody, at once. */
export async function discardAccess(db: Pool, { shopId, connectionId }: Place, { sealedToken }: SavedAccess): Promise<void> {
	await db.query(
		"UPDATE connection SET access_token = NULL, access_expires_at = NULL WHERE shop_id = $1 AND id = $2 AND access_token = $3",
		[shopId, connectionId, sealedToken],
	);
}

export async function keepLease(db: Pool, { shopId, connectionId }: Place, lease: string, ms: number): Promise<void> {
	await db.query(
		`UPDATE connection SET access_lease_until = clock_timestamp() + $4 * interval '1 millisecond'
		 WHERE shop_id = $1 AND id = $2 AND access_lease = $3`,
		[shopId, connectionId, lease, ms],
	);
}

/** The end of a lease without a token. False: not the holder any more, so what it learnt counts no longer. */
export async function noteTrouble(
	db: Pool,
	{ shopId, connectionId }: Place,
	{ lease, problem, againMs }: { lease: string; problem: string | null; againMs: number },
): Promise<boolean> {
	const { rowCount } = await db.query(
		`UPDATE connection SET access_problem = coalesce($4, access_problem), access_again_at = clock_timestamp() + $5 * interval '1 millisecond',
		   access_lease = NULL, access_lease_until = NULL
		 WHERE shop_id = $1 AND id = $2 AND access_lease = $3`,
		[shopId, connectionId, lease, problem, againMs],
	);
	return rowCount === 1;
}

/** As long as a lease; then the caller hears of the database's trouble. */
const SAVE_FOR_MS = 30_000;
const SAVE_AGAIN_MS = 250;

export type Answer = { accessToken: string; expiresAt: string; credentials: string | undefined };

/**
 * The token, what the channel rotated with it, the end of the lease and of the trouble there was: one statement. It is repeated
 * while the database is away, since what was rotated exists nowhere else.
 *
 * dropped: the owner agreed again meanwhile (a lease and credentials of their own) or the connection was closed. Who has only
 * lost its lease, but holds what replaces the very credentials that are still saved, saves it: the others hold the spent ones.
 */
export async function saveAccess(
	{ pool, keyRing }: Pick<Deps, "pool" | "keyRing">,
	{ shopId, connectionId }: Place,
	{ lease, was, answer }: { lease: string; was: SavedAccess; answer: Answer },
): Promise<"saved" | "dropped"> {
	const expiresAt = new Date(answer.expiresAt);
	if (Number.isNaN(expiresAt.getTime())) throw new Error("An access token without an end is not one that can be kept");
	const sealedToken = seal(keyRing, accessContext(was.place), answer.accessToken);
	const values = [shopId, connectionId, lease, answer.credentials ?? null, sealedToken, expiresAt, was.sealed];
	const until = Date.now() + SAVE_FOR_MS;
	for (;;) {
		try {
			return (await pool.query(saveStatement, values)).rowCount === 1 ? "saved" : "dropped";
		} catch (error) {
			if (!isPassing(error) || Date.now() > until) throw error;
			await sleep(SAVE_AGAIN_MS);
		}
	}
}

const saveStatement = `
UPDATE connection SET credentials = coalesce($4, credentials), access_token = $5, access_expires_at = $6,
  access_lease = NULL, access_lease_until = NULL, access_problem = NULL, access_again_at = NULL,
  health = CASE WHEN health_reason = access_problem THEN 'green' ELSE health END,
  health_since = CASE WHEN health_reason = access_problem THEN now() ELSE health_since END,
  health_reason = CASE WHEN health_reason = access_problem THEN NULL ELSE health_reason END,
  updated_at = now()
WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected' AND (access_lease = $3 OR ($4::text IS NOT NULL AND credentials = $7))`;
