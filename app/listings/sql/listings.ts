import type { PoolClient } from "pg";
import { policySchema } from "#domain";
import type { Listing } from "../types.ts";

const COLUMNS = `id, connection_id, external_id, item_id, policy, desired, restore_to, shown, unseen, read_at, written_at, unseen_at, in_doubt, recheck, seen, own_changes,
  dirty_since, next_attempt_at, parked`;

/** Locks the linked listings of these items in id order (delivery takes them in the same order). */
export async function lockListings(tx: PoolClient, shopId: number, itemIds: readonly number[]): Promise<Listing[]> {
	if (itemIds.length === 0) return [];
	const result = await tx.query(
		`SELECT ${COLUMNS} FROM listing WHERE shop_id = $1 AND item_id = ANY($2::bigint[]) AND link_state = 'linked' ORDER BY id FOR UPDATE`,
		[shopId, itemIds],
	);
	return result.rows.map(toListing);
}

/**
 * Which item each external listing stands for. `itemId` null: known, but not linked. A listing that is sold from another one's
 * pieces stands for that other one, under the id that was asked for.
 */
export async function findListings(
	tx: PoolClient,
	shopId: number,
	keys: readonly { connectionId: number; externalId: string }[],
): Promise<
	{ id: number; connectionId: number; externalId: string; itemId: number | null; linkState: "linked" | "unlinked" | "ignored" }[]
> {
	if (keys.length === 0) return [];
	const result = await tx.query(
		`SELECT o.id, l.connection_id, l.external_id, o.item_id, o.link_state
		 FROM jsonb_to_recordset($2::jsonb) AS k(connection_id bigint, external_id text)
		 JOIN listing l ON l.shop_id = $1 AND l.connection_id = k.connection_id AND l.external_id = k.external_id
		 JOIN listing o ON o.shop_id = l.shop_id AND o.connection_id = l.connection_id AND o.external_id = coalesce(l.sold_from, l.external_id)`,
		[shopId, JSON.stringify(keys.map((k) => ({ connection_id: k.connectionId, external_id: k.externalId })))],
	);
	return result.rows.map((r) => ({
		id: r.id,
		connectionId: r.connection_id,
		externalId: r.external_id,
		itemId: r.item_id,
		linkState: r.link_state,
	}));
}

/** Items whose listings still owe sales to be seen, read before the watermark: what nobody paid was another writer. */
export async function itemsWithUnseenBefore(tx: PoolClient, shopId: number, connectionId: number, before: Date): Promise<number[]> {
	const result = await tx.query(
		`SELECT DISTINCT item_id FROM listing
		 WHERE shop_id = $1 AND connection_id = $2 AND unseen > 0 AND unseen_at < $3 AND link_state = 'linked' LIMIT 5000`,
		[shopId, connectionId, before],
	);
	return result.rows.map((r) => r.item_id);
}

/**
 * Writes what apply decided. `landed_movement_id` follows when a listing becomes clean without a write (the channel's own
 * sale): there was nothing to bring, so there is no lag to measure.
 */
export async function writeListings(
	tx: PoolClient,
	shopId: number,
	rows: readonly { listing: Listing; desiredMovementId: number | null }[],
): Promise<void> {
	if (rows.length === 0) return;
	const iso = (value: number | null) => (value === null ? null : new Date(value).toISOString());
	await tx.query(
		`UPDATE listing l SET desired = r.desired, restore_to = r.restore_to, shown = r.shown, unseen = r.unseen,
		   unseen_at = CASE WHEN r.unseen = 0 THEN NULL ELSE l.unseen_at END, recheck = r.recheck, seen = r.seen,
		   own_changes = r.own_changes, dirty_since = r.dirty_since, next_attempt_at = r.next_attempt_at,
		   desired_movement_id = coalesce(r.movement_id, l.desired_movement_id),
		   landed_movement_id = CASE WHEN r.dirty_since IS NULL THEN coalesce(r.movement_id, l.desired_movement_id) ELSE l.landed_movement_id END,
		   updated_at = now()
		 FROM jsonb_to_recordset($2::jsonb) AS r(id bigint, desired int, restore_to int, shown int, unseen int, recheck boolean, seen int, own_changes bigint,
		   dirty_since timestamptz, next_attempt_at timestamptz, movement_id bigint)
		 WHERE l.shop_id = $1 AND l.id = r.id`,
		[
			shopId,
			JSON.stringify(
				rows.map(({ listing, desiredMovementId }) => ({
					id: listing.id,
					desired: listing.desired,
					restore_to: listing.restoreTo,
					shown: listing.shown,
					unseen: listing.unseen,
					recheck: listing.recheck,
					seen: listing.seen,
					own_changes: listing.ownChanges,
					dirty_since: iso(listing.dirtySince),
					next_attempt_at: iso(listing.nextAttemptAt),
					movement_id: desiredMovementId,
				})),
			),
		],
	);
}

const toListing = (r: Record<string, unknown>): Listing => ({
	id: r.id as number,
	connectionId: r.connection_id as number,
	externalId: r.external_id as string,
	itemId: r.item_id as number,
	policy: r.policy === null ? null : policySchema.parse(r.policy),
	desired: r.desired as number | null,
	restoreTo: r.restore_to as number | null,
	shown: r.shown as number | null,
	unseen: r.unseen as number,
	readAt: (r.read_at as Date | null)?.getTime() ?? null,
	writtenAt: (r.written_at as Date | null)?.getTime() ?? null,
	unseenAt: (r.unseen_at as Date | null)?.getTime() ?? null,
	inDoubt: r.in_doubt as number,
	recheck: r.recheck as boolean,
	seen: r.seen as number | null,
	ownChanges: r.own_changes as number,
	dirtySince: (r.dirty_since as Date | null)?.getTime() ?? null,
	nextAttemptAt: (r.next_attempt_at as Date | null)?.getTime() ?? null,
	parked: r.parked as boolean,
});
