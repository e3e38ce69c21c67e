import { type Client, type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { readAfterwards, readEvidence, whyOf } from "#app/oversells/index.ts";
import { channel as channelOf } from "#channels";
import type { AuditRow } from "../activity/entry.ts";
import { readWords, type Words } from "../activity/read-words.ts";
import { sayEntry } from "../activity/say-entry.ts";
import type { CancelWay, OversellCard, OwedLine, OwedState } from "./oversells.ts";
import { type CardRow, cardsOf, toOversellRow, withNames } from "./read-list.ts";
import { sayWhy } from "./say-why.ts";

/** An order of more products that are owed is shown with these; the others are on the order's own page. */
const LINES_MAX = 20;
const HISTORY_MAX = 200;
const PLACES_MAX = 20;

/** One owed order, by the id of any of its oversells. null: the shop has none of that number. */
export async function readOversell(
	pool: Pool,
	shopId: number,
	{ id, reader }: { id: number; reader: string },
): Promise<OversellCard | null> {
	return transaction(
		pool,
		async (client) => {
			const found = await client.query<
				CardRow & { as_of: Date; channel: string; is_home: boolean; connection_state: string; cancelled: boolean | null }
			>(
				`SELECT card.*, now() AS as_of, c.channel, c.is_home, c.state AS connection_state,
				   (SELECT s.cancelled FROM sales_order s WHERE s.shop_id = $1 AND s.connection_id = card.connection_id AND s.order_id = card.order_id) AS cancelled
				 FROM (${withNames(cardsOf(OF_THE_SAME))}) card JOIN connection c ON c.shop_id = $1 AND c.id = card.connection_id`,
				[shopId, id],
			);
			const [card] = found.rows;
			if (!card) return null;
			const { rows: owed } = await client.query<OwedRow>(owedStatement, [shopId, id, LINES_MAX]);
			const { rows: entries } = await client.query<AuditRow>(
				`SELECT a.id, a.actor, a.action, a.subject, a.before, a.after, a.at FROM audit a
				 WHERE a.shop_id = $1 AND a.action LIKE 'oversell.%' AND a.subject IN (SELECT o.id::text FROM oversell o WHERE o.shop_id = $1 AND ${OF_THE_SAME})
				 ORDER BY a.id DESC LIMIT $3`,
				[shopId, id, HISTORY_MAX],
			);
			const words = await readWords(client, shopId, reader, entries);
			const lines: OwedLine[] = [];
			for (const row of owed) lines.push(await toLine(client, shopId, row, words));
			return {
				...toOversellRow(card, words.channel),
				channel: words.channel(card.connection_id),
				asOf: card.as_of.toISOString(),
				isHome: card.is_home,
				lines,
				ways: { cancel: await readCancelWay(client, shopId, card) },
				history: entries.map((row) => {
					const { id: entryId, at, who, what, after } = sayEntry(row, words);
					return { id: entryId, at, who, what: after === null ? what : `${what}: ${after}` };
				}),
				afterwards: await readAfterwards(client, shopId),
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

/** `$2`: one of them. Of an order all; a shortage without an order stands for itself. */
const OF_THE_SAME = `EXISTS (SELECT FROM oversell k WHERE k.shop_id = $1 AND k.id = $2 AND k.connection_id = o.connection_id AND k.order_id = o.order_id
  AND (k.order_id <> '' OR k.id = o.id))`;

/** All oversells of the order that one of them is of, also those that the page does not list. */
export async function readIdsOfSame(db: Queryable, shopId: number, id: number): Promise<number[]> {
	const { rows } = await db.query<{ id: number }>(`SELECT o.id FROM oversell o WHERE o.shop_id = $1 AND ${OF_THE_SAME} ORDER BY o.id`, [
		shopId,
		id,
	]);
	return rows.map((row) => row.id);
}

type OwedRow = {
	id: number;
	connection_id: number;
	order_id: string;
	line_id: string;
	item_id: number;
	location_id: number;
	sku: string | null;
	title: string;
	location: string;
	units: number;
	owed: number;
	state: OwedState;
	resolved_at: Date | null;
	ended_by: string | null;
	dismissed_by: string | null;
	dismissed_at: Date | null;
	dismissed_reason: string | null;
	send_instead: string | null;
	is_home: boolean;
	held: number | null;
	mirrored: number | null;
	place: number;
	units_before: number;
	on_hand: number | null;
	owed_to_others: number;
};

/** `place`: how many wait there for the same product longer, dismissed ones too, since stock covers them all the same. */
const owedStatement = `
SELECT o.id, o.connection_id, o.order_id, o.line_id, o.item_id, o.location_id, i.sku, i.title, l.name AS location, o.units, o.units - o.covered AS owed, o.state,
  o.resolved_at, o.ended_by, o.dismissed_by, o.dismissed_at, o.dismissed_reason, o.send_instead, c.is_home,
  (SELECT a.quantity FROM order_line_allocation a WHERE a.shop_id = $1 AND a.connection_id = o.connection_id AND a.order_id = o.order_id AND a.line_id = o.line_id
     AND a.item_id = o.item_id AND a.location_id = o.location_id AND a.instead_of = 0) AS held,
  (SELECT n.mirrored FROM order_line n WHERE n.shop_id = $1 AND n.connection_id = o.connection_id AND n.order_id = o.order_id AND n.line_id = o.line_id) AS mirrored,
  line.ahead + 1 AS place, line.units_before, s.home_quantity AS on_hand,
  (SELECT coalesce(sum(w.units - w.covered), 0)::int FROM oversell w WHERE w.shop_id = $1 AND w.item_id = o.item_id AND w.covered < w.units
     AND (w.connection_id, w.order_id) <> (o.connection_id, o.order_id)) AS owed_to_others
FROM oversell o
JOIN item i ON i.shop_id = $1 AND i.id = o.item_id
JOIN location l ON l.shop_id = $1 AND l.id = o.location_id
JOIN connection c ON c.shop_id = $1 AND c.id = o.connection_id
LEFT JOIN stock s ON s.shop_id = $1 AND s.item_id = o.item_id AND s.location_id = o.location_id
CROSS JOIN LATERAL (SELECT count(*)::int AS ahead, coalesce(sum(w.units - w.covered), 0)::int AS units_before FROM oversell w
  WHERE w.shop_id = $1 AND w.item_id = o.item_id AND w.location_id = o.location_id AND w.covered < w.units
    AND (coalesce(w.placed_at, w.occurred_at), w.id) < (coalesce(o.placed_at, o.occurred_at), o.id)) line
WHERE o.shop_id = $1 AND ${OF_THE_SAME} ORDER BY o.state = 'open' DESC, o.id LIMIT $3`;

async function toLine(client: Client, shopId: number, row: OwedRow, words: Words): Promise<OwedLine> {
	const ref = {
		id: row.id,
		itemId: row.item_id,
		connectionId: row.connection_id,
		orderId: row.order_id,
		lineId: row.line_id,
		locationId: row.location_id,
	};
	const found = await readEvidence(client, shopId, ref);
	const takes = Math.min(row.owed, row.held ?? 0);
	const { rows: places } = await client.query<{ locationId: number; location: string; free: number }>(
		`SELECT s.location_id AS "locationId", l.name AS location, s.available AS free FROM stock s
		 JOIN location l ON l.shop_id = $1 AND l.id = s.location_id AND l.active
		 WHERE s.shop_id = $1 AND s.item_id = $2 AND s.location_id <> $3 AND s.available > 0 ORDER BY s.available DESC, l.priority, l.id LIMIT $4`,
		[shopId, row.item_id, row.location_id, PLACES_MAX],
	);
	const { rows: shown } = await client.query<{ connectionId: number; shows: number | null; paused: boolean }>(
		`SELECT li.connection_id AS "connectionId", li.shown AS shows, li.paused FROM listing li
		 JOIN connection c ON c.shop_id = $1 AND c.id = li.connection_id AND NOT c.is_home AND c.state = 'live'
		 WHERE li.shop_id = $1 AND li.item_id = $2 AND li.link_state = 'linked' ORDER BY li.shown DESC NULLS LAST, li.id LIMIT $3`,
		[shopId, row.item_id, PLACES_MAX],
	);
	return {
		oversellId: row.id,
		itemId: row.item_id,
		sku: row.sku ?? "",
		title: row.title,
		location: row.location,
		units: row.units,
		owed: row.owed,
		state: row.state,
		endedAt: row.state === "open" || row.state === "dismissed" ? null : (row.resolved_at?.toISOString() ?? null),
		endedBy: row.ended_by === null ? null : words.person(row.ended_by),
		dismissed:
			row.state === "dismissed"
				? { by: words.person(row.dismissed_by ?? ""), at: row.dismissed_at?.toISOString() ?? "", reason: row.dismissed_reason ?? "" }
				: null,
		sendInstead: row.send_instead,
		why: sayWhy(whyOf(found.evidence), found, { ...ref, isHome: row.is_home }, words),
		elsewhere: places.map((place) => ({ ...place, takes: Math.min(takes, place.free), leaves: place.free - Math.min(takes, place.free) })),
		fixed: whyFixed(row, takes),
		owedToOthers: row.owed_to_others,
		wait: { place: row.place, unitsBefore: row.units_before, onHand: row.on_hand },
		shownElsewhere: shown
			.filter(({ connectionId }) => connectionId !== row.connection_id)
			.map(({ connectionId, shows, paused }) => ({ channel: words.channel(connectionId), shows, held: !paused })),
	};
}

/** Why the units of an order cannot be taken from somewhere else here. */
function whyFixed(row: OwedRow, takes: number): string | null {
	if (row.order_id === "") return "Shopify's own figure is below zero here. Move stock in Shopify, and Lockstep follows.";
	if (takes > 0) return null;
	if (!row.is_home && !row.mirrored) return "What the order holds is not on record, so nothing can be taken for it here.";
	return row.is_home
		? "Shopify keeps the units of its own orders. Change where the order is sent from in Shopify, and Lockstep follows."
		: "A copy of this order in Shopify keeps its units. Change where that is sent from in Shopify, and Lockstep follows.";
}

async function readCancelWay(
	client: Client,
	shopId: number,
	card: CardRow & { channel: string; is_home: boolean; connection_state: string; cancelled: boolean | null },
): Promise<CancelWay> {
	if (card.order_id === "") return { can: false, why: "No order is known." };
	if (card.cancelled) return { can: false, why: "It is cancelled." };
	if (card.is_home) return { can: false, why: "Cancel it in Shopify's own order list; Lockstep follows." };
	if (card.connection_state === "disconnected") return { can: false, why: "The channel is disconnected." };
	const { capabilities, name } = channelOf(card.channel);
	if (!capabilities.cancelsOrders)
		return {
			can: false,
			why: `Lockstep cannot cancel orders on ${name}. Cancel it there; Lockstep follows.`,
		};
	const { rows } = await client.query<{ state: "asked" | "sent" | "taken" | "refused"; at: Date; reason: string | null }>(
		`SELECT state, coalesce(ended_at, sent_at, asked_at) AS at, reason FROM order_cancellation WHERE shop_id = $1 AND connection_id = $2 AND order_id = $3`,
		[shopId, card.connection_id, card.order_id],
	);
	const [wish] = rows;
	return { can: true, cost: capabilities.cancelsOrders.cost, state: wish ? { ...wish, at: wish.at.toISOString() } : null };
}
