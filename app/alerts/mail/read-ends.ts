import type { Queryable } from "#app/db.server.ts";

type Ended = "covered" | "moved" | "cancelled" | "substituted" | "dismissed";
export type End = { how: Ended; units: number; paused: boolean };

/** How the units ended that an alert was about, by the alert: of the product, since it was opened. */
export async function readEnds(db: Queryable, shopId: number, alerts: readonly { id: number }[]): Promise<Map<number, End[]>> {
	if (alerts.length === 0) return new Map();
	const { rows } = await db.query<End & { id: number }>(
		`SELECT a.id, w.how, sum(w.units)::int AS units,
		   EXISTS (SELECT FROM shop s WHERE s.id = $1 AND s.settings->>'afterOversell' = 'pause') AS paused
		 FROM alert a JOIN oversell o ON o.shop_id = $1 AND o.item_id = a.subject::bigint AND coalesce(o.resolved_at, o.dismissed_at) >= a.noticed_at
		 CROSS JOIN LATERAL (VALUES ('covered', o.covered - o.moved - o.cancelled - o.substituted), ('moved', o.moved), ('cancelled', o.cancelled),
		   ('substituted', o.substituted), ('dismissed', CASE WHEN o.state = 'dismissed' THEN o.units - o.covered ELSE 0 END)) AS w(how, units)
		 WHERE a.shop_id = $1 AND a.id = ANY($2::bigint[]) AND w.units > 0 GROUP BY a.id, w.how ORDER BY a.id, min(o.id), w.how`,
		[shopId, alerts.map(({ id }) => id)],
	);
	const ends = new Map<number, End[]>();
	for (const { id, ...end } of rows) ends.set(id, [...(ends.get(id) ?? []), end]);
	return ends;
}

const WORDS: Readonly<Record<Ended, string>> = {
	covered: "covered by stock",
	moved: "taken from another location",
	cancelled: "cancelled",
	substituted: "replaced by something else",
	dismissed: "dismissed, and covered when stock comes",
};

/** Stock that came is the usual end; others are named, so that nobody looks for stock that never came. */
export function sayEnds(ends: readonly End[], name: string): { heading: string; lines: string[] } {
	const others = ends.filter(({ how }) => how !== "covered");
	const dismissed = ends.some(({ how }) => how === "dismissed");
	const after = ends.some(({ paused }) => paused)
		? "Its listings stay paused until somebody resumes them, as your settings say."
		: "It is sold on all channels again, as far as there is stock.";
	return {
		heading: others.length === 0 ? `Covered: ${name}` : `Settled: ${name}`,
		lines: [
			others.length === 0
				? "Stock covers what was owed."
				: `What was owed: ${ends.map(({ how, units }) => `${units.toLocaleString("en")} ${WORDS[how]}`).join(", ")}.`,
			...(dismissed ? [] : [after]),
		],
	};
}
