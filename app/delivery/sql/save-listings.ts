import type { Client } from "#app/db.server.ts";
import type { ListingState } from "../listing-state.ts";

/** `kept`: the claim goes on for so long (a write follows); otherwise the listing is free for the next worker. */
export type SavedListing = { listing: ListingState; keptMs: number | null };

/** Writes back locked rows. Everything in them was read under the lock, so nothing that apply wrote is lost. */
export async function saveListings(tx: Client, shopId: number, token: string, saved: readonly SavedListing[]): Promise<void> {
	if (saved.length === 0) return;
	const { rowCount } = await tx.query(saveStatement, [shopId, token, JSON.stringify(saved.map(toRecord))]);
	if (rowCount !== saved.length)
		throw new Error(`A listing changed hands under its lock in shop ${shopId}: ${rowCount} of ${saved.length} saved`);
}

const saveStatement = `
UPDATE listing l SET
  landed_movement_id = r.landed_movement_id, shown = r.shown, unseen = r.unseen, assumed = r.assumed, assumed_until = r.assumed_until, in_doubt = r.in_doubt, unseen_saved = r.unseen,
  read_at = r.read_at, written_at = r.written_at,
  unseen_at = CASE WHEN r.unseen = 0 THEN NULL WHEN r.unseen > l.unseen THEN r.read_at ELSE coalesce(l.unseen_at, r.read_at) END,
  original_at = CASE WHEN l.original_quantity IS NULL AND r.original_quantity IS NOT NULL THEN r.read_at ELSE l.original_at END,
  original_quantity = r.original_quantity, sent = r.sent, sent_over = CASE WHEN r.sent IS NULL THEN NULL ELSE l.sent_over END,
  accepted_at = r.accepted_at, recheck = r.recheck, seen = r.seen, uncertain_until = r.uncertain_until, late_until = r.late_until,
  parked = r.parked, dirty_since = r.dirty_since, next_attempt_at = r.next_attempt_at, attempts = r.attempts,
  attempts_class = r.attempts_class, updated_at = now(),
  claim_token = CASE WHEN r.kept_ms IS NULL THEN NULL ELSE l.claim_token END,
  claimed_until = clock_timestamp() + r.kept_ms * interval '1 millisecond'
FROM jsonb_to_recordset($3::jsonb) AS r(id bigint, landed_movement_id bigint, shown int, unseen int, assumed int, assumed_until timestamptz, in_doubt int,
  read_at timestamptz, written_at timestamptz,
  original_quantity int, sent int, accepted_at timestamptz, recheck boolean, seen int, uncertain_until timestamptz, late_until timestamptz, parked boolean, dirty_since timestamptz,
  next_attempt_at timestamptz, attempts int, attempts_class text, kept_ms int)
WHERE l.shop_id = $1 AND l.id = r.id AND l.claim_token = $2`;

const toRecord = ({ listing, keptMs }: SavedListing) => ({
	id: listing.id,
	landed_movement_id: listing.landedMovementId,
	shown: listing.shown,
	unseen: listing.unseen,
	assumed: listing.assumed,
	assumed_until: iso(listing.assumedUntil),
	in_doubt: listing.inDoubt,
	read_at: iso(listing.readAt),
	written_at: iso(listing.writtenAt),
	original_quantity: listing.originalQuantity,
	sent: listing.sent,
	accepted_at: iso(listing.acceptedAt),
	recheck: listing.recheck,
	seen: listing.seen,
	uncertain_until: iso(listing.uncertainUntil),
	late_until: iso(listing.lateUntil),
	parked: listing.parked,
	dirty_since: iso(listing.dirtySince),
	next_attempt_at: iso(listing.nextAttemptAt),
	attempts: listing.attempts,
	attempts_class: listing.attemptsClass,
	kept_ms: keptMs,
});

const iso = (value: number | null): string | null => (value === null ? null : new Date(value).toISOString());
