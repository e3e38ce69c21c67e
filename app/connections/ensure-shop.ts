import { randomBytes } from "node:crypto";
import type { Queryable } from "#app/db.server.ts";

/** 24 random bytes: nobody finds the address of a connection's webhooks by trying. */
const WEBHOOK_TOKEN_BYTES = 24;
export const HOME_CHANNEL = "shopify";

export type EnsuredShop = { shopId: number; homeConnectionId: number; created: boolean };

/**
 * The least that a shop needs for its events to be kept: its row, its lane and its home connection. Called at install and at
 * the first verified webhook of a shop that has not opened the app yet, from many processes at once; whoever comes second
 * finds what the first made. It changes nothing about a shop that exists: installing and uninstalling are other doors.
 */
export async function ensureShop(db: Queryable, domain: string): Promise<EnsuredShop> {
	const known = await findShop(db, domain);
	if (known) return { ...known, created: false };
	// One statement, so that no crash leaves a shop without its lane or home. The unique keys settle races; a loser's statement
	// inserts nothing and cannot yet see the winner's rows, which is why they are read again by a statement of their own.
	const { rowCount } = await db.query(
		`WITH new_shop AS (
		   INSERT INTO shop (domain) VALUES ($1) ON CONFLICT (domain) DO NOTHING RETURNING id
		 ), found AS (
		   SELECT id FROM new_shop UNION ALL SELECT id FROM shop WHERE domain = $1 LIMIT 1
		 ), lane AS (
		   INSERT INTO shop_lane (shop_id) SELECT id FROM found ON CONFLICT DO NOTHING
		 )
		 INSERT INTO connection (shop_id, channel, account, name, is_home, webhook_token)
		 SELECT id, $2, $1, $1, true, $3 FROM found ON CONFLICT DO NOTHING`,
		[domain, HOME_CHANNEL, randomBytes(WEBHOOK_TOKEN_BYTES).toString("base64url")],
	);
	const now = await findShop(db, domain);
	if (!now) throw new Error(`The shop ${domain} has no home connection although one was just made sure of`);
	return { ...now, created: rowCount === 1 };
}

/** The newest home connection, live or not: what Shopify sends after an uninstall (`shop/redact`) still belongs to it. */
async function findShop(db: Queryable, domain: string): Promise<Omit<EnsuredShop, "created"> | undefined> {
	const { rows } = await db.query<{ shopId: number; homeConnectionId: number }>(
		`SELECT shop.id AS "shopId", connection.id AS "homeConnectionId"
		 FROM shop JOIN connection ON connection.shop_id = shop.id AND connection.is_home
		 WHERE shop.domain = $1 ORDER BY connection.state = 'disconnected', connection.id DESC LIMIT 1`,
		[domain],
	);
	return rows[0];
}
