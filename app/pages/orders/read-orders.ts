import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { cutPage, readCursor } from "../../components/keyset.ts";
import { readShopMap, type ShopMap } from "../shop/read-channels.ts";
import { ORDER_STATES, type OrderRow, type OrderState, type OrdersPage } from "./orders.ts";

const PAGE_ROWS = 50;
const NUMBER_CHARS_MAX = 100;

export type OrdersRequest = {
	number: string;
	state: OrderState | null;
	channelId: number | null;
	after: string | null;
	before: string | null;
};

export function readOrdersRequest(params: URLSearchParams): OrdersRequest {
	const state = params.get("state");
	const channelId = Number(params.get("channel"));
	return {
		number: (params.get("q") ?? "").trim().slice(0, NUMBER_CHARS_MAX),
		state: ORDER_STATES.find((known) => known === state) ?? null,
		channelId: Number.isSafeInteger(channelId) && channelId > 0 ? channelId : null,
		after: params.get("after"),
		before: params.get("before"),
	};
}

/** Orders as they were taken in, newest first; or the one with a number. */
export async function readOrders(pool: Pool, shopId: number, request: OrdersRequest): Promise<OrdersPage> {
	return transaction(
		pool,
		async (client) => {
			const shop = await readShopMap(client, shopId);
			const after = readCursor(request.after, CURSOR);
			const before = readCursor(request.before, CURSOR);
			const found = await findOrders(client, shopId, { ...request, from: before ?? after, backwards: before !== null });
			const { rows, pages } = cutPage(found, {
				size: PAGE_ROWS,
				backwards: before !== null,
				startsAtCursor: after !== null,
				cursorOf: (row) => [row.exact_at, row.connection_id, row.order_id],
			});
			const numbers = numbersOf(request.number);
			const facts = await client.query<{ as_of: Date; empty: boolean; unreadable: number; on_its_way: boolean }>(
				`SELECT now() AS as_of, NOT EXISTS (SELECT FROM sales_order WHERE shop_id = $1) AS empty,
				        (SELECT count(*)::int FROM (SELECT FROM dead_letter WHERE shop_id = $1 AND state = 'open' AND direction = 'in'
				                                       AND error_class <> 'unmapped-listing' LIMIT 1000) letters) AS unreadable,
				        EXISTS (SELECT FROM fetch_request WHERE shop_id = $1 AND connection_id = ANY($3::bigint[]) AND kind = 'order'
				                  AND external_id = ANY($2) AND seq > done_seq) AS on_its_way`,
				[shopId, numbers, shop.channels.map(({ id }) => id)],
			);
			const { as_of, empty, unreadable, on_its_way } = facts.rows[0] ?? {
				as_of: new Date(),
				empty: true,
				unreadable: 0,
				on_its_way: false,
			};
			return {
				asOf: as_of.toISOString(),
				channels: shop.channels.map(({ id, name }) => ({ id, name })),
				rows: rows.map((row) => toOrderRow(row, shop)),
				pages,
				isEmpty: empty,
				unreadable,
				onItsWay: request.number !== "" && rows.length === 0 && on_its_way,
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

const CURSOR = ["string", "number", "string"] as const;

export type FoundOrder = {
	connection_id: number;
	order_id: string;
	name: string;
	ordered_at: Date;
	taken_at: Date;
	/** To the microsecond, as the database compares it. */
	exact_at: string;
	baseline: boolean;
	unmapped: boolean;
	cancelled: boolean;
	units: number;
	oversold: boolean;
	owed: number;
};

/** What the list and the page of one order say of an order alike. */
export const orderColumns = `
o.connection_id, o.order_id, coalesce(nullif(o.name, ''), o.order_id) AS name, o.created_on_channel_at AS ordered_at, o.created_at AS taken_at,
to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS exact_at, o.baseline, o.content_hash = 'unmapped' AS unmapped, o.cancelled,
(SELECT coalesce(sum(l.held), 0)::int FROM order_line l
  WHERE l.shop_id = o.shop_id AND l.connection_id = o.connection_id AND l.order_id = o.order_id) AS units,
EXISTS (SELECT FROM oversell s WHERE s.shop_id = o.shop_id AND s.connection_id = o.connection_id AND s.order_id = o.order_id AND s.order_id <> '') AS oversold,
(SELECT coalesce(sum(s.units - s.covered) FILTER (WHERE s.state = 'open'), 0)::int FROM oversell s
  WHERE s.shop_id = o.shop_id AND s.connection_id = o.connection_id AND s.order_id = o.order_id AND s.order_id <> '') AS owed`;

const STATES: Readonly<Record<OrderState, string>> = {
	before: "o.baseline",
	unlinked: "o.content_hash = 'unmapped'",
	oversold: "(o.connection_id, o.order_id) IN (SELECT connection_id, order_id FROM oversell WHERE shop_id = $1 AND order_id <> '')",
	counted: `NOT o.baseline AND o.content_hash <> 'unmapped'
	  AND (o.connection_id, o.order_id) NOT IN (SELECT connection_id, order_id FROM oversell WHERE shop_id = $1 AND order_id <> '')`,
};

type Find = OrdersRequest & { from: readonly (string | number)[] | null; backwards: boolean };

async function findOrders(client: Client, shopId: number, { number, state, channelId, from, backwards }: Find): Promise<FoundOrder[]> {
	const values: unknown[] = [shopId];
	const value = (one: unknown) => `$${values.push(one)}`;
	const conditions = ["o.shop_id = $1"];
	if (number) {
		const numbers = value(numbersOf(number));
		// Two indexes, one for each kind of number; an OR would read the shop's orders.
		conditions.push(`(o.connection_id, o.order_id) IN (
			SELECT connection_id, order_id FROM sales_order WHERE shop_id = $1 AND name = ANY(${numbers})
			UNION SELECT s.connection_id, s.order_id FROM connection c
			  JOIN sales_order s ON s.shop_id = c.shop_id AND s.connection_id = c.id AND s.order_id = ANY(${numbers}) WHERE c.shop_id = $1)`);
	}
	if (state) conditions.push(STATES[state]);
	if (channelId !== null) conditions.push(`o.connection_id = ${value(channelId)}`);
	if (from) {
		const [at, connection, order] = [value(from[0]), value(from[1]), value(from[2])];
		conditions.push(
			`(o.created_at, o.connection_id, o.order_id) ${backwards ? ">" : "<"} (${at}::timestamptz, ${connection}::bigint, ${order}::text)`,
		);
	}
	const direction = backwards ? "ASC" : "DESC";
	const { rows } = await client.query<FoundOrder>(
		`SELECT ${orderColumns} FROM sales_order o WHERE ${conditions.join(" AND ")}
		  ORDER BY o.created_at ${direction}, o.connection_id ${direction}, o.order_id ${direction} LIMIT ${value(PAGE_ROWS + 1)}`,
		values,
	);
	return rows;
}

/** "1001" and "#1001" are the same number to a person. */
function numbersOf(typed: string): string[] {
	const bare = typed.replace(/^#/, "");
	return typed === "" ? [] : [...new Set([typed, bare, `#${bare}`])];
}

export const toOrderRow = (row: FoundOrder, shop: ShopMap): OrderRow => ({
	channelId: row.connection_id,
	channel: shop.channels.find(({ id }) => id === row.connection_id)?.name || "A former channel",
	orderId: row.order_id,
	name: row.name,
	orderedAt: row.ordered_at.toISOString(),
	takenAt: row.taken_at.toISOString(),
	units: row.units,
	state: row.baseline ? "before" : row.unmapped ? "unlinked" : row.oversold ? "oversold" : "counted",
	owed: row.owed,
	cancelled: row.cancelled,
});
