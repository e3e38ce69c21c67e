import type { Queryable } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import { channels } from "#channels";

/** What something else changed on a channel in the last week: figures that neither an order there nor Lockstep explains (R43). */
export type OtherWriter = {
	/** The merchant's name of the channel, and its kind's ("WooCommerce"). */
	name: string;
	kind: string;
	/** Where on such a channel one sees what may write its stock: none that we write to tells who did. */
	lookAt: string;
	isLive: boolean;
	asOf: string;
	/** `more`: at least so many. */
	times: { count: number; more: boolean };
	raised: number;
	lowered: number;
	products: number;
	lastAt: string;
	/** The newest change of each of the newest few products. */
	newest: { id: number; at: string; itemId: number | null; sku: string; title: string; expected: number; found: number }[];
};

export const OTHER_WRITER_DAYS = 7;
/** More than anybody would count; what is looked at is bounded by it. */
const TIMES_MAX = 1_000;
const NEWEST_MAX = 5;

/** Where a channel has no words of its own. */
const ANYWHERE = "Look there at the apps and feeds that are connected to it.";

type Sum = {
	channel: string;
	live: boolean;
	as_of: Date;
	count: number;
	raised: number;
	lowered: number;
	products: number;
	last_at: Date | null;
};

/** null: nothing but orders and Lockstep changed a figure there. */
export async function readOtherWriter(db: Queryable, shopId: number, connectionId: number): Promise<OtherWriter | null> {
	const within = [shopId, connectionId, OTHER_WRITER_DAYS, TIMES_MAX + 1];
	const { rows } = await db.query<Sum>(
		`SELECT max(c.channel) AS channel, bool_or(c.state = 'live') AS live, now() AS as_of, count(recent.id)::int AS count, count(*) FILTER (WHERE found > expected)::int AS raised, count(*) FILTER (WHERE found < expected)::int AS lowered,
		   count(DISTINCT listing_id)::int AS products, max(at) AS last_at
		 FROM connection c LEFT JOIN (${recentStatement}) recent ON true WHERE c.shop_id = $1 AND c.id = $2`,
		within,
	);
	const sum = rows[0];
	if (!sum?.last_at) return null;
	const newest = await db.query<Omit<OtherWriter["newest"][number], "at"> & { at: Date }>(
		`SELECT d.id, d.at, l.item_id AS "itemId", coalesce(nullif(l.sku, ''), l.external_id, '') AS sku, coalesce(l.title, '') AS title, d.expected, d.found
		 FROM (SELECT DISTINCT ON (listing_id) * FROM (${recentStatement}) recent ORDER BY listing_id, at DESC, id DESC) d
		   LEFT JOIN listing l ON l.shop_id = $1 AND l.id = d.listing_id
		 ORDER BY d.at DESC, d.id DESC LIMIT $5`,
		[...within, NEWEST_MAX],
	);
	const { count, raised, lowered, products, last_at: lastAt } = sum;
	const kind = channels().find(({ id }) => id === sum.channel);
	return {
		name: (await readNames(db, shopId)).get(connectionId) ?? "",
		kind: kind?.name ?? sum.channel,
		lookAt: kind?.otherWriters ?? ANYWHERE,
		isLive: sum.live,
		asOf: sum.as_of.toISOString(),
		times: { count: Math.min(count, TIMES_MAX), more: count > TIMES_MAX },
		...{ raised, lowered, products },
		lastAt: lastAt.toISOString(),
		newest: newest.rows.map(({ at, ...change }) => ({ ...change, at: at.toISOString() })),
	};
}

/** The index difference_recent, newest first. */
const recentStatement = `
SELECT id, listing_id, expected, found, at FROM difference
 WHERE shop_id = $1 AND connection_id = $2 AND at > now() - $3 * interval '1 day' ORDER BY at DESC LIMIT $4`;
