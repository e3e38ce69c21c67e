import { randomBytes } from "node:crypto";
import { type Client, transaction } from "#app/db.server.ts";
import { recordAudit } from "../audit.ts";
import { applyChannelDefaults } from "../channel-defaults.ts";
import { type Credentials, sealCredentials } from "../credentials.ts";
import type { Deps } from "../deps.ts";

export type ConnectOutcome =
	| { outcome: "connected"; connectionId: number }
	/** The address or the keys do not do; `reason` is for the merchant. Nothing was stored. */
	| { outcome: "refused"; reason: string }
	/** The account is live already: one account, one shop. `here`: in this very shop. */
	| { outcome: "taken"; here: boolean; reason: string };

export type NewConnection = {
	channel: string;
	account: string;
	name?: string | undefined;
	credentials: Credentials;
	settings: { account: Readonly<Record<string, string>>; chosen?: Readonly<Record<string, string>> };
	actor: string;
	/** The account's owner has agreed on the channel's page just now. */
	consented?: boolean;
};

/** Letters and digits only: WooCommerce decodes HTML entities in a webhook's secret before it signs with it. */
const newSecret = () => randomBytes(32).toString("hex");
/** 24 random bytes: nobody finds the address of a connection's webhooks by trying. */
const newToken = () => randomBytes(24).toString("base64url");
const NAME_CHARS_MAX = 200;

/**
 * Makes a connection whose credentials were tried. Of several at once for one account one is made, the others are `taken`.
 * `alongside` is done in the same transaction.
 */
export async function saveConnection(
	deps: Deps,
	shopId: number,
	made: NewConnection,
	alongside?: (tx: Client, connectionId: number) => Promise<void>,
): Promise<ConnectOutcome> {
	const place = { shopId, channel: made.channel, account: made.account };
	const sealed = sealCredentials(deps.keyRing, place, { ...made.credentials, webhookSecret: newSecret() });
	const connectionId = await transaction(deps.pool, async (tx): Promise<number | undefined> => {
		const { rows } = await tx.query<{ id: number }>(
			`INSERT INTO connection (shop_id, channel, account, name, credentials, settings, webhook_token, consented_at)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8 THEN now() END)
			 ON CONFLICT (channel, account) WHERE state <> 'disconnected' DO NOTHING RETURNING id`,
			[
				shopId,
				made.channel,
				made.account,
				(made.name?.trim() || made.account).slice(0, NAME_CHARS_MAX),
				sealed,
				JSON.stringify(made.settings),
				newToken(),
				made.consented ?? false,
			],
		);
		const id = rows[0]?.id;
		if (id === undefined) return undefined;
		await applyChannelDefaults(tx, shopId, id);
		const after = { channel: made.channel, account: made.account };
		await recordAudit(tx, shopId, { actor: made.actor, action: "connection.created", subject: String(id), after });
		await alongside?.(tx, id);
		return id;
	});
	return connectionId === undefined ? taken(deps, shopId, place) : { outcome: "connected", connectionId };
}

async function taken(deps: Deps, shopId: number, { channel, account }: { channel: string; account: string }): Promise<ConnectOutcome> {
	const live = await deps.pool.query(
		"SELECT FROM connection WHERE shop_id = $1 AND channel = $2 AND account = $3 AND state <> 'disconnected'",
		[shopId, channel, account],
	);
	if ((live.rowCount ?? 0) > 0) return { outcome: "taken", here: true, reason: `${account} is connected to this shop already.` };
	return { outcome: "taken", here: false, reason: `${account} is connected to another shop. Disconnect it there first.` };
}
