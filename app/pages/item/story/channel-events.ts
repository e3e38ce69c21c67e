import type { Queryable } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import { number } from "../../../components/words.ts";
import type { StoryEvent } from "../item.ts";
import type { StoryPart } from "../read-story.ts";

type AttemptRow = {
	id: number;
	listing_id: number;
	connection_id: number;
	at: Date;
	operation: string;
	quantity: number | null;
	outcome: string;
	error: string | null;
	took_ms: number | null;
};

/** What the channels were told, and what they answered. */
export async function readUpdateEvents(db: Queryable, shopId: number, { listings, before, limit, look }: StoryPart): Promise<StoryEvent[]> {
	if (listings.length === 0) return [];
	const { rows } = await db.query<AttemptRow>(
		`SELECT a.id, a.listing_id, a.connection_id, a.at, a.operation, a.quantity, a.outcome, a.error, a.took_ms
		   FROM (SELECT newest.*, rank() OVER (ORDER BY date_trunc('milliseconds', at) DESC) AS place
		           FROM unnest($2::bigint[]) AS wanted(listing_id)
		          CROSS JOIN LATERAL (SELECT * FROM delivery_attempt WHERE shop_id = $1 AND listing_id = wanted.listing_id
		                                AND ($3::timestamptz IS NULL OR at < $3) AND outcome <> 'lost' ORDER BY id DESC LIMIT $4) newest) a
		  WHERE a.place <= $5 ORDER BY a.id DESC`,
		[shopId, listings.map(({ id }) => id), before, look, limit],
	);
	const names = await readNames(db, shopId);
	return rows.map((row) => {
		const listing = listings.find(({ id }) => id === row.listing_id);
		const alone = listings.filter(({ channelId }) => channelId === row.connection_id).length === 1;
		const channel = `${names.get(row.connection_id) ?? "The channel"}${alone || !listing?.sku ? "" : ` (${listing.sku})`}`;
		const [kind, text] = sayAttempt(row, channel);
		return { key: `attempt-${row.id}`, at: row.at.toISOString(), kind, text, detail: row.error, left: null, link: null };
	});
}

function sayAttempt(row: AttemptRow, channel: string): ["update" | "problem", string] {
	const figure = row.quantity === null ? "a figure" : number(row.quantity);
	if (row.operation === "listing.read") return ["problem", `${channel} could not be read`];
	switch (row.outcome) {
		case "landed":
			return ["update", `${channel} was told ${figure} and confirmed it`];
		case "accepted":
			return ["update", `${channel} took ${figure} and applies it later`];
		case "watched":
			return ["update", `${channel} would have been told ${figure} (watching: nothing was sent)`];
		case "unknown":
			return ["problem", `${channel} was told ${figure} and did not answer; it is looked at again`];
		case "refused":
			return ["problem", `${channel} refused ${figure}`];
		default:
			return ["problem", `${channel} could not be told ${figure}; it is tried again`];
	}
}

type DifferenceRow = { id: number; connection_id: number; at: Date; expected: number; found: number; cause: string };

/** Figures that a channel showed and that nobody here had sent or sold. */
export async function readDifferenceEvents(db: Queryable, shopId: number, { listings, before, look }: StoryPart): Promise<StoryEvent[]> {
	if (listings.length === 0) return [];
	const { rows } = await db.query<DifferenceRow>(
		`SELECT id, connection_id, at, expected, found, cause FROM difference
		  WHERE shop_id = $1 AND listing_id = ANY($2::bigint[]) AND ($3::timestamptz IS NULL OR at < $3) ORDER BY id DESC LIMIT $4`,
		[shopId, listings.map(({ id }) => id), before, look],
	);
	const names = await readNames(db, shopId);
	return rows.map((row) => ({
		key: `difference-${row.id}`,
		at: row.at.toISOString(),
		kind: "difference",
		text: `${names.get(row.connection_id) ?? "The channel"} showed ${number(row.found)} instead of ${number(row.expected)}`,
		detail:
			row.cause === "another-writer"
				? "No order explains it: somebody or another app changed it there."
				: "It was changed there. It is put right.",
		left: null,
		link: null,
	}));
}
