import type pg from "pg";
import { pino } from "pino";
import { RequestRejectedError } from "#app/channels/errors.ts";
import { readFailed, readFailedRequest } from "#app/pages/failed/read-failed.ts";
import type { Deps } from "#connections";
import { recordDeadLetters } from "#dead-letters";
import { homeShows, openInStep } from "./delivery.ts";
import type { TestShop } from "./shop.ts";

/** A shop with a store that refuses what it is told to, and the list of what failed. */
export async function openFailures(pool: pg.Pool, { items = 3, wake }: { items?: number; wake: () => Promise<void> }) {
	const { shop, store, push } = await openInStep(pool, { items, opening: 10, guestState: "live" });
	return {
		shop,
		store,
		push,
		depsOf: (of = pool) => ({ pool: of, wake, log: pino({ level: "silent" }) }) as unknown as Deps,
		list: (query = "", shopId = shop.shopId) => readFailed(pool, shopId, readFailedRequest(new URLSearchParams(query))),
		/** The store refuses these figures, and each is set aside. */
		async refuse(...refused: number[]) {
			for (const n of refused) {
				store.refuses.set(`listing-${n}`, new RequestRejectedError("Not this one"));
				await homeShows(pool, shop, n, 4);
			}
			await push();
		},
		park: (key: string, event: unknown) => parkMessage(pool, shop, key, event),
	};
}
export type Failures = Awaited<ReturnType<typeof openFailures>>;

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
