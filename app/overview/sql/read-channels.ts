import type { Queryable } from "#app/db.server.ts";
import type { ChannelOverview, NameOf } from "../overview.ts";

/**
 * Percentiles are taken over the newest samples only: enough that the slowest hundredth is 20 sales, and few enough that a
 * flash sale's million samples cost no more than a quiet day's.
 */
const LAG_SAMPLES_MAX = 2_000;

type Row = {
	id: number;
	channel: string;
	account: string;
	is_home: boolean;
	state: ChannelOverview["state"];
	health: "green" | "degraded" | "red";
	health_reason: string | null;
	health_since: Date;
	samples: number;
	p50: number | null;
	p99: number | null;
};

export type ConnectionOverview = Pick<ChannelOverview, "id" | "channel" | "name" | "account" | "isHome" | "state" | "health" | "lag">;

/** The connections, home first, each with how long sales made elsewhere took to reach it. */
export async function readChannels(client: Queryable, shopId: number, nameOf: NameOf): Promise<ConnectionOverview[]> {
	const { rows } = await client.query<Row>(
		`SELECT c.id, c.channel, c.account, c.is_home, c.state, c.health, c.health_reason, c.health_since,
		        lag.samples, lag.p50, lag.p99
		   FROM connection c
		   CROSS JOIN LATERAL (
		        SELECT count(*)::int AS samples,
		               percentile_disc(0.5) WITHIN GROUP (ORDER BY lag_ms) AS p50,
		               percentile_disc(0.99) WITHIN GROUP (ORDER BY lag_ms) AS p99
		          FROM (SELECT lag_ms FROM lag_sample
		                 WHERE shop_id = c.shop_id AND connection_id = c.id AND at > now() - interval '24 hours'
		                 ORDER BY at DESC LIMIT $2) newest
		   ) lag
		  WHERE c.shop_id = $1 AND c.state <> 'disconnected'
		  ORDER BY c.is_home DESC, c.id`,
		[shopId, LAG_SAMPLES_MAX],
	);
	return rows.map((row) => ({
		id: row.id,
		channel: row.channel,
		name: nameOf(row.id),
		account: row.account,
		isHome: row.is_home,
		state: row.state,
		health: { state: row.health, reason: row.health_reason, since: row.health_since.toISOString() },
		lag: row.p50 === null || row.p99 === null ? null : { p50Ms: row.p50, p99Ms: row.p99, samples: row.samples },
	}));
}
