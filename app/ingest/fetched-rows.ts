import { UnexpectedShapeError } from "#app/channels/errors.ts";
import type { Queryable } from "#app/db.server.ts";
import type { Channel, ChannelClient, HomeClient, ListingRef } from "#channels";
import { type CanonicalEvent, canonicalEventSchema } from "#domain";
import type { NewInboxEvent } from "#inbox";
import { type Claimed, readDatabaseClock } from "./fetch-requests.ts";

/** A row for the inbox, and the claimed things that it answers: it is kept if the lease of one of them is. */
export type FetchedRow = { of: string[]; row: NewInboxEvent };
type Place = { channel: Channel; client: ChannelClient };
type Answer = { of: string[]; event: CanonicalEvent | null; note?: string };

/** Asks the channel for what was claimed. Throws what the channel's client throws. */
export async function fetchedRows(db: Queryable, { channel, client }: Place, claimed: Claimed, askedAt: string): Promise<FetchedRow[]> {
	const ids = claimed.rows.map((row) => row.externalId);
	const answers = await ask();
	return answers.map(({ of, event, note }) => ({ of, row: toRow(claimed, of, event === null ? null : inOurWords(event), note) }));

	async function ask(): Promise<Answer[]> {
		switch (claimed.kind) {
			case "order":
				return readOrders(db, client, ids, askedAt);
			case "levels":
				return readLevels(db, homeOf(channel, client), { shopId: claimed.shopId, ids, askedAt });
			case "product":
				return readProducts(homeOf(channel, client), ids);
			case "location":
				return (await homeOf(channel, client).listLocations()).map((event) => ({ of: ids, event }));
			case "listing":
				return readListings(client, await refsOf(db, claimed, ids), ids);
		}
	}
}

async function readOrders(db: Queryable, client: ChannelClient, ids: string[], askedAt: string): Promise<Answer[]> {
	const answers: Answer[] = [];
	for (const id of ids) {
		const order = await client.readOrder(id);
		const answeredAt = await readDatabaseClock(db);
		// WooCommerce frees nothing when an order is deleted for good (BEHAVIOR.md of 11.0.1), and Shopify deletes only what is
		// cancelled: a missing order is no zero, its units stay where they are.
		if (order === null) answers.push({ of: [id], event: null, note: "gone: the channel does not have this order any more" });
		else answers.push({ of: [id], event: { ...order, fetched: { askedAt, answeredAt } } });
	}
	return answers;
}

type Asked = { shopId: number; ids: string[]; askedAt: string };

/** Items first: a reading of an item that we do not know yet finds it made. */
async function readLevels(db: Queryable, home: HomeClient, { shopId, ids, askedAt }: Asked): Promise<Answer[]> {
	const { items, readings } = await home.readLevels(ids);
	const known = new Set([...items, ...readings].map((event) => event.itemExternalId));
	const leftOut = ids.filter((id) => !known.has(id));
	const gone = await whatIsGone(db, home, shopId, leftOut);
	return [
		...items.map((event) => ({ of: [event.itemExternalId], event })),
		...readings.map((event) => ({ of: [event.itemExternalId], event: { ...event, via: "query" as const, askedAt } })),
		...leftOut.map((id): Answer => {
			if (gone.has(id)) return { of: [id], event: { v: 1, type: "home.item-gone", itemExternalId: id, productExternalId: null } };
			return { of: [id], event: null, note: "unknown: home does not tell levels of this item" };
		}),
	];
}

/** Left out is not zero. Gone is what its own product says so of too: the word of a deletion may have been lost. */
async function whatIsGone(db: Queryable, home: HomeClient, shopId: number, leftOut: string[]): Promise<Set<string>> {
	const gone = new Set<string>();
	if (leftOut.length === 0) return gone;
	const { rows } = await db.query<{ item: string; product: string }>(
		`SELECT external_id AS item, product_id AS product FROM item
		 WHERE shop_id = $1 AND external_id = ANY($2) AND deleted_at IS NULL AND product_id IS NOT NULL`,
		[shopId, leftOut],
	);
	for (const product of new Set(rows.map((row) => row.product))) {
		const left = new Set((await home.readProduct(product))?.map((item) => item.itemExternalId));
		for (const row of rows) if (row.product === product && !left.has(row.item)) gone.add(row.item);
	}
	return gone;
}

async function readProducts(home: HomeClient, ids: string[]): Promise<Answer[]> {
	const answers: Answer[] = [];
	for (const id of ids) {
		const items = await home.readProduct(id);
		if (items !== null) answers.push(...items.map((event) => ({ of: [id], event })));
		else answers.push({ of: [id], event: { v: 1, type: "home.item-gone", itemExternalId: null, productExternalId: id } });
	}
	return answers;
}

async function readListings(client: ChannelClient, refs: ListingRef[], ids: string[]): Promise<Answer[]> {
	const { readings, channelTime } = await client.readStock(refs);
	return ids.map((id, index) => {
		const reading = readings[index] ?? null;
		if (reading === null) return { of: [id], event: { v: 1, type: "listing.gone", listingExternalId: id } };
		const quantity = reading.managed ? reading.quantity : null;
		return { of: [id], event: { v: 1, type: "listing.seen", listingExternalId: id, quantity, stamp: channelTime } };
	});
}

/** A variation is read by its parent. */
async function refsOf(db: Queryable, claimed: Claimed, ids: string[]): Promise<ListingRef[]> {
	const { rows } = await db.query<{ external_id: string; parent_external_id: string | null }>(
		"SELECT external_id, parent_external_id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND external_id = ANY($3)",
		[claimed.shopId, claimed.connectionId, ids],
	);
	const parents = new Map(rows.map((row) => [row.external_id, row.parent_external_id]));
	return ids.map((id) => ({ externalId: id, parentExternalId: parents.get(id) ?? null }));
}

/** What does not fit our own contract is refused here, where it can become a dead letter, and not found by the drain. */
function inOurWords(event: CanonicalEvent): CanonicalEvent {
	const parsed = canonicalEventSchema.safeParse(event);
	if (!parsed.success)
		throw new UnexpectedShapeError(`The channel's answer makes no ${event.type}: ${parsed.error.message}`, { cause: parsed.error });
	return parsed.data;
}

function homeOf(channel: Channel, client: ChannelClient): HomeClient {
	if (!client.home) throw new Error(`${channel.id} is no home: levels, products and locations are read at home only`);
	return client.home;
}

function toRow(claimed: Claimed, of: string[], event: CanonicalEvent | null, note: string | undefined): NewInboxEvent {
	const asked = claimed.rows.find((row) => of.includes(row.externalId)) ?? claimed.rows[0];
	return {
		shopId: claimed.shopId,
		connectionId: claimed.connectionId,
		topic: `fetch.${claimed.kind}`,
		source: "fetch",
		payload: event === null ? { externalId: asked?.externalId ?? null } : null,
		event,
		// What an answer changes is the difference to what is held already, so the same one twice changes nothing.
		deliveryKey: null,
		correlationId: asked?.correlationId ?? "",
		occurredAt: event !== null && "stamp" in event ? event.stamp : null,
		...(event === null ? { status: "ignored" as const, outcome: note ?? "nothing to count" } : {}),
	};
}
