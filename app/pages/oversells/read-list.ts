import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { cutPage, readCursor } from "../../components/keyset.ts";
import { readShopMap } from "../shop/read-channels.ts";
import { CARD_STATES, type CardState, type OversellList, type OversellRow, type OwedState } from "./oversells.ts";

const PAGE_ROWS = 50;
const SEARCH_CHARS_MAX = 100;

export type OversellsRequest = {
	search: string;
	state: CardState | null;
	channelId: number | null;
	itemId: number | null;
	after: string | null;
	before: string | null;
};

export function readOversellsRequest(params: URLSearchParams): OversellsRequest {
	const id = (name: string) => {
		const value = Number(params.get(name));
		return Number.isSafeInteger(value) && value > 0 ? value : null;
	};
	return {
		search: (params.get("q") ?? "").trim().slice(0, SEARCH_CHARS_MAX),
		state: CARD_STATES.find((known) => known === params.get("state")) ?? null,
		channelId: id("channel"),
		itemId: id("item"),
		after: params.get("after"),
		before: params.get("before"),
	};
}

/** Owed orders, the newest first, one row for each; of home's own shortages one for each. */
export async function readOversells(pool: Pool, shopId: number, request: OversellsRequest): Promise<OversellList> {
	return transaction(
		pool,
		async (client) => {
			const shop = await readShopMap(client, shopId);
			const nameOf = (id: number) => shop.channels.find((channel) => channel.id === id)?.name || "A former channel";
			const after = readCursor(request.after, ["number"]);
			const before = readCursor(request.before, ["number"]);
			const found = await findCards(client, shopId, { ...request, from: (before ?? after)?.[0] ?? null, backwards: before !== null });
			const { rows, pages } = cutPage(found, {
				size: PAGE_ROWS,
				backwards: before !== null,
				startsAtCursor: after !== null,
				cursorOf: (row) => [row.id],
			});
			const counts = await countCards(client, shopId, request);
			const facts = await client.query<{ as_of: Date; empty: boolean; item: string | null }>(
				`SELECT now() AS as_of, NOT EXISTS (SELECT FROM oversell WHERE shop_id = $1) AS empty,
				   (SELECT coalesce(nullif(sku, ''), nullif(title, ''), 'A product') FROM item WHERE shop_id = $1 AND id = $2) AS item`,
				[shopId, request.itemId],
			);
			const fact = facts.rows[0];
			return {
				asOf: (fact?.as_of ?? new Date()).toISOString(),
				channels: shop.channels.map(({ id, name }) => ({ id, name })),
				item: request.itemId !== null && fact?.item ? { id: request.itemId, name: fact.item } : null,
				rows: rows.map((row) => toOversellRow(row, nameOf)),
				counts: { waiting: counts.waiting, solved: counts.solved, dismissed: counts.dismissed },
				unitsOwed: counts.owed,
				pages,
				isEmpty: fact?.empty ?? true,
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

export type CardRow = {
	id: number;
	connection_id: number;
	order_id: string;
	name: string | null;
	placed_at: Date;
	noticed_at: Date;
	ended_at: Date | null;
	units: number;
	owed: number;
	state: CardState;
	ends: OwedState[];
	items: { itemId: number; sku: string; title: string }[];
};

/**
 * `$1`: the shop. Oversells are rare by design, so all of a shop's are added up where a filter does not say which. `where`: about `o`,
 * one oversell. An order is waiting while any of its units are, whatever else became of it.
 */
export const cardsOf = (where: string) => `
SELECT min(o.id) AS id, o.connection_id, o.order_id, min(coalesce(o.placed_at, o.occurred_at)) AS placed_at, min(o.created_at) AS noticed_at,
  max(coalesce(o.resolved_at, o.dismissed_at)) AS ended_at, sum(o.units)::int AS units, coalesce(sum(o.units - o.covered) FILTER (WHERE o.state = 'open'), 0)::int AS owed,
  CASE WHEN bool_or(o.state = 'open') THEN 'waiting' WHEN bool_or(o.state = 'dismissed') THEN 'dismissed' ELSE 'solved' END AS state,
  array_agg(DISTINCT o.state) AS ends, array_agg(DISTINCT o.item_id) AS item_ids
FROM oversell o WHERE o.shop_id = $1 AND ${where}
GROUP BY o.connection_id, o.order_id, CASE WHEN o.order_id = '' THEN o.id END`;

/** `$2`: ids of cards' first oversells are looked at as (connection, order); what is found is of the whole order. */
const ofItem = (item: string) => `(o.connection_id, o.order_id, CASE WHEN o.order_id = '' THEN o.id ELSE 0 END) IN
  (SELECT connection_id, order_id, CASE WHEN order_id = '' THEN id ELSE 0 END FROM oversell WHERE shop_id = $1 AND item_id IN (${item}))`;

function filterOf({ search, channelId, itemId }: OversellsRequest): { where: string; values: unknown[] } {
	const values: unknown[] = [];
	const value = (one: unknown) => `$${values.push(one) + 1}`;
	const conditions = ["true"];
	if (channelId !== null) conditions.push(`o.connection_id = ${value(channelId)}`);
	if (itemId !== null) conditions.push(ofItem(value(itemId)));
	if (search !== "") {
		const bare = search.replace(/^#/, "");
		const numbers = value([...new Set([search, bare, `#${bare}`])]);
		const sku = ofItem(`SELECT id FROM item WHERE shop_id = $1 AND strpos(lower(sku), lower(${value(search)})) > 0`);
		conditions.push(`(${sku} OR o.order_id = ANY(${numbers}) OR EXISTS (SELECT FROM sales_order s
			WHERE s.shop_id = $1 AND s.connection_id = o.connection_id AND s.order_id = o.order_id AND s.name = ANY(${numbers})))`);
	}
	return { where: conditions.join(" AND "), values };
}

async function findCards(
	client: Client,
	shopId: number,
	request: OversellsRequest & { from: string | number | null; backwards: boolean },
): Promise<CardRow[]> {
	const { where, values } = filterOf(request);
	const all: unknown[] = [shopId, ...values];
	const value = (one: unknown) => `$${all.push(one)}`;
	const conditions = ["true"];
	if (request.state) conditions.push(`card.state = ${value(request.state)}`);
	if (request.from !== null) conditions.push(`card.id ${request.backwards ? ">" : "<"} ${value(request.from)}::bigint`);
	const { rows } = await client.query<CardRow>(
		withNames(`SELECT card.* FROM (${cardsOf(where)}) card WHERE ${conditions.join(" AND ")}
		  ORDER BY card.id ${request.backwards ? "ASC" : "DESC"} LIMIT ${value(PAGE_ROWS + 1)}`),
		all,
	);
	return request.backwards ? rows.reverse() : rows;
}

/** With the order's name and the products' for those that are shown. */
export const withNames = (cards: string) => `
SELECT card.*, s.name,
  (SELECT jsonb_agg(jsonb_build_object('itemId', i.id, 'sku', coalesce(i.sku, ''), 'title', i.title) ORDER BY i.sku, i.id)
     FROM item i WHERE i.shop_id = $1 AND i.id = ANY(card.item_ids)) AS items
FROM (${cards}) card
LEFT JOIN sales_order s ON s.shop_id = $1 AND s.connection_id = card.connection_id AND s.order_id = card.order_id AND card.order_id <> ''
ORDER BY card.id DESC`;

async function countCards(client: Client, shopId: number, request: OversellsRequest) {
	const { where, values } = filterOf(request);
	const { rows } = await client.query<Record<CardState | "owed", number>>(
		`SELECT count(*) FILTER (WHERE state = 'waiting')::int AS waiting, count(*) FILTER (WHERE state = 'solved')::int AS solved,
		   count(*) FILTER (WHERE state = 'dismissed')::int AS dismissed, coalesce(sum(owed), 0)::int AS owed FROM (${cardsOf(where)}) card`,
		[shopId, ...values],
	);
	return rows[0] ?? { waiting: 0, solved: 0, dismissed: 0, owed: 0 };
}

export const toOversellRow = (row: CardRow, nameOf: (connectionId: number) => string): OversellRow => ({
	id: row.id,
	channelId: row.connection_id,
	channel: nameOf(row.connection_id),
	order: row.order_id === "" ? null : { id: row.order_id, name: row.name || row.order_id },
	placedAt: row.placed_at.toISOString(),
	noticedAt: row.noticed_at.toISOString(),
	endedAt: row.state === "waiting" ? null : (row.ended_at?.toISOString() ?? null),
	items: row.items ?? [],
	units: row.units,
	owed: row.owed,
	state: row.state,
	ends: row.ends,
});
