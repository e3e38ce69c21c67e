import type { Queryable } from "#app/db.server.ts";
import type { ChannelOverview } from "../overview.ts";
import { OWES_WRITE } from "./owes-write.ts";

export type ListingsOverview = Pick<ChannelOverview, "listings" | "unlinked" | "behind" | "behindSince" | "pausedListings">;

type Row = {
	connection_id: number;
	linked: number;
	unlinked: number;
	paused: number;
	behind: number;
	behind_since: Date | null;
	would_change: number;
};

/**
 * By connection id. Where the channel is only watched nothing is ever sent: what would be changed counts there, and is not late.
 * Parked ones are counted by `attention` instead: waiting longer does not help them.
 */
export async function readListings(
	client: Queryable,
	shopId: number,
): Promise<Map<number, { live: ListingsOverview; watching: ListingsOverview }>> {
	const { rows } = await client.query<Row>(
		`SELECT connection_id,
		        count(*) FILTER (WHERE link_state = 'linked')::int AS linked,
		        count(*) FILTER (WHERE link_state = 'unlinked' AND sold_from IS NULL)::int AS unlinked,
		        count(*) FILTER (WHERE link_state = 'linked' AND paused)::int AS paused,
		        count(*) FILTER (WHERE waits AND NOT parked)::int AS behind,
		        min(COALESCE(dirty_since, written_at)) FILTER (WHERE waits AND NOT parked) AS behind_since,
		        count(*) FILTER (WHERE waits)::int AS would_change
		   FROM (SELECT connection_id, link_state, sold_from, paused, parked, dirty_since, written_at,
		                link_state = 'linked' AND NOT paused AND ${OWES_WRITE} AS waits
		           FROM listing WHERE shop_id = $1) l
		  GROUP BY connection_id`,
		[shopId],
	);
	return new Map(
		rows.map(({ connection_id, linked, unlinked, paused, behind, behind_since, would_change }) => {
			const common = { listings: linked, unlinked, pausedListings: paused };
			return [
				connection_id,
				{
					live: { ...common, behind, behindSince: behind_since?.toISOString() ?? null },
					watching: { ...common, behind: would_change, behindSince: null },
				},
			];
		}),
	);
}
