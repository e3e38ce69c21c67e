import type { Queryable } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import { channels } from "#channels";

/**
 * What something else changed on a channel in the last week: figures that neither an order there nor Lockstep explains (R43). At home,
 * whose people and apps may change what they like, only what was set back to the figure from before units were sold elsewhere.
 */
export type OtherWriter = {
	/** The merchant's name of the channel, and its kind's ("WooCommerce"). */
	name: string;
	kind: string;
	isHome: boolean;
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
	home: boolean;
	live: boolean;
	as_of: Date;
	count: number;
	raised: number;
	lowered: number;
	products: number;
	last_at: Date | null;
};

/** The same of home; null where there is none, or nothing else sets stock back there. */
export async function readOtherWriterAtHome(db: Queryable, shopId: number): Promise<OtherWriter | null> {
	const { rows } = await db.query<{ id: number }>("SELECT id FROM connection WHERE shop_id = $1 AND is_home AND state <> 'disconnected'", [
		shopId,
	]);
	return rows[0] ? readOtherWriter(db, shopId, rows[0].id) : null;
}

/** null: nothing but orders and Lockstep changed a figure there. */
export async function readOtherWriter(db: Queryable, shopId: number, connectionId: number): Promise<OtherWriter | null> {
	const within = [shopId, connectionId, OTHER_WRITER_DAYS, TIMES_MAX + 1];
	const { rows } = await db.query<Sum>(
		`SELECT max(c.channel) AS channel, bool_or(c.is_home) AS home, bool_or(c.state = 'live') AS live, now() AS as_of, count(recent.id)::int AS count, count(*) FILTER (WHERE found > expected)::int AS raised, count(*) FILTER (WHERE found < expected)::int AS lowered,
		   count(DISTINCT thing)::int AS products, max(at) AS last_at
		 FROM connection c LEFT JOIN (${recentStatement}) recent ON true WHERE c.shop_id = $1 AND c.id = $2`,
		within,
	);
	const sum = rows[0];
	if (!sum?.last_at) return null;
	const newest = await db.query<Omit<OtherWriter["newest"][number], "at"> & { at: Date }>(
		`SELECT d.id, d.at, coalesce(i.id, l.item_id) AS "itemId", coalesce(nullif(i.sku, ''), nullif(l.sku, ''), l.external_id, '') AS sku,
		   coalesce(i.title, l.title, '') AS title, d.expected, d.found
		 FROM (SELECT DISTINCT ON (thing) * FROM (${recentStatement}) recent ORDER BY thing, at DESC, id DESC) d
		   LEFT JOIN listing l ON l.shop_id = $1 AND l.id = d.listing_id
		   LEFT JOIN item i ON i.shop_id = $1 AND i.id = d.item_id
		 ORDER BY d.at DESC, d.id DESC LIMIT $5`,
		[...within, NEWEST_MAX],
	);
	const { count, home: isHome, raised, lowered, products, last_at: lastAt } = sum;
	const kind = channels().find(({ id }) => id === sum.channel);
	return {
		name: (await readNames(db, shopId)).get(connectionId) ?? "",
		kind: kind?.name ?? sum.channel,
		isHome,
		lookAt: kind?.otherWriters ?? ANYWHERE,
		isLive: sum.live,
		asOf: sum.as_of.toISOString(),
		times: { count: Math.min(count, TIMES_MAX), more: count > TIMES_MAX },
		...{ raised, lowered, products },
		lastAt: lastAt.toISOString(),
		newest: newest.rows.map(({ at, ...change }) => ({ ...change, at: at.toISOString() })),
	};
}

/** The indexes difference_recent and movement_raised_at_home, newest first. `thing`: what one product is counted by. */
const recentStatement = `
(SELECT id, listing_id, NULL::bigint AS item_id, listing_id AS thing, expected, found, at FROM difference
  WHERE shop_id = $1 AND connection_id = $2 AND at > now() - $3 * interval '1 day' ORDER BY at DESC LIMIT $4)
UNION ALL
(SELECT u.id, NULL, u.item_id, u.item_id, u.after - u.delta, u.after, u.created_at FROM undone_at_home u
  JOIN connection h ON h.shop_id = u.shop_id AND h.id = $2 AND h.is_home
  WHERE u.shop_id = $1 AND u.created_at > now() - $3 * interval '1 day' ORDER BY u.created_at DESC LIMIT $4)`;
