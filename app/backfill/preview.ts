import { readStandings, showing } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import { type Policy, policySchema } from "#domain";

export type BulkPreview = {
	/** Listings of these products, and on how many their figure would change. */
	listings: number;
	changes: number;
	toZero: number;
	/** Of these, on channels that are written to. */
	toZeroSold: number;
	raised: number;
	lowered: number;
};

/** What one rule would make of the figures of all listings of these products, before anything is saved. `policy` null: the channel's. */
export async function previewBulkRules(
	db: Queryable,
	shopId: number,
	{ itemIds, channelId, policy }: { itemIds: readonly number[]; channelId: number | null; policy: Policy | null },
): Promise<BulkPreview> {
	const { rows: listings } = await db.query<{ id: number }>(
		"SELECT id FROM listing WHERE shop_id = $1 AND item_id = ANY($2::bigint[]) AND link_state = 'linked'",
		[shopId, itemIds],
	);
	const named = new Set(listings.map(({ id }) => id));
	const { rows: guests } = await db.query<{ id: number; policy: unknown; written: boolean }>(
		"SELECT id, policy, state IN ('live', 'paused') AS written FROM connection WHERE shop_id = $1 AND NOT is_home AND state <> 'disconnected' AND ($2::bigint IS NULL OR id = $2) ORDER BY id",
		[shopId, channelId],
	);
	const preview: BulkPreview = { listings: 0, changes: 0, toZero: 0, toZeroSold: 0, raised: 0, lowered: 0 };
	for (const guest of guests) {
		const ofChannel = policySchema.parse(guest.policy);
		for (const standing of await readStandings(db, shopId, guest.id)) {
			if (!named.has(standing.listingId)) continue;
			preview.listings++;
			const to = showing({ ...standing, policy }, ofChannel)?.quantity;
			const from = standing.desired;
			if (to === undefined || from === null || to === from) continue;
			preview.changes++;
			if (to === 0) preview.toZero++;
			if (to === 0 && guest.written) preview.toZeroSold++;
			if (to > from) preview.raised++;
			else preview.lowered++;
		}
	}
	return preview;
}
