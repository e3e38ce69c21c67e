import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import { type Policy, policySchema } from "#domain";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { openClient } from "../open-client.ts";
import { removeWebhooks } from "./webhooks.ts";

export type DryRun = {
	listings: number;
	/** Listings whose figure would change, and how. */
	changes: number;
	increases: number;
	decreases: number;
	toZero: number;
	/** Units that the policy keeps back from the channel. */
	heldBackUnits: number;
	sample: { listingId: number; sku: string | null; title: string; from: number | null; to: number }[];
};

const SAMPLE_MAX = 200;

/** Reads what the channel shows now and says what the first push would do. Nothing is written to the channel (R42). */
export async function dryRun(deps: Deps, shopId: number, connectionId: number): Promise<DryRun> {
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
	const { client, channel } = await openClient(deps, shopId, connectionId);
	const result: DryRun = { listings: 0, changes: 0, increases: 0, decreases: 0, toZero: 0, heldBackUnits: 0, sample: [] };
	try {
		let after = 0;
		for (;;) {
			const rows = await deps.pool.query(
				`SELECT l.id, l.external_id, l.parent_external_id, l.sku, l.title, l.desired,
				   coalesce((SELECT sum(available - short) FROM stock s WHERE s.shop_id = l.shop_id AND s.item_id = l.item_id), 0)::int AS stock
				 FROM listing l WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked' AND desired IS NOT NULL AND id > $3 ORDER BY id LIMIT $4`,
				[shopId, connectionId, after, channel.capabilities.readBatchSize],
			);
			if (rows.rows.length === 0) return result;
			after = rows.rows.at(-1).id;
			const { readings } = await client.readStock(rows.rows.map((r) => ({ externalId: r.external_id, parentExternalId: r.parent_external_id })));
			for (const [i, row] of rows.rows.entries()) {
				const from = readings[i]?.quantity ?? null;
				result.listings++;
				result.heldBackUnits += Math.max(0, row.stock - row.desired);
				if (from === row.desired) continue;
				result.changes++;
				if (row.desired === 0) result.toZero++;
				if (from !== null && row.desired > from) result.increases++;
				else result.decreases++;
				if (result.sample.length < SAMPLE_MAX) result.sample.push({ listingId: row.id, sku: row.sku, title: row.title, from, to: row.desired });
			}
		}
	} finally {
		await client.close();
	}
}

export type StateChange = { outcome: "changed" } | { outcome: "unchanged"; reason: string };

/** From here on the channel is written to. */
export const goLive = (deps: Deps, shopId: number, connectionId: number, actor: string) =>
	changeState(deps, shopId, connectionId, { from: ["watching", "paused"], to: "live", actor });

/** Nothing is written until `goLive`; orders go on being counted. */
export const pauseConnection = (deps: Deps, shopId: number, connectionId: number, actor: string) =>
	changeState(deps, shopId, connectionId, { from: ["live"], to: "paused", actor });

async function changeState(deps: Deps, shopId: number, connectionId: number, change: { from: string[]; to: string; actor: string }): Promise<StateChange> {
	const result = await deps.pool.query(
		"UPDATE connection SET state = $4, updated_at = now() WHERE shop_id = $1 AND id = $2 AND state = ANY($3) AND NOT is_home RETURNING id",
		[shopId, connectionId, change.from, change.to],
	);
	if (result.rowCount === 0) return { outcome: "unchanged", reason: `The connection is not ${change.from.join(" or ")}.` };
	await recordAudit(deps.pool, shopId, { actor: change.actor, action: `connection.${change.to}`, subject: String(connectionId) });
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
	deps.wake("delivery.push", { shopId, connectionId });
	return { outcome: "changed" };
}

/**
 * Ends a connection: our webhooks are taken away, the keys forgotten. What the channel shows stays as it is; `original_quantity`
 * of its listings keeps what it showed before us. Its orders stay counted.
 */
export async function disconnect(deps: Deps & { publicUrl: string }, shopId: number, connectionId: number, actor: string): Promise<StateChange & { webhooksRemoved?: number }> {
	const webhooksRemoved = await removeWebhooks(deps, shopId, connectionId).catch((error: unknown) => {
		deps.log.warn({ err: error, shop: shopId, connection: connectionId }, "webhooks.removal_failed");
		return 0;
	});
	const result = await deps.pool.query(
		"UPDATE connection SET state = 'disconnected', credentials = NULL, updated_at = now() WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected' AND NOT is_home",
		[shopId, connectionId],
	);
	if (result.rowCount === 0) return { outcome: "unchanged", reason: "It is not connected." };
	await deps.pool.query("UPDATE listing SET dirty_since = NULL, next_attempt_at = NULL WHERE shop_id = $1 AND connection_id = $2", [shopId, connectionId]);
	await recordAudit(deps.pool, shopId, { actor, action: "connection.disconnected", subject: String(connectionId) });
	return { outcome: "changed", webhooksRemoved };
}

/** Changes how a connection's listings show stock; null listing ids: the connection's default. */
export async function changePolicy(
	deps: Deps,
	shopId: number,
	connectionId: number,
	change: { policy: Policy | null; listingIds: readonly number[] | null; actor: string },
): Promise<void> {
	const policy = change.policy === null ? null : JSON.stringify(policySchema.parse(change.policy));
	if (change.listingIds === null) {
		await deps.pool.query("UPDATE connection SET policy = coalesce($3, '{\"kind\":\"exact\"}'), updated_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId, policy]);
	} else {
		await deps.pool.query("UPDATE listing SET policy = $4, updated_at = now() WHERE shop_id = $1 AND connection_id = $2 AND id = ANY($3::bigint[])", [
			shopId,
			connectionId,
			change.listingIds,
			policy,
		]);
	}
	await recordAudit(deps.pool, shopId, { actor: change.actor, action: "policy.changed", subject: String(connectionId), after: change });
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
}

/** Which locations feed the channel; an empty list: all that fulfil online orders (R13). */
export async function chooseLocations(deps: Deps, shopId: number, connectionId: number, change: { locationIds: readonly number[]; actor: string }): Promise<void> {
	await deps.pool.query(
		`WITH gone AS (DELETE FROM connection_location WHERE shop_id = $1 AND connection_id = $2 AND location_id <> ALL($3::bigint[]))
		 INSERT INTO connection_location (shop_id, connection_id, location_id)
		 SELECT $1, $2, id FROM location WHERE shop_id = $1 AND id = ANY($3::bigint[]) ON CONFLICT DO NOTHING`,
		[shopId, connectionId, change.locationIds],
	);
	await recordAudit(deps.pool, shopId, { actor: change.actor, action: "locations.chosen", subject: String(connectionId), after: change.locationIds });
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
}

/** Stops (or starts again) writing to single listings; what they should show goes on being computed. */
export async function pauseListings(deps: Deps, shopId: number, connectionId: number, change: { listingIds: readonly number[]; paused: boolean; reason: string; actor: string }): Promise<number> {
	const result = await deps.pool.query(
		`UPDATE listing SET paused = $4, paused_reason = CASE WHEN $4 THEN $5 END, updated_at = now()
		 WHERE shop_id = $1 AND connection_id = $2 AND id = ANY($3::bigint[]) AND paused <> $4`,
		[shopId, connectionId, change.listingIds, change.paused, change.reason],
	);
	await recordAudit(deps.pool, shopId, { actor: change.actor, action: change.paused ? "listings.paused" : "listings.resumed", subject: String(connectionId), after: change });
	if (!change.paused) deps.wake("delivery.push", { shopId, connectionId });
	return result.rowCount ?? 0;
}
