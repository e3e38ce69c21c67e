import { randomBytes } from "node:crypto";
import { z } from "zod";
import { channel } from "#channels";
import { open, seal } from "#app/crypto.server.ts";
import type { Deps } from "../deps.ts";
import { type ConnectOutcome, connectGuest } from "./connect.ts";

/** The merchant reads the store's consent page and decides; after this the link is dead. */
const LIFETIME_MINUTES = 30;

export type OneClickStart = { outcome: "started"; url: string; nonce: string } | { outcome: "refused"; reason: string };

/**
 * WooCommerce's own consent page (`/wc-auth/v1/authorize`). Its answer comes from the store, unsigned, to `callback_url`; so
 * `user_id` is a single-use nonce nobody can guess, bound to this shop, user and store, and the keys count only after the same
 * user is back in the app and a call with them worked (source: WooCommerce REST API docs, "Auto generating API keys").
 */
export async function startOneClick(
	deps: Deps & { publicUrl: string },
	shopId: number,
	input: { account: string; userId: string; returnUrl: string },
): Promise<OneClickStart> {
	const read = channel("woocommerce").readAccount?.(input.account);
	if (!read || read.outcome === "refused") return { outcome: "refused", reason: read?.reason ?? "This channel has no one-click connection." };
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
		return_url: input.returnUrl,
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

/** The store's POST with the keys. They are sealed and wait for the user; an unknown, used or expired nonce changes nothing. */
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
	const sealed = seal(deps.keyRing, { shop: String(shopId), purpose: `connect:${nonce}` }, JSON.stringify({ consumerKey: grant.data.consumer_key, consumerSecret: grant.data.consumer_secret }));
	const kept = await deps.pool.query("UPDATE connect_request SET state = 'granted', sealed = $2 WHERE nonce = $1 AND state = 'asked' AND expires_at > now()", [nonce, sealed]);
	return kept.rowCount === 1 ? { outcome: "kept" } : { outcome: "refused", reason: "unknown or used" };
}

/** The same user is back in the app: the nonce is used up and the keys are tried against the very store that was asked for. */
export async function completeOneClick(deps: Deps, shopId: number, input: { nonce: string; userId: string }): Promise<ConnectOutcome> {
	const used = await deps.pool.query<{ account: string; sealed: string }>(
		`UPDATE connect_request SET state = 'used' WHERE shop_id = $1 AND nonce = $2 AND user_id = $3 AND state = 'granted' AND expires_at > now()
		 RETURNING account, sealed`,
		[shopId, input.nonce, input.userId],
	);
	const row = used.rows[0];
	if (!row) return { outcome: "refused", reason: "This connection was not confirmed in the store, or its link has expired. Please start again." };
	await deps.pool.query("UPDATE connect_request SET sealed = NULL WHERE shop_id = $1 AND nonce = $2", [shopId, input.nonce]);
	const credentials = z.record(z.string(), z.string()).parse(JSON.parse(open(deps.keyRing, { shop: String(shopId), purpose: `connect:${input.nonce}` }, row.sealed)));
	return connectGuest(deps, shopId, { channel: "woocommerce", account: row.account, credentials, actor: input.userId });
}
