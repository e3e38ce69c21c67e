import type { Queryable } from "#app/db.server.ts";
import { ACTIONS, type AuditRow, BULK_ACTIONS } from "../../activity/entry.ts";
import { linkedOf, listingIdsOf, readWords } from "../../activity/read-words.ts";
import { sayEntry } from "../../activity/say-entry.ts";
import type { StoryEvent } from "../item.ts";
import type { StoryPart } from "../read-story.ts";

/** So far back in what people did on these channels is this product's looked for. */
const LOOK_MAX = 300;
const OF_LISTINGS = [...ACTIONS.rules, ...ACTIONS.pauses, ...ACTIONS.links, "locations.chosen"].filter(
	(action) => !BULK_ACTIONS.includes(action),
);

/** What people decided that this product's figures follow: its own rules, pauses and links (also former ones), and those of its channels. */
export async function readAuditEvents(
	db: Queryable,
	shopId: number,
	{ itemId, listings, before, limit, reader }: StoryPart,
): Promise<StoryEvent[]> {
	const { rows } = await db.query<AuditRow>(
		`SELECT id, actor, action, subject, before, after, at FROM audit
		  WHERE shop_id = $1 AND (action = ANY($2) AND subject = ANY($3) OR action = ANY($6) AND subject = $7
		    OR action = ANY($10) AND subject IN (SELECT b.change_id::text FROM bulk_change_line b
		         WHERE b.shop_id = $1 AND b.listing_id = ANY($11::bigint[]) AND b.state = 'done')
		    OR action = ANY($8) AND (before->'links' @> $9::jsonb OR after->'links' @> $9::jsonb)) AND ($4::timestamptz IS NULL OR at < $4) ORDER BY id DESC LIMIT $5`,
		[
			shopId,
			OF_LISTINGS,
			[...new Set(listings.map(({ channelId }) => String(channelId)))],
			before,
			LOOK_MAX,
			ACTIONS.bundles,
			String(itemId),
			ACTIONS.links,
			JSON.stringify([{ itemId }]),
			BULK_ACTIONS,
			listings.map(({ id }) => id),
		],
	);
	const own = new Set(listings.map(({ id }) => id));
	const about = rows.filter((row) => {
		const ids = listingIdsOf(row);
		if ([row.before, row.after].flatMap(linkedOf).includes(itemId)) return true;
		return ids.length === 0 || ids.some((id) => own.has(id));
	});
	const words = await readWords(db, shopId, reader, about);
	return about.slice(0, limit).map((row) => {
		const entry = sayEntry(row, words);
		const change = entry.after === null ? null : `${entry.before ?? "nothing"} → ${entry.after}`;
		return {
			key: `audit-${row.id}`,
			at: entry.at,
			kind: "person",
			text: entry.what,
			detail: [entry.who, change].filter(Boolean).join(" · "),
			left: null,
			link: null,
		};
	});
}
