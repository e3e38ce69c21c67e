import type { Client } from "#app/db.server.ts";
import { recordAudit } from "../audit.ts";
import { type Credentials, openCredentials, sealCredentials } from "../credentials.ts";
import type { Deps } from "../deps.ts";

export type Renewal = {
	shopId: number;
	connectionId: number;
	channel: string;
	account: string;
	credentials: Credentials;
	settings: { account: object; chosen?: object };
	/** The account's owner has agreed on the channel's page just now. */
	consented: boolean;
	actor: string;
};

/**
 * Gives a connection access anew that was tried just now; false: it is closed. What is ours among the credentials stays, and so
 * do its orders, links and figures. What waited for the access goes on at once: updates, things to be looked up, and the orders
 * of the meantime. Taking the lease away makes a refresh that is under way drop what it brings.
 */
export async function renewAccess(tx: Client, { keyRing }: Deps, renewal: Renewal): Promise<boolean> {
	const { shopId, connectionId, channel, account } = renewal;
	const { rows } = await tx.query<{ sealed: string | null }>(
		"SELECT credentials AS sealed FROM connection WHERE shop_id = $1 AND id = $2 AND account = $3 AND state <> 'disconnected' FOR UPDATE",
		[shopId, connectionId, account],
	);
	if (!rows[0]) return false;
	const place = { shopId, channel, account };
	const { webhookSecret } = rows[0].sealed ? openCredentials(keyRing, place, rows[0].sealed) : {};
	const sealed = sealCredentials(keyRing, place, { ...renewal.credentials, ...(webhookSecret ? { webhookSecret } : {}) });
	await tx.query(
		`UPDATE connection SET credentials = $3, settings = settings || $4::jsonb,
		   consented_at = CASE WHEN $5 THEN now() ELSE consented_at END,
		   access_token = NULL, access_expires_at = NULL, access_lease = NULL, access_lease_until = NULL, access_problem = NULL, access_again_at = NULL,
		   health = 'green', health_reason = NULL, health_since = CASE WHEN health = 'green' THEN health_since ELSE now() END,
		   breaker_failures = 0, breaker_until = NULL, polled_at = NULL, updated_at = now()
		 WHERE shop_id = $1 AND id = $2`,
		[shopId, connectionId, sealed, JSON.stringify(renewal.settings), renewal.consented],
	);
	// In the order in which those who ask for the same things lock them (ingest/fetch-requests.ts).
	await tx.query(
		`UPDATE fetch_request f SET due_at = clock_timestamp()
		 FROM (SELECT kind, external_id FROM fetch_request
		       WHERE shop_id = $1 AND connection_id = $2 AND seq > done_seq AND due_at > clock_timestamp() AND (again_at IS NULL OR again_at <= clock_timestamp())
		       ORDER BY kind, external_id FOR UPDATE SKIP LOCKED) AS waiting
		 WHERE f.shop_id = $1 AND f.connection_id = $2 AND f.kind = waiting.kind AND f.external_id = waiting.external_id`,
		[shopId, connectionId],
	);
	await recordAudit(tx, shopId, { actor: renewal.actor, action: "connection.renewed", subject: String(connectionId) });
	return true;
}
