import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { policySchema } from "#domain";
import { desiredFor } from "#listings";
import { guestsOf, readShopMap } from "../shop/read-channels.ts";
import { readFigures } from "../stock/sql/read-figures.ts";

/** What saving makes of one listing. */
export type LinkForetold = {
	listingId: number;
	channel: string;
	/** What it shows as far as known; null: not read yet. */
	shows: number | null;
	/** What it must show then; null: nobody counts the product. Unlinked, it follows nothing. */
	to: number | null;
	isUnlinked: boolean;
	/** The product that it leaves for this one. */
	from: { sku: string; title: string } | null;
	isSent: boolean;
};

type Row = {
	id: number;
	connection_id: number;
	item_id: number | null;
	item_sku: string;
	item_title: string;
	shown: number | null;
	policy: unknown;
	restore_to: number | null;
	paused: boolean;
	partly_live: boolean;
};

/** What becomes of each listing that is linked to this product, or unlinked from it. Changes nothing. */
export async function previewLinks(
	pool: Pool,
	shopId: number,
	{ itemId, link, unlink }: { itemId: number; link: readonly number[]; unlink: readonly number[] },
): Promise<LinkForetold[]> {
	return transaction(
		pool,
		async (tx) => {
			const figures = await readFigures(tx, shopId, [itemId]);
			const parts = figures.parts(itemId);
			const isCounted = await areCounted(tx, shopId, parts.length > 0 ? parts.map((part) => part.itemId) : [itemId]);
			const guests = guestsOf(await readShopMap(tx, shopId));
			const { rows } = await tx.query<Row>(rowsStatement, [shopId, [...link, ...unlink], guests.map(({ id }) => id)]);
			return rows.flatMap((row): LinkForetold[] => {
				const channel = guests.find(({ id }) => id === row.connection_id);
				if (!channel) return [];
				const listing = { policy: row.policy === null ? null : policySchema.parse(row.policy), restoreTo: row.restore_to };
				const sellable = isCounted ? figures.sellable(itemId, channel.locationIds) : null;
				const isUnlinked = unlink.includes(row.id);
				const moves = !isUnlinked && row.item_id !== null && row.item_id !== itemId;
				return [
					{
						listingId: row.id,
						channel: channel.name,
						shows: row.shown,
						to: isUnlinked ? null : desiredFor(listing, channel, sellable),
						isUnlinked,
						from: moves ? { sku: row.item_sku, title: row.item_title } : null,
						isSent: channel.state === "live" && !row.paused && !row.partly_live,
					},
				];
			});
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

/** `partly_live`: what is linked now waits with the listings that are not live yet (connections/guests/partly-live.ts). */
const rowsStatement = `
SELECT l.id, l.connection_id, l.item_id, coalesce(i.sku, '') AS item_sku, coalesce(i.title, '') AS item_title, l.shown, l.policy, l.restore_to,
  l.paused, coalesce(s.live_scope = 'some', false) AS partly_live
FROM listing l LEFT JOIN item i ON i.shop_id = l.shop_id AND i.id = l.item_id
  LEFT JOIN connection_setup s ON s.shop_id = l.shop_id AND s.connection_id = l.connection_id
WHERE l.shop_id = $1 AND l.id = ANY($2::bigint[]) AND l.connection_id = ANY($3::bigint[]) AND l.sold_from IS NULL ORDER BY l.connection_id, l.id`;

async function areCounted(tx: Client, shopId: number, itemIds: readonly number[]): Promise<boolean> {
	const { rowCount } = await tx.query(
		"SELECT FROM item WHERE shop_id = $1 AND id = ANY($2::bigint[]) AND tracked AND NOT sells_when_out AND deleted_at IS NULL",
		[shopId, itemIds],
	);
	return rowCount === itemIds.length;
}
