import { randomUUID } from "node:crypto";
import type pg from "pg";
import { expect } from "vitest";
import type { CanonicalEvent, Policy } from "#domain";
import { appendEvents, type EventSource } from "#inbox";

export { applyDeps } from "./apply-deps.ts";

/** A shop in the database as it stands after its first import: what the tests of apply and delivery begin with. */
export type TestShop = {
	shopId: number;
	home: number;
	guest: number;
	/** By number: SKU-0, SKU-1, …; bundles follow the plain items. */
	items: number[];
	locations: number[];
	listings: number[];
};

export type ShopOptions = {
	items?: number;
	locations?: number;
	opening?: number;
	bundles?: { item: number; quantity: number }[][];
	guestState?: "watching" | "live" | "connecting";
	guestChannel?: string;
	policy?: Policy;
	cutAt?: string;
};

/** Everything here happens on this day, so that stamps are easy to write. */
export const DAY = "2026-03-01T";
export const at = (time: string) => `${DAY}${time}Z`;

export async function makeShop(pool: pg.Pool, options: ShopOptions = {}): Promise<TestShop> {
	const { items = 3, locations = 1, opening = 10, bundles = [], guestState = "live", guestChannel = "woocommerce" } = options;
	const domain = `${randomUUID().slice(0, 8)}.myshopify.com`;
	const one = async (sql: string, values: unknown[]) => Number((await pool.query(sql, values)).rows[0].id);
	const shopId = await one("INSERT INTO shop (domain, import_state) VALUES ($1, 'done') RETURNING id", [domain]);
	await pool.query("INSERT INTO shop_lane (shop_id) VALUES ($1)", [shopId]);
	const connection = (channel: string, isHome: boolean, state: string) =>
		one(
			`INSERT INTO connection (shop_id, channel, account, name, is_home, state, policy, cut_at, order_watermark, webhook_token)
			 VALUES ($1, $2, $3, $2, $4, $5, $6, $7, $7, $8) RETURNING id`,
			[
				shopId,
				channel,
				isHome ? domain : `${randomUUID().slice(0, 8)}.example`,
				isHome,
				state,
				JSON.stringify(options.policy ?? { kind: "exact" }),
				options.cutAt ?? at("00:00:00"),
				randomUUID(),
			],
		);
	const home = await connection("shopify", true, "live");
	const guest = await connection(guestChannel, false, guestState);
	const locationIds: number[] = [];
	for (let n = 0; n < locations; n++) {
		locationIds.push(
			await one("INSERT INTO location (shop_id, external_id, name, priority) VALUES ($1, $2, $3, $4) RETURNING id", [
				shopId,
				`loc-${n}`,
				`Location ${n}`,
				n,
			]),
		);
	}
	const itemIds: number[] = [];
	const listingIds: number[] = [];
	for (let n = 0; n < items + bundles.length; n++) {
		const itemId = await one(
			"INSERT INTO item (shop_id, external_id, variant_id, product_id, sku, title, is_home_bundle) VALUES ($1, $2, $3, $3, $4, $4, $5) RETURNING id",
			[shopId, `item-${n}`, `${n}`, `SKU-${n}`, n >= items],
		);
		itemIds.push(itemId);
		listingIds.push(
			await one(
				"INSERT INTO listing (shop_id, connection_id, external_id, sku, item_id, link_state, shown, read_at) VALUES ($1, $2, $3, $4, $5, 'linked', $6, $7) RETURNING id",
				[shopId, guest, `listing-${n}`, `SKU-${n}`, itemId, null, null],
			),
		);
	}
	for (const [n, components] of bundles.entries()) {
		for (const c of components) {
			await pool.query("INSERT INTO bundle_component VALUES ($1, $2, $3, $4)", [shopId, itemIds[items + n], itemIds[c.item], c.quantity]);
		}
	}
	const shop = { shopId, home, guest, items: itemIds, locations: locationIds, listings: listingIds };
	await put(
		pool,
		shop,
		Array.from({ length: items }, (_, i) => Array.from({ length: locations }, (_, l) => reading(i, opening, at("00:00:00"), l))).flat(),
		{ connection: "home", source: "import" },
	);
	return shop;
}

export async function put(
	pool: pg.Pool,
	shop: TestShop,
	events: readonly CanonicalEvent[],
	{
		connection = "guest",
		source = "webhook",
		key = () => null,
	}: { connection?: "home" | "guest"; source?: EventSource; key?: (n: number) => string | null } = {},
): Promise<void> {
	await appendEvents(
		pool,
		events.map((event, n) => ({
			shopId: shop.shopId,
			connectionId: connection === "home" ? shop.home : shop.guest,
			topic: event.type,
			source,
			payload: null,
			event,
			deliveryKey: key(n),
			correlationId: "test",
			occurredAt: null,
		})),
	);
}

