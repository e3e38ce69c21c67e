import type pg from "pg";
import { recordDeadLetters } from "#dead-letters";
import type { TestShop } from "./shop.ts";

/** An order's message that was set aside as it came, understood (`event`) or not (null). Returns the event's id. */
export async function parkMessage(pool: pg.Pool, shop: TestShop, key: string, event: unknown): Promise<number> {
	const { rows } = await pool.query<{ id: number }>(
		`INSERT INTO inbox_event (shop_id, connection_id, topic, source, correlation_id, event, payload, status, outcome)
		 VALUES ($1, $2, 'orders/create', 'webhook', $3, $4, '{"id": 7}', 'parked', 'cannot-apply') RETURNING id`,
		[shop.shopId, shop.guest, `c-${key}`, event === null ? null : JSON.stringify(event)],
	);
	const eventId = rows[0]?.id ?? 0;
	await recordDeadLetters(pool, [
		{
			shopId: shop.shopId,
			direction: "in",
			connectionId: shop.guest,
			eventId,
			operation: "orders/create",
			errorClass: event === null ? "unexpected-shape" : "cannot-apply",
			error: "It could not be counted",
			sourceKey: `event:${eventId}`,
			correlationId: `c-${key}`,
		},
	]);
	return eventId;
}
