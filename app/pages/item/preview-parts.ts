import { type Pool, transaction } from "#app/db.server.ts";
import { policySchema, quantityToShow } from "#domain";
import { sellableUnits } from "#listings";
import { guestsOf, readShopMap } from "../shop/read-channels.ts";
import { type Part, readPartFacts } from "./parts.ts";

export type PartsPreview = {
	/** What there is of it over all locations, made of these parts. */
	available: number;
	/** null: nobody counts it then. */
	listings: { listingId: number; channel: string; sku: string; from: number | null; to: number | null; isSent: boolean }[];
};

type ListingRow = { id: number; connection_id: number; name: string; policy: unknown; desired: number | null; paused: boolean };

/** What becomes of each channel's figure if the product is made of these parts (none: of itself). Changes nothing. */
export async function previewParts(pool: Pool, shopId: number, itemId: number, parts: readonly Part[]): Promise<PartsPreview> {
	return transaction(
		pool,
		async (tx) => {
			const made = parts.length > 0 ? parts : [{ itemId, quantity: 1 }];
			const ids = made.map((part) => part.itemId);
			const facts = await readPartFacts(tx, shopId, ids);
			const isCounted = facts.length === ids.length && facts.every((fact) => fact.tracked && !fact.sellsWhenOut);
			const stock = await tx.query<{ item_id: number; location_id: number; net: number }>(
				"SELECT item_id, location_id, available - short AS net FROM stock WHERE shop_id = $1 AND item_id = ANY($2::bigint[])",
				[shopId, ids],
			);
			const nets = new Map(stock.rows.map((row) => [`${row.item_id}:${row.location_id}`, row.net]));
			const sellable = (locationIds: readonly number[]) => sellableUnits(locationIds, made, (item, at) => nets.get(`${item}:${at}`) ?? 0);
			const guests = guestsOf(await readShopMap(tx, shopId));
			const { rows } = await tx.query<ListingRow>(
				`SELECT id, connection_id, coalesce(nullif(sku, ''), nullif(title, ''), external_id) AS name, policy, desired, paused FROM listing
				  WHERE shop_id = $1 AND item_id = $2 AND link_state = 'linked' AND connection_id = ANY($3::bigint[]) ORDER BY connection_id, id`,
				[shopId, itemId, guests.map(({ id }) => id)],
			);
			return {
				available: Math.max(0, sellable([...new Set(stock.rows.map((row) => row.location_id))])),
				listings: rows.flatMap((row) => {
					const channel = guests.find(({ id }) => id === row.connection_id);
					if (!channel) return [];
					const policy = row.policy === null ? channel.policy : policySchema.parse(row.policy);
					const to = isCounted ? quantityToShow(policy, sellable(channel.locationIds)) : null;
					const isSent = channel.state === "live" && !row.paused;
					return [{ listingId: row.id, channel: channel.name, sku: row.name, from: row.desired, to, isSent }];
				}),
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}
