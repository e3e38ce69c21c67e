import type { Queryable } from "#app/db.server.ts";
import { type Policy, policySchema } from "#domain";

/** A product as it stood at a moment that is over: what there was, and what each channel had been told. */
export type Then = {
	at: string;
	/** Below zero: owed. null: Lockstep did not know it yet. */
	figure: number | null;
	/** Of a bundle: its parts, as it is made up today. */
	places: { name: string; figure: number }[];
	listings: ThenListing[];
};
export type ThenListing = {
	id: number;
	channelId: number;
	/** null: by the channel's rule. */
	policy: Policy | null;
	/** What it was told last, and when; null: nothing that is still on record. */
	told: { quantity: number; at: string; confirmed: boolean } | null;
	/** What it has sold by itself from then on (less what came back), as its orders came in. */
	soldSince: number;
};

type Of = {
	itemId: number;
	parts: readonly { itemId: number; sku: string; title: string; quantity: number }[];
	listings: readonly { id: number; channelId: number; policy: Policy | null }[];
	at: Date;
};

/**
 * From what never changes: the ledger says what was left after each movement, the tries what each channel was told, the changes on
 * record which rule was in force. Tries are kept for 90 days; of before, `told` is null.
 */
export async function readThen(db: Queryable, shopId: number, { itemId, parts, listings, at }: Of): Promise<Then> {
	const made = parts.length > 0 ? parts : [{ itemId, sku: "", title: "", quantity: 1 }];
	const places = await readPlaces(
		db,
		shopId,
		made.map((part) => part.itemId),
		at,
	);
	const told = await readTold(
		db,
		shopId,
		made.map((part) => part.itemId),
		listings,
		at,
	);
	const rules = await readRules(db, shopId, listings, at);
	const sums = made.map((part) => {
		const own = places.filter((place) => place.itemId === part.itemId);
		return own.length === 0 ? null : own.reduce((sum, { figure }) => sum + figure, 0);
	});
	const isBundle = parts.length > 0;
	const known = sums.filter((sum) => sum !== null);
	return {
		at: at.toISOString(),
		figure:
			known.length < made.length
				? null
				: isBundle
					? Math.min(...made.map(({ quantity }, n) => Math.floor((known[n] ?? 0) / quantity)))
					: (known[0] ?? 0),
		places: isBundle
			? parts.flatMap(({ sku, title, quantity }, n) => {
					const sum = sums[n];
					return sum === null || sum === undefined
						? []
						: [{ name: `${sku || title}${quantity > 1 ? ` (${quantity} each)` : ""}`, figure: sum }];
				})
			: places.map(({ name, figure }) => ({ name, figure })),
		listings: listings.map(({ id, channelId, policy }) => ({
			id,
			channelId,
			policy: rules.has(id) ? (rules.get(id) ?? null) : policy,
			told: told.get(id)?.told ?? null,
			soldSince: told.get(id)?.soldSince ?? 0,
		})),
	};
}

type Place = { itemId: number; name: string; figure: number };

/** The last movement of each location up to then; created_at rises with the id but for transactions of one moment, so both are asked. */
async function readPlaces(db: Queryable, shopId: number, itemIds: readonly number[], at: Date): Promise<Place[]> {
	const { rows } = await db.query<Place>(
		`SELECT s.item_id AS "itemId", l.name, last.after AS figure
		 FROM stock s JOIN location l ON l.shop_id = s.shop_id AND l.id = s.location_id
		 CROSS JOIN LATERAL (SELECT m.after FROM movement m WHERE m.shop_id = s.shop_id AND m.item_id = s.item_id AND m.location_id = s.location_id
		   AND m.created_at <= $3 ORDER BY m.id DESC LIMIT 1) last
		 WHERE s.shop_id = $1 AND s.item_id = ANY($2::bigint[]) ORDER BY l.priority, l.id`,
		[shopId, itemIds, at],
	);
	return rows;
}

type ToldRow = { id: number; quantity: number | null; at: Date | null; outcome: string | null; sold: number };

/** Several listings of a channel share its orders: what it sold is then not told apart, and counted for none of them. */
async function readTold(
	db: Queryable,
	shopId: number,
	itemIds: readonly number[],
	listings: Of["listings"],
	at: Date,
): Promise<Map<number, Pick<ThenListing, "told" | "soldSince">>> {
	const { rows } = await db.query<ToldRow>(
		`SELECT wanted.id, a.quantity, a.at, a.outcome, coalesce(sold.units, 0)::int AS sold
		 FROM unnest($2::bigint[], $3::bigint[], $4::boolean[]) AS wanted(id, connection_id, alone)
		 LEFT JOIN LATERAL (SELECT quantity, at, outcome FROM delivery_attempt d WHERE d.shop_id = $1 AND d.listing_id = wanted.id AND d.at <= $5
		   AND d.operation <> 'listing.read' AND d.outcome IN ('landed', 'accepted') ORDER BY d.id DESC LIMIT 1) a ON true
		 LEFT JOIN LATERAL (SELECT -sum(m.delta) AS units FROM movement m WHERE m.shop_id = $1 AND m.item_id = ANY($6::bigint[]) AND cardinality($6::bigint[]) = 1
		   AND wanted.alone AND m.connection_id = wanted.connection_id AND m.cause IN ('sale', 'give-back') AND m.created_at > a.at AND m.created_at <= $5) sold ON true`,
		[
			shopId,
			listings.map(({ id }) => id),
			listings.map(({ channelId }) => channelId),
			listings.map(({ channelId }) => listings.filter((other) => other.channelId === channelId).length === 1),
			at,
			itemIds,
		],
	);
	return new Map(
		rows.map(({ id, quantity, at: toldAt, outcome, sold }) => [
			id,
			{
				told: quantity === null || toldAt === null ? null : { quantity, at: toldAt.toISOString(), confirmed: outcome === "landed" },
				soldSince: sold,
			},
		]),
	);
}

type RuleRow = { id: number; before: unknown; at: Date };

/** The first change after that moment says what had been in force before it. Listings that it does not name have today's rule. */
async function readRules(db: Queryable, shopId: number, listings: Of["listings"], at: Date): Promise<Map<number, Policy | null>> {
	const { rows } = await db.query<RuleRow>(
		`SELECT DISTINCT ON (id) id, before, at FROM (
		   SELECT (was->>'id')::bigint AS id, was->'policy' AS before, a.at FROM audit a, jsonb_array_elements(a.before->'listings') was
		    WHERE a.shop_id = $1 AND a.action = 'policy.changed' AND a.at > $3 AND jsonb_typeof(a.before->'listings') = 'array'
		   UNION ALL
		   SELECT b.listing_id, coalesce(b.before, 'null'), c.done_at FROM bulk_change c JOIN bulk_change_line b ON b.shop_id = c.shop_id AND b.change_id = c.id
		    WHERE c.shop_id = $1 AND c.done_at > $3 AND c.paused IS NULL AND b.state = 'done' AND b.listing_id = ANY($2::bigint[])
		 ) changes WHERE id = ANY($2::bigint[]) ORDER BY id, at`,
		[shopId, listings.map(({ id }) => id), at],
	);
	return new Map(
		rows.flatMap(({ id, before }): [number, Policy | null][] => {
			const policy = policySchema.nullable().safeParse(before);
			return policy.success ? [[id, policy.data]] : [];
		}),
	);
}
