import { randomBytes } from "node:crypto";
import { transaction } from "#app/db.server.ts";
import { channel } from "#channels";
import { recordAudit } from "../audit.ts";
import { type Credentials, sealCredentials } from "../credentials.ts";
import type { Deps } from "../deps.ts";

export type ConnectOutcome =
	| { outcome: "connected"; connectionId: number }
	/** The address or the keys do not do; `reason` is for the merchant. Nothing was stored. */
	| { outcome: "refused"; reason: string }
	/** The account is live already: one account, one shop. `here`: in this very shop. */
	| { outcome: "taken"; here: boolean; reason: string };

/** Letters and digits only: WooCommerce decodes HTML entities in a webhook's secret before it signs with it. */
const newSecret = () => randomBytes(32).toString("hex");
/** 24 random bytes: nobody finds the address of a connection's webhooks by trying. */
const newToken = () => randomBytes(24).toString("base64url");
const NAME_CHARS_MAX = 200;

/**
 * Connects a guest channel by what the merchant typed. The keys are accepted only after a call to that very account worked, so
 * only who holds them learns that it is taken. A store that was disconnected before gets a new connection; its orders from
 * before the new cut are baseline. Called twice, also at once, with the same account, the second is `taken`. Killed anywhere,
 * there is a connection with its audit entry, or nothing.
 */
export async function connectGuest(
	deps: Deps,
	shopId: number,
	input: { channel: string; account: string; name?: string; credentials: Credentials; actor: string },
): Promise<ConnectOutcome> {
	const kind = channel(input.channel);
	if (kind.role !== "guest") return { outcome: "refused", reason: `${kind.name} is connected by installing Lockstep in it.` };
	const read = kind.readAccount?.(input.account) ?? { outcome: "account" as const, account: input.account.trim() };
	if (read.outcome === "refused") return { outcome: "refused", reason: read.reason };
	// What is not secret is the account itself, which was read above.
	const secrets = kind.credentialFields.filter((field) => field.secret);
	const typed = Object.fromEntries(secrets.map(({ key }) => [key, (input.credentials[key] ?? "").trim()]));
	const missing = secrets.find(({ key }) => typed[key] === "");
	if (missing) return { outcome: "refused", reason: `${missing.label} is missing.` };

	const client = kind.connect({ account: read.account, credentials: typed });
	const health = await client.check().finally(() => client.close());
	if (health.health === "red") return { outcome: "refused", reason: health.reason };

	// The way to sign in that worked (`auth`) belongs to the keys: without it the next call would be refused.
	const auth = health.detail.auth === undefined ? {} : { auth: health.detail.auth };
	const place = { shopId, channel: kind.id, account: read.account };
	const sealed = sealCredentials(deps.keyRing, place, { ...typed, ...auth, webhookSecret: newSecret() });
	const connectionId = await transaction(deps.pool, async (tx): Promise<number | undefined> => {
		const made = await tx.query<{ id: number }>(
			`INSERT INTO connection (shop_id, channel, account, name, credentials, settings, webhook_token)
			 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (channel, account) WHERE state <> 'disconnected' DO NOTHING RETURNING id`,
			[
				shopId,
				kind.id,
				read.account,
				(input.name?.trim() || read.account).slice(0, NAME_CHARS_MAX),
				sealed,
				JSON.stringify({ account: health.detail }),
				newToken(),
			],
		);
		const id = made.rows[0]?.id;
		if (id === undefined) return undefined;
		const after = { channel: kind.id, account: read.account };
		await recordAudit(tx, shopId, { actor: input.actor, action: "connection.created", subject: String(id), after });
		return id;
	});
	return connectionId === undefined ? taken(deps, shopId, place) : { outcome: "connected", connectionId };
}

async function taken(deps: Deps, shopId: number, { channel: id, account }: { channel: string; account: string }): Promise<ConnectOutcome> {
	const live = await deps.pool.query(
		"SELECT FROM connection WHERE shop_id = $1 AND channel = $2 AND account = $3 AND state <> 'disconnected'",
		[shopId, id, account],
	);
	if ((live.rowCount ?? 0) > 0) return { outcome: "taken", here: true, reason: `${account} is connected to this shop already.` };
	return { outcome: "taken", here: false, reason: `${account} is connected to another shop. Disconnect it there first.` };
}
