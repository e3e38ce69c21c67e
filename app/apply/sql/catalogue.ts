import type { PoolClient } from "pg";
import type { HomeItem, HomeLocation } from "#domain";

/** Items and locations as home describes them; an older description never replaces a newer one. */
export async function writeCatalogue(
	tx: PoolClient,
	shopId: number,
	found: { items: readonly HomeItem[]; locations: readonly HomeLocation[] },
): Promise<void> {
	if (found.locations.length > 0) {
		const newest = [...new Map(found.locations.map((l) => [l.locationExternalId, l])).values()];
		await tx.query(
			`INSERT INTO location (shop_id, external_id, name, active, fulfills_online, fulfillment_service)
			 SELECT $1, external_id, name, active, fulfills_online, fulfillment_service
			 FROM jsonb_to_recordset($2::jsonb) AS r(external_id text, name text, active boolean, fulfills_online boolean, fulfillment_service boolean)
			 ON CONFLICT (shop_id, external_id) DO UPDATE SET name = excluded.name, active = excluded.active,
			   fulfills_online = excluded.fulfills_online, fulfillment_service = excluded.fulfillment_service`,
			[
				shopId,
				JSON.stringify(
					newest.map((l) => ({
						external_id: l.locationExternalId,
						name: l.name,
						active: l.active,
						fulfills_online: l.fulfillsOnline,
						fulfillment_service: l.fulfillmentService,
					})),
				),
			],
		);
	}
	if (found.items.length > 0) {
		const newest = new Map<string, HomeItem>();
		for (const item of found.items) {
			const other = newest.get(item.itemExternalId);
			if (!other || Date.parse(other.stamp) <= Date.parse(item.stamp)) newest.set(item.itemExternalId, item);
		}
		await tx.query(
			`INSERT INTO item (shop_id, external_id, variant_id, product_id, sku, barcode, title, tracked, sells_when_out, is_home_bundle, stamp)
			 SELECT $1, external_id, variant_id, product_id, sku, barcode, title, tracked, sells_when_out, is_home_bundle, stamp
			 FROM jsonb_to_recordset($2::jsonb) AS r(external_id text, variant_id text, product_id text, sku text, barcode text, title text,
			   tracked boolean, sells_when_out boolean, is_home_bundle boolean, stamp timestamptz)
			 ORDER BY external_id
			 ON CONFLICT (shop_id, external_id) DO UPDATE SET variant_id = coalesce(excluded.variant_id, item.variant_id),
			   product_id = coalesce(excluded.product_id, item.product_id), sku = excluded.sku, barcode = excluded.barcode,
			   title = CASE WHEN excluded.title = '' THEN item.title ELSE excluded.title END, tracked = excluded.tracked,
			   sells_when_out = excluded.sells_when_out, is_home_bundle = excluded.is_home_bundle, stamp = excluded.stamp, deleted_at = NULL
			 WHERE item.stamp IS NULL OR item.stamp <= excluded.stamp`,
			[
				shopId,
				JSON.stringify(
					[...newest.values()].map((i) => ({
						external_id: i.itemExternalId,
						variant_id: i.variantExternalId,
						product_id: i.productExternalId,
						sku: i.sku,
						barcode: i.barcode,
						title: i.title,
						tracked: i.tracked,
						sells_when_out: i.sellsWhenOut,
						is_home_bundle: i.isHomeBundle,
						stamp: i.stamp,
					})),
				),
			],
		);
	}
}

/** Marks what home no longer has, so that no later figure or link speaks of it. */
export async function markGone(
	tx: PoolClient,
	shopId: number,
	gone: readonly { itemExternalId: string | null; productExternalId: string | null }[],
): Promise<void> {
	if (gone.length === 0) return;
	await tx.query(
		"UPDATE item SET deleted_at = coalesce(deleted_at, now()) WHERE shop_id = $1 AND (external_id = ANY($2) OR product_id = ANY($3))",
		[shopId, gone.flatMap((g) => g.itemExternalId ?? []), gone.flatMap((g) => g.productExternalId ?? [])],
	);
}

export type LoadedItem = {
	id: number;
	externalId: string;
	variantId: string | null;
	productId: string | null;
	tracked: boolean;
	sellsWhenOut: boolean;
};

