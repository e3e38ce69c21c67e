import type { PoolClient } from "pg";
import { type GuardLimits, limitsOf, readGuards } from "#domain";
import { WINDOW_MS } from "../decide/guard.ts";
import type { ApplyState, ChangeSet, HeldChange } from "../decide/state.ts";

type Loaded = { held: HeldChange[]; sets: ChangeSet[] } & Pick<ApplyState, "limits" | "passedElsewhere">;

/** What a percentage is taken of is counted again after so long: catalogues change slowly. */
const COUNTED_FOR = "10 minutes";

/**
 * What home did to these items by itself, what waits, and how much more may pass. `readings`: how many of the batch could be
 * changes of home's own; without any, nothing is counted.
 */
export async function loadGuard(
	tx: PoolClient,
	shopId: number,
	{ itemIds, readings }: { itemIds: readonly number[]; readings: number },
): Promise<Loaded> {
	const none: Loaded = { held: [], sets: [], limits: { zero: null, raise: null }, passedElsewhere: { zero: 0, raise: 0 } };
	if (itemIds.length === 0) return none;
	const held = await tx.query<HeldRow>(
		`SELECT item_id, location_id, CASE WHEN state = 'passed' AND asked IS NOT NULL THEN 'approved' ELSE state END AS state, kind, counted, set_id, former, to_figure, read_at, former_read_at, at
		 FROM held_change WHERE shop_id = $1 AND item_id = ANY($2::bigint[])`,
		[shopId, itemIds],
	);
	const lines = held.rows.map(toHeld);
	if (readings === 0) return { ...none, held: lines };
	const facts = await tx.query<{ guards: unknown; zero: number; raise: number }>(
		`SELECT s.settings->'guards' AS guards, p.zero, p.raise FROM shop s, LATERAL (
		   SELECT count(DISTINCT item_id) FILTER (WHERE kind = 'zero')::int AS zero, count(DISTINCT item_id) FILTER (WHERE kind = 'raise')::int AS raise
		   FROM held_change h WHERE h.shop_id = s.id AND h.state = 'passed' AND h.asked IS NULL AND h.counted AND h.at > now() - $3 * interval '1 millisecond'
		     AND NOT h.item_id = ANY($2::bigint[])
		 ) p WHERE s.id = $1`,
		[shopId, itemIds, WINDOW_MS],
	);
	const sets = await tx.query(
		`SELECT id, kind, allowed, passed, opened_at, last_at, kept_at FROM change_set
		 WHERE shop_id = $1 AND closed_at IS NULL AND (last_at > now() - $2 * interval '1 millisecond' OR id = ANY($3::bigint[])) ORDER BY id DESC`,
		[shopId, WINDOW_MS, lines.flatMap((line) => (line.state === "held" ? [line.setId] : []))],
	);
	const { guards, zero = 0, raise = 0 } = facts.rows[0] ?? {};
	const chosen = readGuards(guards);
	const reach = readings + lines.length + Math.max(zero, raise);
	return {
		held: lines,
		sets: sets.rows.map((r) => ({
			...{ id: r.id, kind: r.kind, allowed: r.allowed, passed: r.passed },
			...{ openedAt: r.opened_at.getTime(), lastAt: r.last_at.getTime(), closedAt: null, keptAt: r.kept_at?.getTime() ?? null },
		})),
		// As long as not even the least that a limit can be is within reach, what it is exactly makes no difference.
		limits: limitsOf(chosen, isWithin(reach, limitsOf(chosen, 0)) ? await countSold(tx, shopId) : 0),
		passedElsewhere: { zero, raise },
	};
}

const isWithin = (reach: number, { zero, raise }: GuardLimits) => (zero !== null && reach > zero) || (raise !== null && reach > raise);

/** Products that are for sale on channels that are written to. */
async function countSold(tx: PoolClient, shopId: number): Promise<number> {
	const known = await tx.query<{ items: number }>(
		`SELECT items FROM sold_count WHERE shop_id = $1 AND counted_at > now() - interval '${COUNTED_FOR}'`,
		[shopId],
	);
	if (known.rows[0]) return known.rows[0].items;
	const counted = await tx.query<{ items: number }>(
		`INSERT INTO sold_count (shop_id, items, counted_at)
		 SELECT $1, count(DISTINCT l.item_id), now() FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
		  WHERE l.shop_id = $1 AND l.link_state = 'linked' AND NOT c.is_home AND c.state IN ('live', 'paused')
		 ON CONFLICT (shop_id) DO UPDATE SET items = excluded.items, counted_at = excluded.counted_at RETURNING items`,
		[shopId],
	);
	return counted.rows[0]?.items ?? 0;
}

