import { runFetchesWith } from "#app/ingest/fetch.ts";
import { type Channel, type ChannelClient, channel } from "#channels";
import type { HomeItem, HomeReading, OrderSnapshot } from "#domain";
import { type NewFetch, requestFetch } from "#inbox";
import { createLogger } from "#telemetry";
import type { TestDatabase } from "./database.ts";

/** One connection and what is wished from it. There is no other shop. */
export async function openFetchDesk({ pool }: Pick<TestDatabase, "pool">) {
	await pool.query("SELECT erase_shop(id) FROM shop");
	const one = async (sql: string, values: unknown[] = []) => (await pool.query<{ id: number }>(sql, values)).rows[0]?.id ?? 0;
	const shopId = await one("INSERT INTO shop (domain) VALUES ('a.myshopify.com') RETURNING id");
	const connectionId = await one(
		"INSERT INTO connection (shop_id, channel, account, name, webhook_token) VALUES ($1, 'shopify', 'a.myshopify.com', 'a', 't') RETURNING id",
		[shopId],
	);
	const wakes: unknown[] = [];
	const deps = () => ({
		pool,
		log: createLogger({ level: "silent", name: "test" }),
		wake: async (name: string, payload: unknown) => void wakes.push([name, payload]),
	});
	return {
		shopId,
		connectionId,
		wakes,
		deps,
		run: (client: ChannelClient, kind: Channel = channel("shopify")) =>
			runFetchesWith(deps(), async () => ({ channel: kind, client }), shopId, connectionId),
		wish: (kind: NewFetch["kind"], externalId: string, over: Partial<NewFetch> = {}) =>
			requestFetch(pool, [{ shopId, connectionId, kind, externalId, reason: "hint", correlationId: `c-${externalId}`, ...over }]),
		events: async () => (await pool.query("SELECT * FROM inbox_event ORDER BY id")).rows,
		requests: async () =>
			(
				await pool.query(
					`SELECT external_id, seq, done_seq, attempts, lease_token, last_error, extract(epoch FROM due_at - clock_timestamp())::float8 AS due_in
					 FROM fetch_request ORDER BY external_id`,
				)
			).rows,
		letters: async () => (await pool.query("SELECT operation, error_class, state, attempts, payload FROM dead_letter ORDER BY id")).rows,
	};
}
export type FetchDesk = Awaited<ReturnType<typeof openFetchDesk>>;

/** A neighbour whose answers the test gives. What is not given must not be asked. */
export const neighbour = (answers: Partial<Omit<ChannelClient, "home">> & { home?: Partial<NonNullable<ChannelClient["home"]>> }) => {
	const state = { closed: 0 };
	const client = { ...answers, close: async () => void state.closed++ } as unknown as ChannelClient;
	return { state, client };
};

export const order = (orderId: string, over: Partial<OrderSnapshot> = {}): OrderSnapshot => ({
	v: 1,
	type: "order.snapshot",
	orderId,
	name: `#${orderId}`,
	createdAt: "2026-11-20T10:00:00Z",
	stamp: "2026-11-20T10:00:01Z",
	contentHash: "h",
	complete: true,
	cancelled: false,
	locationExternalId: null,
	lines: [],
	fetched: null,
	...over,
});
export const item = (id: string): HomeItem => ({
	v: 1,
	type: "home.item",
	itemExternalId: id,
	variantExternalId: null,
	productExternalId: "p",
	sku: "S",
	barcode: null,
	title: "T",
	tracked: true,
	sellsWhenOut: false,
	isHomeBundle: false,
	stamp: "2026-11-20T10:00:00Z",
});
export const reading = (id: string, quantity: number): HomeReading => ({
	v: 1,
	type: "home.reading",
	itemExternalId: id,
	locationExternalId: "l",
	quantity,
	readAt: "2026-11-20T10:00:00Z",
	via: "query",
	askedAt: null,
	stocked: true,
});
