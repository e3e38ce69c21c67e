import { transaction } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { ConnectionClosedError } from "../open-client.ts";
import { removeWebhooks } from "./webhooks.ts";

export type StateChange = { outcome: "changed" } | { outcome: "unchanged"; reason: string };

/**
 * From here on the channel is written to. What could not be delivered before is tried anew: the merchant has looked at the dry run.
 * Twice is once: the second finds it live. Killed after the commit, the sweeper finds what is to be pushed.
 */
export const goLive = (deps: Deps, shopId: number, connectionId: number, actor: string) =>
	changeState(deps, shopId, connectionId, { from: ["watching", "paused"], to: "live", actor });

/** Nothing is written until `goLive`, not even what is under way and not sent yet; orders go on being counted. */
export const pauseConnection = (deps: Deps, shopId: number, connectionId: number, actor: string) =>
	changeState(deps, shopId, connectionId, { from: ["live"], to: "paused", actor });

async function changeState(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ from, to, actor }: { from: string[]; to: "live" | "paused"; actor: string },
): Promise<StateChange> {
	const changed = await transaction(deps.pool, async (tx) => {
		const was = await tx.query<{ state: string }>(
			"SELECT state FROM connection WHERE shop_id = $1 AND id = $2 AND NOT is_home FOR UPDATE",
			[shopId, connectionId],
		);
		const before = was.rows[0]?.state;
		if (before === undefined || !from.includes(before)) return false;
		await tx.query("UPDATE connection SET state = $3, updated_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId, to]);
		if (to === "live") await tx.query(tryAnewStatement, [shopId, connectionId]);
		const subject = String(connectionId);
		await recordAudit(tx, shopId, { actor, action: `connection.${to}`, subject, before: { state: before }, after: { state: to } });
		return true;
	});
	if (!changed) return { outcome: "unchanged", reason: `The connection is not ${from.join(" or ")}.` };
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
	await deps.wake("delivery.push", { shopId, connectionId });
	return { outcome: "changed" };
}

/** What waited for the merchant is not late: lag counts from now. */
const tryAnewStatement = `
UPDATE listing l SET parked = false, attempts = 0, attempts_class = NULL, next_attempt_at = NULL,
  dirty_since = CASE WHEN l.dirty_since IS NULL AND NOT l.parked THEN NULL ELSE now() END
FROM (SELECT id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked' AND (parked OR dirty_since IS NOT NULL)
  ORDER BY id FOR UPDATE) these
WHERE l.shop_id = $1 AND l.id = these.id`;

export type Disconnection = StateChange & {
	/** false: the channel could not be reached; it keeps calling an address that is closed here until it gives up. */
	webhooksRemoved?: boolean;
};

/**
 * Ends a connection: our webhooks are taken away, the keys forgotten. What the channel shows stays as it is; `original_quantity`
 * of its listings keeps what it showed before us. Its orders stay counted. One that never began to count never will: what had
 * come of it is not applied. Killed halfway, the connection is either still there or gone.
 */
export async function disconnect(
	deps: Deps & { publicUrl: string },
	shopId: number,
	connectionId: number,
	actor: string,
): Promise<Disconnection> {
	const webhooksRemoved = await removeOurWebhooks(deps, shopId, connectionId);
	const changed = await transaction(deps.pool, async (tx) => {
		const was = await tx.query<{ state: string; counts: boolean }>(
			`SELECT state, cut_at IS NOT NULL AS counts FROM connection
			 WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected' AND NOT is_home FOR UPDATE`,
			[shopId, connectionId],
		);
		const before = was.rows[0];
		if (!before) return false;
		// Without a cut its events wait for one. A cut ahead of time makes all that still comes "from before it".
		await tx.query(
			`UPDATE connection SET state = 'disconnected', credentials = NULL, cut_at = coalesce(cut_at, now() + interval '1 day'), updated_at = now()
			 WHERE shop_id = $1 AND id = $2`,
			[shopId, connectionId],
		);
		if (!before.counts) {
			await tx.query(
				`UPDATE inbox_event SET status = 'ignored', outcome = 'disconnected before it counted', processed_at = clock_timestamp()
				 WHERE shop_id = $1 AND connection_id = $2 AND lane = 'stock' AND status = 'pending'`,
				[shopId, connectionId],
			);
		}
		await tx.query(
			`UPDATE listing l SET dirty_since = NULL, next_attempt_at = NULL
			 FROM (SELECT id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND dirty_since IS NOT NULL ORDER BY id FOR UPDATE) these
			 WHERE l.shop_id = $1 AND l.id = these.id`,
			[shopId, connectionId],
		);
		const entry = { actor, action: "connection.disconnected", subject: String(connectionId) };
		await recordAudit(tx, shopId, { ...entry, before: { state: before.state }, after: { webhooksRemoved } });
		return true;
	});
	return changed ? { outcome: "changed", webhooksRemoved } : { outcome: "unchanged", reason: "It is not connected." };
}

/** A connection can always be ended: whatever is wrong with the store or the keys, its webhooks are then left behind. */
async function removeOurWebhooks(deps: Deps & { publicUrl: string }, shopId: number, connectionId: number): Promise<boolean> {
	try {
		return (await removeWebhooks(deps, shopId, connectionId)).complete;
	} catch (error) {
		if (!(error instanceof ConnectionClosedError)) deps.log.warn({ err: error, shopId, connectionId }, "webhooks.not_removed");
		return false;
	}
}