/** Writes what was decided. A set in which nothing waits any more is closed; one that is new takes along what had passed before it. */
export async function writeGuard(tx: PoolClient, shopId: number, state: ApplyState): Promise<void> {
	const held = state.held.changed();
	const sets = state.sets.changed().map(({ value }) => value);
	if (held.length === 0 && sets.length === 0) return;
	await tx.query(
		`INSERT INTO change_set (shop_id, id, kind, allowed, passed, opened_at, last_at, kept_at)
		 SELECT $1, id, kind, allowed, passed, opened_at, last_at, kept_at
		 FROM jsonb_to_recordset($2::jsonb) AS r(id bigint, kind text, allowed int, passed int, opened_at timestamptz, last_at timestamptz, kept_at timestamptz)
		 ON CONFLICT (shop_id, id) DO UPDATE SET last_at = excluded.last_at, kept_at = excluded.kept_at, closed_at = NULL`,
		[
			shopId,
			JSON.stringify(
				sets.map((s) => ({
					...{ id: s.id, kind: s.kind, allowed: s.allowed, passed: s.passed },
					...{ opened_at: iso(s.openedAt), last_at: iso(s.lastAt), kept_at: iso(s.keptAt) },
				})),
			),
		],
	);
	await tx.query(
		`INSERT INTO held_change (shop_id, item_id, location_id, state, kind, counted, set_id, former, to_figure, read_at, former_read_at, at)
		 SELECT $1, item_id, location_id, state, kind, counted, set_id, former, to_figure, read_at, former_read_at, at
		 FROM jsonb_to_recordset($2::jsonb) AS r(item_id bigint, location_id bigint, state text, kind text, counted boolean, set_id bigint, former int, to_figure int,
		   read_at timestamptz, former_read_at timestamptz, at timestamptz)
		 ON CONFLICT (shop_id, item_id, location_id) DO UPDATE SET state = excluded.state, kind = excluded.kind, counted = excluded.counted, set_id = excluded.set_id,
		   former = excluded.former, to_figure = excluded.to_figure, read_at = excluded.read_at, former_read_at = excluded.former_read_at, at = excluded.at,
		   -- A word is on what was there when it was said.
		   asked = NULL`,
		[
			shopId,
			JSON.stringify(
				held.map(({ value: h }) => ({
					...{
						item_id: h.itemId,
						location_id: h.locationId,
						state: h.state,
						kind: h.kind,
						counted: h.counted,
						set_id: h.setId,
						former: h.former,
					},
					...{ to_figure: h.toFigure, read_at: iso(h.readAt), former_read_at: iso(h.formerReadAt), at: iso(h.at) },
				})),
			),
		],
	);
	const fresh = state.sets.changed().flatMap(({ value, loaded }) => (loaded ? [] : [value]));
	for (const set of fresh) {
		await tx.query(
			`UPDATE held_change SET set_id = $2 WHERE shop_id = $1 AND state = 'passed' AND kind = $3 AND set_id IS NULL
			   AND at > now() - $4 * interval '1 millisecond'`,
			[shopId, set.id, set.kind, WINDOW_MS],
		);
	}
	const touched = new Set(held.flatMap(({ value, loaded }) => [value.setId, loaded?.setId ?? null].filter((id) => id !== null)));
	await tx.query(
		`UPDATE change_set c SET closed_at = now() WHERE c.shop_id = $1 AND c.id = ANY($2::bigint[]) AND c.closed_at IS NULL
		   AND NOT EXISTS (SELECT FROM held_change h WHERE h.shop_id = c.shop_id AND h.set_id = c.id AND h.state = 'held')`,
		[shopId, [...touched]],
	);
}

type HeldRow = Pick<HeldChange, "state" | "kind" | "counted" | "former"> & {
	item_id: number;
	location_id: number;
	set_id: number | null;
	to_figure: number;
	read_at: Date;
	former_read_at: Date | null;
	at: Date;
};

const toHeld = (r: HeldRow): HeldChange => ({
	...{ itemId: r.item_id, locationId: r.location_id, state: r.state, kind: r.kind, counted: r.counted, setId: r.set_id, former: r.former },
	...{ toFigure: r.to_figure, readAt: r.read_at.getTime(), formerReadAt: r.former_read_at?.getTime() ?? null, at: r.at.getTime() },
});
const iso = (value: number | null): string | null => (value === null ? null : new Date(value).toISOString());
