import type { ClientBase, Pool } from "pg";
import { type Policy, policySchema } from "#domain";
import { type ConnectionSettings, connectionSettingsSchema } from "./settings.ts";

export type ConnectionState = "connecting" | "watching" | "live" | "paused" | "disconnected";

/** A connection as the stages see it: everything but what is sealed. Times are Dates; whose clock it is stands with each. */
export type ConnectionRow = {
	shopId: number;
	shopDomain: string;
	shopState: "installed" | "uninstalled";
	id: number;
	channel: string;
	account: string;
	name: string;
	isHome: boolean;
	state: ConnectionState;
	settings: ConnectionSettings;
	policy: Policy;
	/** Channel's clock: orders created before it are baseline. */
	cutAt: Date | null;
	/** Channel's clock. */
	orderWatermark: Date | null;
	/** Of a poll that was broken off: what it was to read from, and how far it came. Channel's clock. */
	pollBroken: { since: Date; reached: Date } | null;
	health: "green" | "degraded" | "red";
	healthReason: string | null;
	webhookToken: string;
	/** Our clock. */
	breakerUntil: Date | null;
	/** Our clock: when the account's owner last agreed on the channel's page; null where keys were typed in. */
	consentedAt: Date | null;
};

/** null: this shop has no such connection. */
export async function readConnection(
	db: Pick<Pool | ClientBase, "query">,
	shopId: number,
	connectionId: number,
): Promise<(ConnectionRow & { sealed: string | null }) | null> {
	const { rows } = await db.query<Record<string, unknown>>(readStatement, [shopId, connectionId]);
	return rows[0] ? toConnection(rows[0]) : null;
}

/** The connection that holds the merchant's stock; null before the shop opened the app for the first time. */
export async function readHomeConnection(
	db: Pick<Pool | ClientBase, "query">,
	shopId: number,
): Promise<(ConnectionRow & { sealed: string | null }) | null> {
	const { rows } = await db.query<Record<string, unknown>>(readHomeStatement, [shopId]);
	return rows[0] ? toConnection(rows[0]) : null;
}

const columns = `
SELECT c.shop_id AS "shopId", s.domain AS "shopDomain", s.state AS "shopState", c.id, c.channel, c.account, c.name, c.is_home AS "isHome",
  c.state, c.settings, c.policy, c.cut_at AS "cutAt", c.order_watermark AS "orderWatermark", c.poll_since, c.poll_reached, c.health, c.health_reason AS "healthReason",
  c.webhook_token AS "webhookToken", c.breaker_until AS "breakerUntil", c.consented_at AS "consentedAt", c.credentials AS sealed
FROM connection c JOIN shop s ON s.id = c.shop_id`;
const readStatement = `${columns} WHERE c.shop_id = $1 AND c.id = $2`;
const readHomeStatement = `${columns} WHERE c.shop_id = $1 AND c.is_home AND c.state <> 'disconnected'`;

const toConnection = (row: Record<string, unknown>): ConnectionRow & { sealed: string | null } => ({
	...(row as ConnectionRow & { sealed: string | null }),
	pollBroken: row.poll_reached === null ? null : { since: row.poll_since as Date, reached: row.poll_reached as Date },
	settings: connectionSettingsSchema.parse(row.settings),
	policy: policySchema.parse(row.policy),
});
