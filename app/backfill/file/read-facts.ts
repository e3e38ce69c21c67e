import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import { type Policy, policySchema } from "#domain";
import type { ItemKey, LineWish } from "./read-line.ts";
import type { Facts, ItemFact, ListingFact, NamedFact } from "./settle-line.ts";

const ALIKE_MAX = 3;

/** Looks up everything that these lines name, in a fixed number of statements however many lines they are. */
export async function readFacts(db: Queryable, shopId: number, wishes: readonly LineWish[]): Promise<Facts> {
	const locations = await db.query<NamedFact>("SELECT id, name FROM location WHERE shop_id = $1 AND active ORDER BY priority, id", [
		shopId,
	]);
	// By the names that the pages have for them.
	const names = await readNames(db, shopId);
	const channels = await db.query<{ id: number }>(
		"SELECT id FROM connection WHERE shop_id = $1 AND NOT is_home AND state <> 'disconnected' ORDER BY id",
		[shopId],
	);
	const items = await findItems(db, shopId, wishes);
	const itemIds = [...new Set([...items.values()].flat().map(({ id }) => id))];
	const stock = await db.query<{ item_id: number; location_id: number; net: number }>(
		"SELECT item_id, location_id, available - short AS net FROM stock WHERE shop_id = $1 AND item_id = ANY($2::bigint[])",
		[shopId, itemIds],
	);
	const nets = new Map(stock.rows.map((row) => [`${row.item_id} ${row.location_id}`, row.net]));
	const listings = await findListings(db, shopId, { itemIds, wishes });
	const ofItem = Map.groupBy(listings, ({ itemId }) => itemId);
	const bySku = Map.groupBy(listings, ({ connectionId, sku }) => `${connectionId} ${sku}`);
	const alike = await findAlike(
		db,
		shopId,
		wishes.map(({ key }) => key).filter((key) => key.by === "sku" && !items.has(keyText(key))),
	);
	return {
		items: (key) => items.get(keyText(key)) ?? [],
		alike: (key) => (key.by === "sku" ? (alike.get(bare(key.value)) ?? []) : []),
		net: (itemId, locationId) => nets.get(`${itemId} ${locationId}`),
		locations: locations.rows,
		channels: channels.rows.map(({ id }) => ({ id, name: names.get(id) ?? "" })),
		listingsOf: (itemId) => ofItem.get(itemId) ?? [],
		listingsBySku: (connectionId, sku) => bySku.get(`${connectionId} ${sku}`) ?? [],
	};
}

const keyText = ({ by, value }: ItemKey) => `${by} ${value}`;
/** Without what a spreadsheet may have changed. The same as `bare` below in SQL. */
const bare = (sku: string) => sku.toLowerCase().replace(/^0+/, "");

async function findItems(db: Queryable, shopId: number, wishes: readonly LineWish[]): Promise<Map<string, ItemFact[]>> {
	const valuesOf = (by: ItemKey["by"]) => [...new Set(wishes.flatMap(({ key }) => (key.by === by ? [key.value] : [])))];
	const { rows } = await db.query<ItemFact & ItemKey>(
		`SELECT i.id, i.tracked, EXISTS (SELECT FROM bundle_component b WHERE b.shop_id = $1 AND b.bundle_item_id = i.id) OR i.is_home_bundle AS bundle, k.by, k.value
		 FROM (
		   SELECT id, 'variant' AS by, variant_id AS value FROM item WHERE shop_id = $1 AND variant_id = ANY($2::text[])
		   UNION ALL SELECT id, 'sku', sku FROM item WHERE shop_id = $1 AND sku = ANY($3::text[])
		   UNION ALL SELECT id, 'barcode', barcode FROM item WHERE shop_id = $1 AND barcode = ANY($4::text[])
		 ) k JOIN item i ON i.shop_id = $1 AND i.id = k.id AND i.deleted_at IS NULL ORDER BY i.id`,
		[shopId, valuesOf("variant"), valuesOf("sku"), valuesOf("barcode")],
	);
	return Map.groupBy(rows, keyText);
}

async function findAlike(db: Queryable, shopId: number, unknown: readonly ItemKey[]): Promise<Map<string, string[]>> {
	if (unknown.length === 0) return new Map();
	const { rows } = await db.query<{ bare: string; skus: string[] }>(
		`SELECT ltrim(lower(sku), '0') AS bare, (array_agg(sku ORDER BY sku))[1:$3::int] AS skus FROM item
		 WHERE shop_id = $1 AND deleted_at IS NULL AND sku <> '' AND ltrim(lower(sku), '0') = ANY($2::text[]) GROUP BY 1`,
		[shopId, [...new Set(unknown.map(({ value }) => bare(value)))].filter((value) => value !== ""), ALIKE_MAX],
	);
	return new Map(rows.map((row) => [row.bare, row.skus]));
}

type ListingRow = Omit<ListingFact, "policy"> & { policy: unknown };

/** Those that are linked to the products, and those that lines name by their own SKU. */
async function findListings(
	db: Queryable,
	shopId: number,
	{ itemIds, wishes }: { itemIds: readonly number[]; wishes: readonly LineWish[] },
): Promise<ListingFact[]> {
	const skus = [...new Set(wishes.flatMap(({ link, channelSku }) => (link === null || channelSku === null ? [] : [channelSku])))];
	const columns = `l.id, l.connection_id AS "connectionId", l.sku, l.item_id AS "itemId", l.policy, l.paused,
	  l.paused AND l.paused_reason IS NOT DISTINCT FROM $3 AS "notLive", l.sold_from IS NOT NULL AS follows`;
	const linked = await db.query<ListingRow>(
		`SELECT ${columns} FROM listing l WHERE l.shop_id = $1 AND l.item_id = ANY($2::bigint[]) AND l.link_state = 'linked' ORDER BY l.id`,
		[shopId, itemIds, NOT_LIVE_YET],
	);
	// Only where links are named: there is no index that finds a listing by its own SKU.
	const named =
		skus.length === 0
			? []
			: (
					await db.query<ListingRow>(`SELECT ${columns} FROM listing l WHERE l.shop_id = $1 AND l.sku = ANY($2::text[]) ORDER BY l.id`, [
						shopId,
						skus,
						NOT_LIVE_YET,
					])
				).rows;
	const rows = [...new Map([...linked.rows, ...named].map((row) => [row.id, row])).values()];
	return rows.map(({ policy, ...row }) => ({ ...row, policy: policy === null ? null : (policySchema.parse(policy) satisfies Policy) }));
}