export async function loadItems(
	tx: PoolClient,
	shopId: number,
	by: { ids: readonly number[]; externals: readonly string[]; variants: readonly string[]; products: readonly string[] },
): Promise<LoadedItem[]> {
	// Four index look-ups instead of one OR, which the planner answers with a scan once the lists are long.
	const result = await tx.query(
		`SELECT id, external_id, variant_id, product_id, tracked, sells_when_out FROM item
		 WHERE shop_id = $1 AND id IN (
		   SELECT unnest($2::bigint[])
		   UNION SELECT id FROM item WHERE shop_id = $1 AND external_id = ANY($3)
		   UNION SELECT id FROM item WHERE shop_id = $1 AND variant_id = ANY($4)
		   UNION SELECT id FROM item WHERE shop_id = $1 AND product_id = ANY($5))`,
		[shopId, by.ids, by.externals, by.variants, by.products],
	);
	return result.rows.map((r) => ({
		id: r.id,
		externalId: r.external_id,
		variantId: r.variant_id,
		productId: r.product_id,
		tracked: r.tracked,
		sellsWhenOut: r.sells_when_out,
	}));
}

/**
 * The bundles among `itemIds`, the bundles that contain one of them, and all of their components. `kit`: the merchant made it in
 * Lockstep, and home does not sell it as a bundle of its own.
 */
export async function loadBundles(
	tx: PoolClient,
	shopId: number,
	itemIds: readonly number[],
): Promise<{ bundle: number; component: number; quantity: number; kit: boolean }[]> {
	const result = await tx.query(
		`SELECT b.bundle_item_id, b.component_item_id, b.quantity, b.made_here AND NOT i.is_home_bundle AS kit
		 FROM bundle_component b JOIN item i ON i.shop_id = b.shop_id AND i.id = b.bundle_item_id
		 WHERE b.shop_id = $1 AND b.bundle_item_id IN (
		   SELECT unnest($2::bigint[])
		   UNION SELECT bundle_item_id FROM bundle_component WHERE shop_id = $1 AND component_item_id = ANY($2::bigint[])
		   UNION SELECT other.bundle_item_id FROM bundle_component mine JOIN bundle_component other
		     ON other.shop_id = mine.shop_id AND other.component_item_id = mine.component_item_id
		   WHERE mine.shop_id = $1 AND mine.bundle_item_id = ANY($2::bigint[]))
		 ORDER BY bundle_item_id, component_item_id`,
		[shopId, itemIds],
	);
	return result.rows.map((r) => ({ bundle: r.bundle_item_id, component: r.component_item_id, quantity: r.quantity, kit: r.kit }));
}

export type LoadedConnection = {
	id: number;
	channel: string;
	isHome: boolean;
	state: string;
	cutAt: Date | null;
	policy: unknown;
	mirror: "none" | "takes-stock" | "leaves-stock";
	mirrorSources: string[];
	locationIds: number[];
};

/** The shop's connections with the locations that feed them, and its locations in the merchant's order. */
export async function loadShop(
	tx: PoolClient,
	shopId: number,
): Promise<{ connections: LoadedConnection[]; locations: { id: number; externalId: string; online: boolean }[] }> {
	const locations = await tx.query(
		`SELECT id, external_id, active AND fulfills_online AND NOT fulfillment_service AS online FROM location WHERE shop_id = $1 ORDER BY priority, id`,
		[shopId],
	);
	const connections = await tx.query(
		`SELECT c.id, c.channel, c.is_home, c.state, c.cut_at, c.policy, c.mirror, c.mirror_sources,
		   coalesce((SELECT array_agg(cl.location_id) FROM connection_location cl WHERE cl.shop_id = c.shop_id AND cl.connection_id = c.id), '{}') AS chosen
		 FROM connection c WHERE c.shop_id = $1`,
		[shopId],
	);
	return {
		locations: locations.rows.map((r) => ({ id: r.id, externalId: r.external_id, online: r.online })),
		connections: connections.rows.map((r) => {
			const chosen = new Set<number>(r.chosen.map(Number));
			const feeding = locations.rows.filter((l) => (chosen.size > 0 ? chosen.has(l.id) : l.online));
			return {
				id: r.id,
				channel: r.channel,
				isHome: r.is_home,
				state: r.state,
				cutAt: r.cut_at,
				policy: r.policy,
				mirror: r.mirror,
				mirrorSources: r.mirror_sources,
				locationIds: feeding.map((l) => l.id as number),
			};
		}),
	};
}
