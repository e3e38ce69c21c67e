import { recordAudit } from "#app/connections/audit.ts";
import { NOT_LIVE_YET, pauseListings } from "#app/connections/guests/index.ts";
import { transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import type { Deps } from "#connections";
import { type Policy, policySchema, samePolicy } from "#domain";

export type RulesSaved =
	| { outcome: "saved"; listings: number }
	/** Listings that are not this shop's, or are gone. Nothing was changed. */
	| { outcome: "unknown" };

export type RuleOfListing = { listingId: number; policy: Policy | null };

/** Above the largest page of the stock list with all its channels. */
export const RULES_MAX = 1_000;

/**
 * Rules of many listings at once, each its own; null: back to the channel's. One transaction with one audit entry per channel, which
 * holds what was there before: the same door with that undoes it (R45). What must be shown follows at once; a process that dies in
 * between leaves that to the next regular check.
 */
export async function saveRules(
	deps: Deps,
	shopId: number,
	change: { rules: readonly RuleOfListing[]; actor: string },
): Promise<RulesSaved> {
	if (change.rules.length > RULES_MAX) throw new Error(`At most ${RULES_MAX} rules are saved at once, not ${change.rules.length}`);
	const wanted = new Map(change.rules.map(({ listingId, policy }) => [listingId, policy === null ? null : policySchema.parse(policy)]));
	const saved = await transactionWithRetry(deps.pool, async (tx) => {
		// In id order, as everybody locks them.
		const { rows } = await tx.query<{ id: number; connection_id: number; item_id: number | null; policy: unknown }>(
			`SELECT l.id, l.connection_id, l.item_id, l.policy FROM listing l
			  WHERE l.shop_id = $1 AND l.id = ANY($2::bigint[])
			    AND EXISTS (SELECT FROM connection c WHERE c.shop_id = $1 AND c.id = l.connection_id AND NOT c.is_home AND c.state <> 'disconnected')
			  ORDER BY l.id FOR UPDATE OF l`,
			[shopId, [...wanted.keys()]],
		);
		if (rows.length !== wanted.size) return null;
		const changed = rows.filter((row) => !samePolicy(row.policy, wanted.get(row.id) ?? null));
		if (changed.length === 0) return [];
		await tx.query(
			`UPDATE listing l SET policy = r.policy, updated_at = now()
			   FROM jsonb_to_recordset($2::jsonb) AS r(id bigint, policy jsonb) WHERE l.shop_id = $1 AND l.id = r.id`,
			[shopId, JSON.stringify(changed.map(({ id }) => ({ id, policy: wanted.get(id) ?? null })))],
		);
		for (const connectionId of new Set(changed.map((row) => row.connection_id))) {
			const own = changed.filter((row) => row.connection_id === connectionId);
			await recordAudit(tx, shopId, {
				actor: change.actor,
				action: "policy.changed",
				subject: String(connectionId),
				before: { listings: own.map(({ id, policy }) => ({ id, policy })) },
				after: { listings: own.map(({ id }) => ({ id, policy: wanted.get(id) ?? null })) },
			});
		}
		return changed;
	});
	if (saved === null) return { outcome: "unknown" };
	const itemIds = [...new Set(saved.flatMap((row) => row.item_id ?? []))];
	if (itemIds.length > 0) await refreshListings(applyDepsOf(deps), shopId, { itemIds });
	return { outcome: "saved", listings: saved.length };
}

type Pause = { paused: boolean; reason: string; actor: string };
/** `found`: listings of this shop that were named. `listings`: those that changed. */
export type Paused = { found: number; listings: number };

/** Pauses (or starts again) all listings of these products, on one channel or on all. */
export async function pauseItems(
	deps: Deps,
	shopId: number,
	change: Pause & { itemIds: readonly number[]; channelId: number | null },
): Promise<Paused> {
	const { rows } = await deps.pool.query<Chosen>(
		`${chosenStatement} AND l.item_id = ANY($2::bigint[]) AND ($3::bigint IS NULL OR l.connection_id = $3) ORDER BY l.id`,
		[shopId, change.itemIds, change.channelId],
	);
	return pauseEach(deps, shopId, rows, change);
}

/** The same of listings that were chosen one by one. */
export async function pauseChosen(deps: Deps, shopId: number, change: Pause & { listingIds: readonly number[] }): Promise<Paused> {
	const { rows } = await deps.pool.query<Chosen>(`${chosenStatement} AND l.id = ANY($2::bigint[]) ORDER BY l.id`, [
		shopId,
		change.listingIds,
	]);
	return pauseEach(deps, shopId, rows, change);
}

type Chosen = { id: number; connection_id: number; paused_reason: string | null };

const chosenStatement = `
SELECT l.id, l.connection_id, l.paused_reason FROM listing l
  JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id AND c.state <> 'disconnected' AND NOT c.is_home
 WHERE l.shop_id = $1 AND l.link_state = 'linked'`;

/** A channel at a time, as its door has it. What is not live yet goes live on the channel's page, by somebody who may do that. */
async function pauseEach(deps: Deps, shopId: number, chosen: readonly Chosen[], { paused, reason, actor }: Pause): Promise<Paused> {
	const mayChange = chosen.filter((listing) => paused || listing.paused_reason !== NOT_LIVE_YET);
	let listings = 0;
	for (const connectionId of new Set(mayChange.map((listing) => listing.connection_id))) {
		const listingIds = mayChange.filter((listing) => listing.connection_id === connectionId).map(({ id }) => id);
		const done = await pauseListings(deps, shopId, connectionId, { listingIds, paused, reason, actor });
		if (done.outcome === "changed") listings += done.listings;
	}
	return { found: chosen.length, listings };
}
