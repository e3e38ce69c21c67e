import { readStandings, showing } from "#app/connections/guests/index.ts";
import { type Pool, type Queryable, transactionWithRetry } from "#app/db.server.ts";
import { type Policy, policySchema } from "#domain";

/** What the dry run of a file saw, as of the moment in which its last line was read. */
export type FileSummary = {
	kind: "file";
	/** Of the file, and the names of columns that were passed over. */
	lines: number;
	unknown: string[];
	/** Stock rows and listings that would change, and those that are so already. */
	changes: number;
	same: number;
	unitsUp: number;
	unitsDown: number;
	rules: number;
	paused: number;
	resumed: number;
	linked: number;
	unlinked: number;
	/** Of the figures on channels: how many would change, fall to nothing, rise, fall. */
	figures: number;
	toZero: number;
	raised: number;
	lowered: number;
	/** Products with a listing that is written to and would fall to nothing, or rise: what a person's approval is asked for by. */
	zeroItems: number;
	raisedItems: number;
};

/** Counts what was read, and what the channels would show by it. After this the draft can be confirmed. */
export async function sumUp(
	pool: Pool,
	shopId: number,
	changeId: number,
	{ lines, unknown }: Pick<FileSummary, "lines" | "unknown">,
): Promise<void> {
	await transactionWithRetry(
		pool,
		async (tx) => {
			const summary: FileSummary = {
				kind: "file",
				lines,
				unknown,
				...(await count(tx, shopId, changeId)),
				...(await foresee(tx, shopId, changeId)),
			};
			await tx.query(
				`UPDATE bulk_change SET summary = $3, total = $4, read_at = clock_timestamp()
				 WHERE shop_id = $1 AND id = $2 AND read_at IS NULL AND refusal IS NULL AND cancelled_at IS NULL AND read_records = $5`,
				[shopId, changeId, JSON.stringify(summary), summary.changes, lines],
			);
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ" },
	);
}

type Counts = Pick<FileSummary, "changes" | "same" | "unitsUp" | "unitsDown" | "rules" | "paused" | "resumed" | "linked" | "unlinked">;

async function count(db: Queryable, shopId: number, changeId: number): Promise<Counts> {
	const { rows } = await db.query<Counts>(
		`SELECT q.changes + l.changes AS changes, q.same + l.same AS same, q.up AS "unitsUp", q.down AS "unitsDown", l.rules, l.paused, l.resumed, l.linked, l.unlinked
		 FROM (SELECT count(*) FILTER (WHERE state = 'waiting')::int AS changes, count(*) FILTER (WHERE state = 'same')::int AS same,
		     coalesce(sum(units) FILTER (WHERE state = 'waiting' AND units > 0), 0)::bigint AS up,
		     coalesce(-sum(units) FILTER (WHERE state = 'waiting' AND units < 0), 0)::bigint AS down
		   FROM bulk_change_quantity WHERE shop_id = $1 AND change_id = $2) q,
		 (SELECT count(*) FILTER (WHERE b.state = 'waiting')::int AS changes, count(*) FILTER (WHERE b.state = 'same')::int AS same,
		     count(*) FILTER (WHERE b.state = 'waiting' AND b.sets_policy AND b.policy IS DISTINCT FROM b.before)::int AS rules,
		     count(*) FILTER (WHERE b.state = 'waiting' AND b.paused AND NOT n.paused)::int AS paused,
		     count(*) FILTER (WHERE b.state = 'waiting' AND NOT b.paused AND n.paused)::int AS resumed,
		     count(*) FILTER (WHERE b.state = 'waiting' AND b.sets_link AND b.link_item IS NOT NULL AND b.before_item IS NULL)::int AS linked,
		     count(*) FILTER (WHERE b.state = 'waiting' AND b.sets_link AND b.link_item IS NULL AND b.before_item IS NOT NULL)::int AS unlinked
		   FROM bulk_change_line b JOIN listing n ON n.shop_id = b.shop_id AND n.id = b.listing_id WHERE b.shop_id = $1 AND b.change_id = $2) l`,
		[shopId, changeId],
	);
	const [counts] = rows;
	if (!counts) throw new Error("An aggregate without a row");
	return counts;
}

type Foreseen = Pick<FileSummary, "figures" | "toZero" | "raised" | "lowered" | "zeroItems" | "raisedItems">;

/** Of listings as they are linked now: what a new link will show is seen once the channel has been read for it. */
async function foresee(db: Queryable, shopId: number, changeId: number): Promise<Foreseen> {
	const quantities = await db.query<{ place: string; units: number }>(
		`SELECT item_id || ' ' || location_id AS place, units FROM bulk_change_quantity WHERE shop_id = $1 AND change_id = $2 AND state = 'waiting'`,
		[shopId, changeId],
	);
	const moved = new Map(quantities.rows.map(({ place, units }) => [place, units]));
	const lines = await db.query<{ id: number; sets_policy: boolean; policy: unknown; paused: boolean | null }>(
		"SELECT listing_id AS id, sets_policy, policy, paused FROM bulk_change_line WHERE shop_id = $1 AND change_id = $2 AND state = 'waiting'",
		[shopId, changeId],
	);
	const lineOf = new Map(lines.rows.map((line) => [line.id, line]));
	const guests = await db.query<{ id: number; policy: unknown; written: boolean }>(
		"SELECT id, policy, state IN ('live', 'paused') AS written FROM connection WHERE shop_id = $1 AND NOT is_home AND state <> 'disconnected' ORDER BY id",
		[shopId],
	);
	const seen: Foreseen = { figures: 0, toZero: 0, raised: 0, lowered: 0, zeroItems: 0, raisedItems: 0 };
	const items = { zero: new Set<number>(), raised: new Set<number>() };
	for (const guest of guests.rows) {
		const ofChannel = policySchema.parse(guest.policy);
		for (const standing of await readStandings(db, shopId, guest.id, { moved })) {
			const line = lineOf.get(standing.listingId);
			const policy: Policy | null = line?.sets_policy ? policySchema.nullable().parse(line.policy) : standing.policy;
			const to = showing({ ...standing, policy }, ofChannel)?.quantity;
			const from = standing.desired;
			if (to === undefined || from === null || to === from) continue;
			seen.figures++;
			if (to === 0) seen.toZero++;
			if (to > from) seen.raised++;
			else seen.lowered++;
			if (!guest.written || (line?.paused ?? standing.paused)) continue;
			if (to === 0) items.zero.add(standing.itemId);
			if (to > from) items.raised.add(standing.itemId);
		}
	}
	return { ...seen, zeroItems: items.zero.size, raisedItems: items.raised.size };
}
