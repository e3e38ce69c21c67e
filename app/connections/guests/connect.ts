import { randomBytes } from "node:crypto";
import { channel } from "#channels";
import { recordAudit } from "../audit.ts";
import { type Credentials, sealCredentials } from "../credentials.ts";
import type { Deps } from "../deps.ts";

export type ConnectOutcome =
	| { outcome: "connected"; connectionId: number }
	/** The address or the keys do not do; `reason` is for the merchant. Nothing was stored. */
	| { outcome: "refused"; reason: string }
	/** The account is live in another shop (or already in this one): one account, one shop. */
	| { outcome: "taken"; reason: string };

/** Letters and digits only: WooCommerce decodes HTML entities in a webhook's secret before it signs with it. */
const newSecret = () => randomBytes(32).toString("hex");
/** 24 random bytes: nobody finds the address of a connection's webhooks by trying. */
const newToken = () => randomBytes(24).toString("base64url");

/**
 * Connects a guest channel by what the merchant typed. The keys are accepted only after a call to that very account worked.
 * A store that was disconnected before gets a new connection; its orders from before the new cut are baseline. Called twice
 * with the same account, the second is `taken`.
 */
export async function connectGuest(
	deps: Deps,
	shopId: number,
	input: { channel: string; account: string; name?: string; credentials: Credentials; actor: string },
): Promise<ConnectOutcome> {
	const kind = channel(input.channel);
	const read = kind.readAccount?.(input.account) ?? { outcome: "account" as const, account: input.account.trim() };
	if (read.outcome === "refused") return { outcome: "refused", reason: read.reason };
	for (const field of kind.credentialFields) {
		if (!input.credentials[field.key]?.trim()) return { outcome: "refused", reason: `${field.label} is missing.` };
	}
	const typed = Object.fromEntries(kind.credentialFields.map((f) => [f.key, (input.credentials[f.key] ?? "").trim()]));
	const client = kind.connect({ account: read.account, credentials: typed });
	const health = await client.check().finally(() => client.close());
	if (health.health === "red") return { outcome: "refused", reason: health.reason };

	const sealed = sealCredentials(deps.keyRing, { shopId, channel: kind.id, account: read.account }, { ...typed, webhookSecret: newSecret() });
	const row = await deps.pool.query(
		`INSERT INTO connection (shop_id, channel, account, name, credentials, settings, webhook_token)
		 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (channel, account) WHERE state <> 'disconnected' DO NOTHING RETURNING id`,
		[shopId, kind.id, read.account, input.name ?? read.account, sealed, JSON.stringify({ account: health.detail }), newToken()],
	);
	const connectionId: number | undefined = row.rows[0]?.id;
	if (connectionId === undefined) return { outcome: "taken", reason: `${read.account} is connected already. Disconnect it there first.` };
	await recordAudit(deps.pool, shopId, { actor: input.actor, action: "connection.created", subject: String(connectionId), after: { channel: kind.id, account: read.account } });
	return { outcome: "connected", connectionId };
}