export const reading = (item: number, quantity: number, readAt: string, location = 0): CanonicalEvent => ({
	v: 1,
	type: "home.reading",
	itemExternalId: `item-${item}`,
	locationExternalId: `loc-${location}`,
	quantity,
	readAt,
	via: "webhook",
	askedAt: null,
	stocked: true,
});

type Line = { item: number; held: number; id?: string; ordered?: number; byChannel?: boolean; external?: string };

/** A guest's order; `at` is its creation, `stamp` its last change. */
export const order = (
	id: string,
	lines: readonly Line[],
	when: { created?: string; stamp?: string; complete?: boolean; hash?: string } = {},
): CanonicalEvent => ({
	v: 1,
	type: "order.snapshot",
	orderId: id,
	name: `#${id}`,
	createdAt: when.created ?? at("10:00:00"),
	stamp: when.stamp ?? when.created ?? at("10:00:00"),
	contentHash: when.hash ?? JSON.stringify(lines),
	complete: when.complete ?? true,
	cancelled: false,
	locationExternalId: null,
	lines: lines.map((l, n) => ({
		lineId: l.id ?? `${n + 1}`,
		listingExternalId: l.external ?? `listing-${l.item}`,
		sku: `SKU-${l.item}`,
		ordered: l.ordered ?? l.held,
		held: l.held,
		fulfilledByChannel: l.byChannel ?? false,
	})),
	fetched: null,
});

export async function stockOf(pool: pg.Pool, shop: TestShop, item: number): Promise<{ available: number; short: number; owed: number }> {
	const result = await pool.query(
		"SELECT sum(available)::int AS available, sum(short)::int AS short, sum(delta_owed)::int AS owed FROM stock WHERE shop_id = $1 AND item_id = $2",
		[shop.shopId, shop.items[item]],
	);
	return result.rows[0];
}

export async function desiredOf(pool: pg.Pool, shop: TestShop, item: number): Promise<number | null> {
	const result = await pool.query("SELECT desired FROM listing WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.listings[item]]);
	return result.rows[0].desired;
}

/**
 * What must be true after anything: never below zero, never available and short at once; the ledger's sum is the stock; stock
 * is its parts; nothing waits unseen. Ends every concurrency test.
 */
export async function expectCoherentState(pool: pg.Pool, shopId: number, { drained = true }: { drained?: boolean } = {}): Promise<void> {
	const wrong = await pool.query(
		`SELECT s.item_id, s.location_id, s.available - s.short AS net,
		   (SELECT coalesce(sum(delta), 0)::int FROM movement m WHERE m.shop_id = s.shop_id AND m.item_id = s.item_id AND m.location_id = s.location_id) AS ledger,
		   (SELECT coalesce(sum(delta), 0)::int FROM movement m WHERE m.shop_id = s.shop_id AND m.item_id = s.item_id AND m.location_id = s.location_id AND m.cause = 'held') - s.withheld AS waiting,
		   coalesce(s.home_quantity, 0) + s.withheld + s.delta_owed
		     + (SELECT coalesce(sum(CASE WHEN d.state = 'unresolved' THEN least(d.delta, 0) ELSE d.delta END), 0)::int FROM delta_line d
		          WHERE d.shop_id = s.shop_id AND d.item_id = s.item_id AND d.location_id = s.location_id AND d.state IN ('open', 'landed', 'unresolved'))
		     - (SELECT coalesce(sum(quantity), 0)::int FROM prediction p WHERE p.shop_id = s.shop_id AND p.item_id = s.item_id AND p.location_id = s.location_id) AS parts
		 FROM stock s WHERE s.shop_id = $1`,
		[shopId],
	);
	for (const row of wrong.rows)
		expect({ ...row, ledger: row.ledger, parts: row.parts }).toEqual({ ...row, ledger: row.net, parts: row.net, waiting: 0 });
	const allocated = await pool.query(
		`SELECT l.order_id, l.line_id FROM order_line l WHERE l.shop_id = $1 AND l.held = l.baseline
		   AND EXISTS (SELECT 1 FROM order_line_allocation a WHERE a.shop_id = l.shop_id AND a.connection_id = l.connection_id AND a.order_id = l.order_id AND a.line_id = l.line_id AND a.quantity <> 0)`,
		[shopId],
	);
	expect(allocated.rows).toEqual([]);
	const dirty = await pool.query(
		`SELECT id FROM listing WHERE shop_id = $1 AND link_state = 'linked' AND desired IS NOT NULL AND dirty_since IS NULL
		   AND (shown IS NULL OR greatest(shown, 0) <> greatest(desired - unseen, 0))`,
		[shopId],
	);
	expect(dirty.rows).toEqual([]);
	if (drained) {
		const waiting = await pool.query("SELECT count(*)::int AS n FROM inbox_event WHERE shop_id = $1 AND status = 'pending'", [shopId]);
		expect(waiting.rows[0].n).toBe(0);
	}
}
