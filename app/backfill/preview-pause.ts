import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";

export type PausePreview = {
	/** Linked listings of these products. */
	listings: number;
	/** Of them, those that are not so already. */
	changes: number;
	/** They wait to go live on their channel's page, and are not resumed here. */
	notLive: number;
	/** Of those that go on: where the channel's figure is not what it must show. */
	figures: number;
	toZero: number;
	raised: number;
	lowered: number;
};

/** What pausing, or resuming, all listings of these products would do. Looks only. */
export async function previewBulkPause(
	db: Queryable,
	shopId: number,
	{ itemIds, channelId, paused }: { itemIds: readonly number[]; channelId: number | null; paused: boolean },
): Promise<PausePreview> {
	const { rows } = await db.query<PausePreview>(
		`WITH chosen AS (
		   SELECT l.paused <> $4 AND l.paused_reason IS DISTINCT FROM $5 AS changes, l.paused AND l.paused_reason IS NOT DISTINCT FROM $5 AS not_live,
		     c.state = 'live' AND NOT l.parked AND l.shown IS NOT NULL AND l.desired IS NOT NULL AS sent, greatest(0, l.shown) AS shown, greatest(0, l.desired - l.unseen) AS target
		   FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
		   WHERE l.shop_id = $1 AND l.item_id = ANY($2::bigint[]) AND ($3::bigint IS NULL OR l.connection_id = $3)
		     AND l.link_state = 'linked' AND NOT c.is_home AND c.state <> 'disconnected'
		 ), moved AS (SELECT *, NOT $4 AND changes AND sent AND shown <> target AS moves FROM chosen)
		 SELECT count(*)::int AS listings, count(*) FILTER (WHERE changes)::int AS changes, count(*) FILTER (WHERE not_live)::int AS "notLive",
		   count(*) FILTER (WHERE moves)::int AS figures, count(*) FILTER (WHERE moves AND target = 0)::int AS "toZero",
		   count(*) FILTER (WHERE moves AND target > shown)::int AS raised, count(*) FILTER (WHERE moves AND target < shown)::int AS lowered
		 FROM moved`,
		[shopId, itemIds, channelId, paused, NOT_LIVE_YET],
	);
	const [row] = rows;
	if (!row) throw new Error("An aggregate without a row");
	return row;
}
