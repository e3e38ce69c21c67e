import type { Client } from "#app/db.server.ts";
import type { ListingState } from "../listing-state.ts";

export type LockedListings = {
	/** Database's clock. */
	now: number;
	listings: ListingState[];
};

/**
 * Locks the listings that this claim still owns, in id order (apply takes them in the same order). Those that another worker
 * took over meanwhile are left out. `withinLease`: also those whose lease is over, although nobody took them.
 */
export async function lockClaimed(
	tx: Client,
	claim: { shopId: number; token: string; ids: readonly number[]; withinLease: boolean },
): Promise<LockedListings> {
	const { rows } = await tx.query<Record<string, unknown>>(lockStatement, [claim.shopId, claim.token, claim.ids, claim.withinLease]);
	const clock = await tx.query<{ now: Date }>("SELECT clock_timestamp() AS now");
	return { now: clock.rows[0]?.now.getTime() ?? Date.now(), listings: rows.map(toState) };
}

const lockStatement = `
SELECT id, external_id, parent_external_id, item_id, desired, desired_movement_id, landed_movement_id, shown, unseen,
  assumed, assumed_until, in_doubt, unseen_saved, read_at, written_at,
  original_quantity, sent, sent_over, sent_alone, accepted_at, own_changes, recheck, seen, uncertain_until, late_until, parked,
  NOT parked AND NOT paused AND link_state = 'linked' AS deliverable, dirty_since, next_attempt_at, attempts, attempts_class
FROM listing
WHERE shop_id = $1 AND claim_token = $2 AND id = ANY($3::bigint[]) AND (NOT $4 OR claimed_until > clock_timestamp())
ORDER BY id FOR UPDATE`;

const toState = (row: Record<string, unknown>): ListingState => ({
	id: row.id as number,
	externalId: row.external_id as string,
	parentExternalId: row.parent_external_id as string | null,
	itemId: row.item_id as number,
	desired: row.desired as number | null,
	desiredMovementId: row.desired_movement_id as number,
	landedMovementId: row.landed_movement_id as number,
	shown: row.shown as number | null,
	unseen: row.unseen as number,
	assumed: row.assumed as number,
	assumedUntil: milliseconds(row.assumed_until),
	inDoubt: row.in_doubt as number,
	unseenSaved: row.unseen_saved as number,
	readAt: milliseconds(row.read_at),
	writtenAt: milliseconds(row.written_at),
	originalQuantity: row.original_quantity as number | null,
	sent: row.sent as number | null,
	sentOver: row.sent_over as number | null,
	sentAlone: row.sent_alone as boolean,
	acceptedAt: milliseconds(row.accepted_at),
	ownChanges: row.own_changes as number,
	recheck: row.recheck as boolean,
	seen: row.seen as number | null,
	uncertainUntil: milliseconds(row.uncertain_until),
	lateUntil: milliseconds(row.late_until),
	parked: row.parked as boolean,
	deliverable: row.deliverable as boolean,
	dirtySince: milliseconds(row.dirty_since),
	nextAttemptAt: milliseconds(row.next_attempt_at),
	attempts: row.attempts as number,
	attemptsClass: row.attempts_class as string | null,
});

const milliseconds = (value: unknown): number | null => (value as Date | null)?.getTime() ?? null;
