import type { PoolClient } from "pg";
import { transaction, transactionWithRetry } from "#app/db.server.ts";
import { refreshListings as refresh } from "./decide/index.ts";
import type { ApplyDeps } from "./drain.ts";
import { loadState } from "./load.ts";
import { lockLane } from "./sql/lane.ts";
import { writeState } from "./write.ts";

/** Items whose listings are computed again in one transaction; sales of the shop wait for no longer than that. */
const ITEMS_MAX = 500;

/**
 * Computes again what listings must show after a rule, a link, a bundle or a choice of locations changed. No stock moves.
 * Of one connection, of some items, or of the whole shop. Safe to run twice; a crash in between leaves the rest to the next run.
 */
export async function refreshListings(
	deps: ApplyDeps,
	shopId: number,
	of: { connectionId?: number; itemIds?: readonly number[] } = {},
): Promise<{ items: number }> {
	const rows = await deps.pool.query(
		`SELECT DISTINCT item_id FROM listing WHERE shop_id = $1 AND link_state = 'linked'
		   AND ($2::bigint IS NULL OR connection_id = $2) AND ($3::bigint[] IS NULL OR item_id = ANY($3)
		     OR item_id IN (SELECT bundle_item_id FROM bundle_component WHERE shop_id = $1 AND component_item_id = ANY($3)))
		 ORDER BY item_id`,
		[shopId, of.connectionId ?? null, of.itemIds ?? null],
	);
	const itemIds: number[] = rows.rows.map((r) => r.item_id);
	for (let start = 0; start < itemIds.length; start += ITEMS_MAX) {
		const part = itemIds.slice(start, start + ITEMS_MAX);
		const deliveries = await transaction(deps.pool, async (tx) => {
			const lane = await lockLane(tx, shopId);
			return lane ? refreshWithin(tx, deps, shopId, { now: lane.now, itemIds: part }) : [];
		});
		if (deliveries.length > 0) deps.onApplied?.({ shopId, deliveries, fetches: [] });
	}
	return { items: itemIds.length };
}

/**
 * A person's change of what items are made of, together with what their listings must show by it: both commit, or neither. Under
 * the shop's lane, so that every order is decided wholly by what stood before, or wholly by what stands after. `change` names the
 * items whose listings follow, and may be run again after a deadlock.
 */
export async function changeWithListings<T>(
	deps: ApplyDeps,
	shopId: number,
	change: (tx: PoolClient) => Promise<{ itemIds: readonly number[]; outcome: T }>,
): Promise<T> {
	const done = await transactionWithRetry(deps.pool, async (tx) => {
		const lane = await lockLane(tx, shopId);
		if (!lane) throw new Error(`Shop ${shopId} has no lane: nothing of it can be changed`);
		const { itemIds, outcome } = await change(tx);
		if (itemIds.length > ITEMS_MAX) throw new Error(`A change of ${itemIds.length} items is more than sales should wait for`);
		const deliveries = itemIds.length === 0 ? [] : await refreshWithin(tx, deps, shopId, { now: lane.now, itemIds });
		return { outcome, deliveries };
	});
	if (done.deliveries.length > 0) deps.onApplied?.({ shopId, deliveries: done.deliveries, fetches: [] });
	return done.outcome;
}

async function refreshWithin(
	tx: PoolClient,
	deps: ApplyDeps,
	shopId: number,
	{ now, itemIds }: { now: number; itemIds: readonly number[] },
): Promise<number[]> {
	const state = await loadState(tx, shopId, { now, events: [], traits: deps.traits, itemIds });
	refresh(state, itemIds);
	state.listings.keep();
	await writeState(tx, state, () => ({ correlationId: "", topic: "" }));
	return [...new Set(state.listings.changed().flatMap(({ value }) => (value.dirtySince !== null ? value.connectionId : [])))];
}
