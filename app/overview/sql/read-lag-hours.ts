import type { Queryable } from "#app/db.server.ts";
import type { LagHour, LagHours } from "../overview.ts";

const HOURS = 24;
/** Of each hour the newest: a flash sale's hour costs no more than these, and its slowest hundredth is still five sales. */
const SAMPLES_PER_HOUR_MAX = 500;

type Row = { connection_id: number; hour: number; samples: number; p50: number; p99: number };

/** One walk along the index per connection and hour, so that an hour with many sales does not hide the quiet ones. */
export async function readLagHours(db: Queryable, shopId: number): Promise<LagHours> {
	const { rows: clock } = await db.query<{ as_of: Date; this_hour: Date }>(
		"SELECT now() AS as_of, date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS this_hour",
	);
	const asOf = clock[0]?.as_of ?? new Date();
	const thisHour = clock[0]?.this_hour ?? asOf;
	const hours = Array.from({ length: HOURS }, (_, n) => new Date(thisHour.getTime() - (HOURS - 1 - n) * 3_600_000));
	const { rows } = await db.query<Row>(
		`SELECT c.id AS connection_id, h.hour::int, lag.samples, lag.p50, lag.p99
		   FROM connection c
		   CROSS JOIN unnest($2::timestamptz[]) WITH ORDINALITY AS h(starts_at, hour)
		   CROSS JOIN LATERAL (
		        SELECT count(*)::int AS samples,
		               percentile_disc(0.5) WITHIN GROUP (ORDER BY lag_ms) AS p50,
		               percentile_disc(0.99) WITHIN GROUP (ORDER BY lag_ms) AS p99
		          FROM (SELECT lag_ms FROM lag_sample
		                 WHERE shop_id = c.shop_id AND connection_id = c.id AND at >= h.starts_at AND at < h.starts_at + interval '1 hour'
		                 ORDER BY at DESC LIMIT $3) newest
		   ) lag
		  WHERE c.shop_id = $1 AND c.state <> 'disconnected' AND lag.samples > 0
		  ORDER BY c.is_home DESC, c.id, h.hour`,
		[shopId, hours, SAMPLES_PER_HOUR_MAX],
	);
	const channels = new Map<number, (LagHour | null)[]>();
	for (const { connection_id: id, hour, p50, p99, samples } of rows) {
		const line = channels.get(id) ?? hours.map(() => null);
		line[hour - 1] = { p50Ms: p50, p99Ms: p99, samples };
		channels.set(id, line);
	}
	return {
		asOf: asOf.toISOString(),
		hours: hours.map((hour) => hour.toISOString()),
		channels: [...channels].map(([id, line]) => ({ id, hours: line })),
	};
}
