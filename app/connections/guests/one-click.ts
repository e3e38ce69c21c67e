import { randomBytes } from "node:crypto";
import { z } from "zod";
import { open, type SealContext, seal } from "#app/crypto.server.ts";
import type { Queryable } from "#app/db.server.ts";
import { channel } from "#channels";
import { adminUrl } from "../admin-url.ts";
import type { Deps } from "../deps.ts";
import { type ConnectOutcome, connectGuest } from "./connect.ts";
import { type KeysOutcome, renewKeys } from "./renew-keys.ts";

/** The merchant reads the store's consent page and decides; after this the link is dead. */
const LIFETIME_MINUTES = 30;
/** A request that is over is kept this long for whoever asks why it did not work. */
const KEPT_DAYS = 7;

/** Whose stores can make keys on a page of their own. */
export const ONE_CLICK_CHANNEL = "woocommerce";

export type OneClickStart = { outcome: "started"; url: string; nonce: string } | { outcome: "refused"; reason: string };

/**
 * WooCommerce's own consent page (`/wc-auth/v1/authorize`). Its answer comes from the store, unsigned, to `callback_url`; so
 * `user_id` is a single-use nonce nobody can guess, bound to this shop, user and store, and the keys count only after the same
 * user is back in the app and a call with them worked (source: WooCommerce REST API docs, "Auto generating API keys").
 */
export async function startOneClick(
	deps: Deps & { publicUrl: string },
	shopId: number,
	input: { account: string; userId: string; shopDomain: string; returnPath: string },
): Promise<OneClickStart> {
	const read = channel(ONE_CLICK_CHANNEL).readAccount?.(input.account);
	if (!read || read.outcome === "refused")
		return { outcome: "refused", reason: read?.reason ?? "This channel has no one-click connection." };
	const nonce = randomBytes(32).toString("base64url");
	await deps.pool.query(
		`INSERT INTO connect_request (shop_id, nonce, user_id, channel, account, expires_at)
		 VALUES ($1, $2, $3, 'woocommerce', $4, now() + $5 * interval '1 minute')`,
		[shopId, nonce, input.userId, read.account, LIFETIME_MINUTES],
	);
	const url = new URL(`https://${read.account}/wc-auth/v1/authorize`);
	url.search = new URLSearchParams({
		app_name: "Lockstep",
		scope: "read_write",
		user_id: nonce,
		return_url: adminUrl(deps.env, input).href,
		callback_url: new URL("/connect/woocommerce/callback", deps.publicUrl).href,
	}).toString();
	return { outcome: "started", url: url.href, nonce };
}

const grantSchema = z.object({
	user_id: z.union([z.string(), z.number()]).transform(String),
	consumer_key: z.string().regex(/^ck_[A-Za-z0-9]{10,100}$/),
	consumer_secret: z.string().regex(/^cs_[A-Za-z0-9]{10,100}$/),
	key_permissions: z.literal("read_write"),
});

export type GrantOutcome = { outcome: "kept" } | { outcome: "refused"; reason: string };

/**
 * The store's POST with the keys. They are sealed and wait for the user; an unknown, used or expired nonce changes nothing. Of
 * two at once for one nonce the first is kept.
 */
export async function receiveGrant(deps: Deps, body: unknown): Promise<GrantOutcome> {
	const grant = grantSchema.safeParse(body);
	if (!grant.success) return { outcome: "refused", reason: "not a key grant" };
	const nonce = grant.data.user_id;
	const request = await deps.pool.query<{ shop_id: number }>(
		"SELECT shop_id FROM connect_request WHERE nonce = $1 AND state = 'asked' AND expires_at > now()",
		[nonce],
	);
	const shopId = request.rows[0]?.shop_id;
	if (shopId === undefined) return { outcome: "refused", reason: "unknown or used" };
	const sealed = seal(
		deps.keyRing,
		grantContext(shopId, nonce),
		JSON.stringify({ consumerKey: grant.data.consumer_key, consumerSecret: grant.data.consumer_secret }),
	);
	const kept = await deps.pool.query(
		"UPDATE connect_request SET state = 'granted', sealed = $3 WHERE shop_id = $1 AND nonce = $2 AND state = 'asked' AND expires_at > now()",
		[shopId, nonce, sealed],
	);
	return kept.rowCount === 1 ? { outcome: "kept" } : { outcome: "refused", reason: "unknown or used" };
}

/** Where granted keys are sealed to until the user is back. */
export const grantContext = (shopId: number, nonce: string): SealContext => ({ shop: String(shopId), purpose: `connect:${nonce}` });

/**
 * The same user is back in the app: the nonce is used up and the keys are tried against the very store that was asked for. Keys
 * of another store fail there. `renews`: they are for a connection that is there already. The page that calls this may be loaded
 * twice: who is connected already is told so.
 */
export async function completeOneClick(
	deps: Deps,
	shopId: number,
	input: { nonce: string; userId: string; renews?: number },
): Promise<ConnectOutcome | KeysOutcome> {
	// One statement takes the keys out and forgets them: killed after it, the merchant starts again and nothing lies about.
	const used = await deps.pool.query<{ account: string; sealed: string }>(
		`WITH granted AS (
		   SELECT shop_id, nonce, account, sealed FROM connect_request
		   WHERE shop_id = $1 AND nonce = $2 AND user_id = $3 AND state = 'granted' AND expires_at > now() FOR UPDATE
		 )
		 UPDATE connect_request r SET state = 'used', sealed = NULL FROM granted g WHERE r.shop_id = g.shop_id AND r.nonce = g.nonce
		 RETURNING g.account, g.sealed`,
		[shopId, input.nonce, input.userId],
	);
	const row = used.rows[0];
	if (!row) return outcomeOfUsed(deps.pool, shopId, input);
	const credentials = z.record(z.string(), z.string()).parse(JSON.parse(open(deps.keyRing, grantContext(shopId, input.nonce), row.sealed)));
	const actor = input.userId;
	if (input.renews !== undefined) return renewKeys(deps, shopId, { connectionId: input.renews, credentials, actor });
	return connectGuest(deps, shopId, { channel: ONE_CLICK_CHANNEL, account: row.account, credentials, actor });
}

async function outcomeOfUsed(db: Queryable, shopId: number, input: { nonce: string; userId: string }): Promise<ConnectOutcome> {
	const live = await db.query<{ id: number }>(
		`SELECT c.id FROM connect_request r
		 JOIN connection c ON c.shop_id = r.shop_id AND c.channel = r.channel AND c.account = r.account AND c.state <> 'disconnected'
		 WHERE r.shop_id = $1 AND r.nonce = $2 AND r.user_id = $3 AND r.state = 'used' AND r.expires_at > now()`,
		[shopId, input.nonce, input.userId],
	);
	const connectionId = live.rows[0]?.id;
	if (connectionId !== undefined) return { outcome: "connected", connectionId };
	return { outcome: "refused", reason: "This connection was not confirmed in the store, or its link has expired. Please start again." };
}

/** Upkeep: keys that nobody came back for are forgotten, and with time the requests themselves. */
export async function forgetOldRequests(db: Queryable): Promise<number> {
	await db.query("UPDATE connect_request SET sealed = NULL WHERE sealed IS NOT NULL AND expires_at <= now()");
	const gone = await db.query("DELETE FROM connect_request WHERE expires_at <= now() - $1 * interval '1 day'", [KEPT_DAYS]);
	return gone.rowCount ?? 0;
}
