import type { Queryable } from "#app/db.server.ts";
import { type Policy, policySchema, quantityToShow } from "#domain";
import { sellableUnits } from "#listings";

/** A linked listing with what could be sold of its product at the channel's locations now. */
export type Standing = {
	listingId: number;
	itemId: number;
	sku: string | null;
	title: string;
	/** Its own rule; null: the connection's. */
	policy: Policy | null;
	paused: boolean;
	desired: number | null;
	/** null: not governed (not tracked in Shopify, or sold when out of stock). */
	sellable: number | null;
};

/**
 * What every listing of a connection could show, read without a lock: for looking ahead (a changed rule, other locations, units
 * held back). Sales of this moment may be missing in it; what is shown in the end, apply decides on locked rows. `locationIds`:
 * instead of the connection's own; an empty list: all that fulfil online orders. `moved`: by "item location", units that are not moved yet.
 */
export async function readStandings(
	db: Queryable,
	shopId: number,
	connectionId: number,
	{ locationIds, moved }: { locationIds?: readonly number[] | undefined; moved?: ReadonlyMap<string, number> } = {},
): Promise<Standing[]> {
	const listings = await db.query<Row>(listingsStatement, [shopId, connectionId]);
	const components = await db.query<{ bundle: number; itemId: number; quantity: number }>(
		`SELECT bundle_item_id AS bundle, component_item_id AS "itemId", quantity FROM bundle_component
		 WHERE shop_id = $1 AND bundle_item_id IN (SELECT item_id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked')`,
		[shopId, connectionId],
	);
	const partsOf = new Map<number, { itemId: number; quantity: number }[]>();
	for (const { bundle, ...part } of components.rows) partsOf.set(bundle, [...(partsOf.get(bundle) ?? []), part]);
	const itemIds = [...new Set([...listings.rows.map(({ itemId }) => itemId), ...components.rows.map(({ itemId }) => itemId)])];
	const items = await db.query<{ id: number; governed: boolean }>(
		"SELECT id, tracked AND NOT sells_when_out AS governed FROM item WHERE shop_id = $1 AND id = ANY($2::bigint[])",
		[shopId, itemIds],
	);
	const governed = new Set(items.rows.filter((item) => item.governed).map(({ id }) => id));
	const feeding = await feedingLocations(db, { shopId, connectionId, chosen: locationIds });
	const stock = await db.query<{ itemId: number; locationId: number; net: number }>(
		`SELECT item_id AS "itemId", location_id AS "locationId", available - short AS net FROM stock
		 WHERE shop_id = $1 AND item_id = ANY($2::bigint[]) AND location_id = ANY($3::bigint[])`,
		[shopId, itemIds, feeding],
	);
	const nets = new Map(stock.rows.map(({ itemId, locationId, net }) => [`${itemId} ${locationId}`, net]));
	const netOf = (itemId: number, locationId: number) =>
		(nets.get(`${itemId} ${locationId}`) ?? 0) + (moved?.get(`${itemId} ${locationId}`) ?? 0);
	return listings.rows.map(({ policy, ...listing }) => {
		const { itemId } = listing;
		const parts = partsOf.get(itemId) ?? [{ itemId, quantity: 1 }];
		const sellable = parts.every((part) => governed.has(part.itemId)) ? sellableUnits(feeding, parts, netOf) : null;
		return { ...listing, policy: policy === null ? null : policySchema.parse(policy), sellable };
	});
}

type Row = Omit<Standing, "policy" | "sellable"> & { policy: unknown };

const listingsStatement = `
SELECT id AS "listingId", sku, title, item_id AS "itemId", policy, paused, desired
FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked' ORDER BY id`;

type Feeding = { shopId: number; connectionId: number; chosen: readonly number[] | undefined };

/** As apply chooses them (apply/sql/catalogue.ts, loadShop). */
async function feedingLocations(db: Queryable, { shopId, connectionId, chosen }: Feeding): Promise<number[]> {
	const { rows } = await db.query<{ id: number; online: boolean; chosen: boolean }>(
		`SELECT l.id, l.active AND l.fulfills_online AND NOT l.fulfillment_service AS online,
		   EXISTS (SELECT FROM connection_location c WHERE c.shop_id = $1 AND c.connection_id = $2 AND c.location_id = l.id) AS chosen
		 FROM location l WHERE l.shop_id = $1 ORDER BY l.priority, l.id`,
		[shopId, connectionId],
	);
	const wanted = chosen === undefined ? rows.filter((row) => row.chosen) : rows.filter(({ id }) => chosen.includes(id));
	return (wanted.length > 0 ? wanted : rows.filter((row) => row.online)).map(({ id }) => id);
}

/** What a listing would show, and how many units its rule keeps back. */
export function showing({ policy, sellable }: Standing, ofConnection: Policy): { quantity: number; heldBack: number } | null {
	if (sellable === null) return null;
	const quantity = quantityToShow(policy ?? ofConnection, sellable);
	return { quantity, heldBack: Math.max(0, sellable) - quantity };
}
