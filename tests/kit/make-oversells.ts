import { pino } from "pino";
import type { Pool } from "#app/db.server.ts";
import { drainShop } from "#apply";
import type { OrderSnapshot } from "#domain";
import { appendEvents } from "#inbox";
import type { FilledShop } from "./fill-shop.ts";

export type Owing = { place: number; sold(order: Sold): Promise<number>; takenAtHome(order: Sold): Promise<void> };
type Sold = {
	order: string;
	item: number;
	units: number /** Before now, in seconds: when it was bought and when we heard. */;
	boughtS: number;
	heardS: number;
};

/**
 * Lets channels of a filled shop sell what is not there, by messages that come late, through the inbox and the real arithmetic. The
 * store sells from the main warehouse alone; the first product is down to its last unit there, and `place` has four more.
 */
export async function makeOwing(pool: Pool, shop: FilledShop): Promise<Owing> {
	const place = Number(
		(
			await pool.query("INSERT INTO location (shop_id, external_id, name, priority) VALUES ($1, 'loc-2', 'Shop floor', 9) RETURNING id", [
				shop.shopId,
			])
		).rows[0]?.id,
	);
	await pool.query("INSERT INTO connection_location (shop_id, connection_id, location_id) VALUES ($1, $2, $3)", [
		shop.shopId,
		shop.woocommerce,
		shop.location,
	]);
	await pool.query("INSERT INTO stock (shop_id, item_id, location_id, available, home_quantity) VALUES ($1, $2, $3, 4, 4)", [
		shop.shopId,
		shop.items[0],
		place,
	]);
	await pool.query("UPDATE stock SET available = 1, home_quantity = 1 WHERE shop_id = $1 AND item_id = $2 AND location_id = $3", [
		shop.shopId,
		shop.items[0],
		shop.location,
	]);
	await pool.query("UPDATE listing SET desired = 1, shown = 1 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[0]]);
	const now = Date.now();
	const tell = async (connectionId: number, listingExternalId: string, { order, units, boughtS, heardS }: Sold) => {
		const bought = new Date(Math.floor((now - boughtS * 1_000) / 1_000) * 1_000).toISOString();
		const event: OrderSnapshot = {
			...{
				v: 1,
				type: "order.snapshot",
				orderId: order,
				name: `#${order}`,
				createdAt: bought,
				stamp: bought,
				contentHash: `${order}-${units}`,
			},
			...{ complete: true, cancelled: false, locationExternalId: "loc-1", fetched: null },
			lines: [{ lineId: "1", listingExternalId, sku: null, ordered: units, held: units, fulfilledByChannel: false }],
		};
		await appendEvents(pool, [
			{
				...{ shopId: shop.shopId, connectionId, topic: "order.created", source: "webhook", payload: null, event },
				...{
					deliveryKey: null,
					correlationId: `order-${order}`,
					occurredAt: null,
					receivedAt: new Date(now - heardS * 1_000).toISOString(),
				},
			},
		]);
		const traits = (channel: string) => ({
			clockResolutionMs: 1000,
			quantityMeaning: channel === "shopify" ? ("delta" as const) : ("selfDecrementing" as const),
		});
		await drainShop({ pool, log: pino({ level: "silent" }), traits }, shop.shopId);
	};
	const externalOf = async (table: "item" | "listing", item: number) =>
		String(
			(
				await pool.query(`SELECT external_id FROM ${table} WHERE shop_id = $1 AND ${table === "item" ? "id" : "item_id"} = $2`, [
					shop.shopId,
					item,
				])
			).rows[0]?.external_id,
		);
	return {
		place,
		async takenAtHome(sold) {
			await tell(shop.shopify, await externalOf("item", sold.item), sold);
		},
		/** Returns the id of its oversell; 0: there was enough. */
		async sold(sold) {
			await tell(shop.woocommerce, await externalOf("listing", sold.item), sold);
			const { rows } = await pool.query("SELECT id FROM oversell WHERE shop_id = $1 AND order_id = $2 ORDER BY id LIMIT 1", [
				shop.shopId,
				sold.order,
			]);
			return Number(rows[0]?.id ?? 0);
		},
	};
}
