import { type Pool, transaction } from "#app/db.server.ts";
import type { Policy } from "#domain";
import { guestsOf, readShopMap } from "../shop/read-channels.ts";
import { readFigures, readListings } from "./sql/read-figures.ts";

export type EditedListing = {
	id: number;
	itemId: number;
	sku: string;
	title: string;
	channel: string;
	/** null: not counted, so no rule has an effect. */
	sellable: number | null;
	policy: Policy | null;
	channelPolicy: Policy;
	paused: boolean;
	/** Going live is decided on the channel's page. */
	notLive: boolean;
	shows: number | null;
};

/** The listings of these products (on one channel, or on all), as the table for editing many shows them. */
export async function readEditing(
	pool: Pool,
	shopId: number,
	of: { itemIds: readonly number[]; channelId: number | null },
): Promise<EditedListing[]> {
	return transaction(
		pool,
		async (client) => {
			const channels = guestsOf(await readShopMap(client, shopId)).filter(({ id }) => of.channelId === null || id === of.channelId);
			const { rows: items } = await client.query<{ id: number; sku: string | null; title: string }>(
				"SELECT id, sku, title FROM item WHERE shop_id = $1 AND id = ANY($2::bigint[]) AND deleted_at IS NULL ORDER BY coalesce(sku, ''), id",
				[shopId, of.itemIds],
			);
			const itemIds = items.map(({ id }) => id);
			const figures = await readFigures(client, shopId, itemIds);
			const listings = await readListings(client, shopId, { itemIds, channels, figures });
			return items.flatMap((item) =>
				listings
					.filter((listing) => listing.itemId === item.id)
					.map((listing) => {
						const channel = channels.find(({ id }) => id === listing.channelId);
						return {
							id: listing.id,
							itemId: item.id,
							sku: item.sku ?? "",
							title: item.title,
							channel: channel?.name ?? "",
							sellable: listing.should === null ? null : figures.sellable(item.id, listing.locationIds),
							policy: listing.policy,
							channelPolicy: channel?.policy ?? { kind: "exact" as const },
							paused: listing.paused,
							notLive: listing.mark === "not-live",
							shows: listing.shows,
						};
					}),
			);
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}
