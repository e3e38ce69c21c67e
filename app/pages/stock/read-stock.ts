import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { cutPage, readCursor } from "../../components/keyset.ts";
import { guestsOf, readShopMap, type ShopChannel } from "../shop/read-channels.ts";
import { countItems, type FoundItem, findItems } from "./sql/find-items.ts";
import { readFigures, readListings } from "./sql/read-figures.ts";
import {
	STOCK_STATES,
	type StockChannel,
	type StockFilter,
	type StockListing,
	type StockPage,
	type StockRow,
	type StockState,
} from "./stock.ts";

/** What fits on a screen and a half; a page of 50 with three channels is 150 figures. */
const PAGE_ROWS = 50;
const READ_ONLY = { begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };

export type StockRequest = StockFilter & { after: string | null; before: string | null };

/** The filters as they stand in the page's address; what is not one of them is none. */
export function readStockRequest(params: URLSearchParams): StockRequest {
	const state = params.get("state");
	const channelId = Number(params.get("channel"));
	return {
		query: (params.get("q") ?? "").trim(),
		state: STOCK_STATES.find((known): known is StockState => known === state) ?? null,
		channelId: Number.isSafeInteger(channelId) && channelId > 0 ? channelId : null,
		after: params.get("after"),
		before: params.get("before"),
	};
}

/** One page of the stock list, as of one moment. A channel of another shop is a channel on which nothing is listed. */
export async function readStock(pool: Pool, shopId: number, request: StockRequest, size = PAGE_ROWS): Promise<StockPage> {
	return transaction(
		pool,
		async (client) => {
			const shop = await client.query<{ as_of: Date; import_state: string; has_products: boolean }>(
				`SELECT now() AS as_of, import_state,
				        EXISTS (SELECT FROM item WHERE shop_id = $1 AND deleted_at IS NULL) AS has_products FROM shop WHERE id = $1`,
				[shopId],
			);
			const guests = guestsOf(await readShopMap(client, shopId));
			const after = readCursor(request.after, ["string", "number"]);
			const before = readCursor(request.before, ["string", "number"]);
			const found = await findItems(client, shopId, request, { after, before, limit: size + 1 });
			const { rows, pages } = cutPage(found, {
				size,
				backwards: before !== null,
				startsAtCursor: after !== null,
				cursorOf: (row) => [row.sku, row.id],
			});
			const state = shop.rows[0]?.import_state;
			const onePage = pages.before === null && pages.after === null;
			return {
				asOf: (shop.rows[0]?.as_of ?? new Date()).toISOString(),
				hasProducts: shop.rows[0]?.has_products ?? false,
				importing: state === "pending" || state === "running",
				channels: guests.map(toStockChannel),
				matching: onePage ? rows.length : await countItems(client, shopId, request),
				rows: await toRows(client, shopId, rows, guests),
				pages,
			};
		},
		READ_ONLY,
	);
}

async function toRows(client: Client, shopId: number, items: readonly FoundItem[], guests: readonly ShopChannel[]): Promise<StockRow[]> {
	const itemIds = items.map(({ id }) => id);
	const figures = await readFigures(client, shopId, itemIds);
	const listings = await readListings(client, shopId, { itemIds, channels: guests, figures });
	const waiting = await client.query<{ itemId: number; setId: number }>(
		`SELECT item_id AS "itemId", max(set_id) AS "setId" FROM held_change WHERE shop_id = $1 AND item_id = ANY($2::bigint[]) AND state = 'held' GROUP BY 1`,
		[shopId, itemIds],
	);
	const waitsIn = new Map(waiting.rows.map((row) => [row.itemId, row.setId]));
	const listingsOf = new Map<number, StockListing[]>();
	for (const { itemId, title: _, externalId: __, pausedReason: ___, unseen: ____, locationIds: _____, ...listing } of listings) {
		const known = listingsOf.get(itemId);
		if (known) known.push(listing);
		else listingsOf.set(itemId, [listing]);
	}
	return items.map((item) => ({
		itemId: item.id,
		sku: item.sku,
		title: item.title,
		bundle: figures.isBundle(item.id),
		counted: item.tracked && !item.sells_when_out,
		available: figures.available(item.id),
		owed: figures.owed(item.id),
		waitsIn: waitsIn.get(item.id) ?? null,
		listings: listingsOf.get(item.id) ?? [],
	}));
}

export const toStockChannel = ({ id, name, state }: ShopChannel): StockChannel => ({ id, name, state: state as StockChannel["state"] });
