import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { appendEvents, type NewFetch, type NewInboxEvent, requestFetch } from "#inbox";
import type { RunLease } from "./run.ts";

/** Rows of one transaction: its locks are held no longer than a drain of the shop can well wait. */
const PAGE = 500;

type Place = { pool: Pool; shopId: number; connectionId: number; lease: RunLease };

/**
 * Has each listing that differs read singly: the mark that it waits, not `recheck`, which says that we are not sure of what the
 * channel shows, and then a figure that somebody raised is no difference (delivery/judge-reading.ts). Delivery judges it under the
 * row's lock, so nothing is mended by a list that is older than a sale. Killed between two pages, the next runner finds the rest.
 */
export async function actOnGuest({ pool, shopId, lease }: Omit<Place, "connectionId">): Promise<number> {
	let marked = 0;
	for (;;) {
		const done = await transaction(pool, async (tx) => {
			await lease.save(tx);
			const { rows } = await tx.query<{ id: number; listing: number }>(
				`SELECT id, listing_id AS listing FROM reconcile_difference
				 WHERE shop_id = $1 AND run_id = $2 AND acted_at IS NULL AND settled_at IS NULL ORDER BY id LIMIT $3`,
				[shopId, lease.run.id, PAGE],
			);
			if (rows.length === 0) return null;
			const count = await markListings(
				tx,
				shopId,
				rows.map(({ listing }) => listing),
			);
			await tx.query(
				`UPDATE reconcile_difference d SET acted_at = clock_timestamp(), marked_read_at = l.read_at, next_look_at = now()
				 FROM listing l WHERE d.shop_id = $1 AND d.id = ANY($2::bigint[]) AND l.shop_id = $1 AND l.id = d.listing_id`,
				[shopId, rows.map(({ id }) => id)],
			);
			return count;
		});
		if (done === null) return marked;
		marked += done;
	}
}

/** In id order over all channels of the shop, as apply and delivery lock them. What waits already is read anyway. */
export async function markListings(tx: Client, shopId: number, ids: readonly number[]): Promise<number> {
	const { rowCount } = await tx.query(
		`UPDATE listing l SET dirty_since = now(), updated_at = now()
		 FROM (SELECT id FROM listing WHERE shop_id = $1 AND id = ANY($2::bigint[]) AND link_state = 'linked' AND desired IS NOT NULL
		     AND NOT parked AND NOT paused AND dirty_since IS NULL ORDER BY id FOR UPDATE) these
		 WHERE l.shop_id = $1 AND l.id = these.id`,
		[shopId, ids],
	);
	return rowCount ?? 0;
}

type HomeRow = {
	id: number;
	kind: "level" | "item";
	item: string;
	place: string | null;
	quantity: number | null;
	readAt: Date | null;
};

/**
 * Home wins: its figures go into the inbox as answers to a question of ours, which the export is, and apply takes them with its
 * guard. What has no figure in the export is asked for by itself. A page and its events commit together, and an event's key names
 * the run, so that a page that is done twice is taken once.
 */
export async function actOnHome({ pool, shopId, connectionId, lease }: Place): Promise<{ events: number; fetches: number }> {
	const done = { events: 0, fetches: 0 };
	for (;;) {
		const page = await transaction(pool, async (tx) => {
			await lease.save(tx);
			const { rows } = await tx.query<HomeRow>(
				`SELECT id, kind, external_id AS item, place_external_id AS place, found AS quantity, read_at AS "readAt" FROM reconcile_difference
				 WHERE shop_id = $1 AND run_id = $2 AND acted_at IS NULL AND settled_at IS NULL ORDER BY id LIMIT $3`,
				[shopId, lease.run.id, PAGE],
			);
			if (rows.length === 0) return null;
			const at = { shopId, connectionId, runId: lease.run.id, askedAt: lease.run.exportAskedAt };
			const events = rows.flatMap((row) => toEvent(row, at));
			const fetches = askFor(
				rows.filter((row) => toEvent(row, at).length === 0).map(({ item }) => item),
				at,
			);
			await appendEvents(tx, events);
			await requestFetch(tx, fetches);
			await tx.query(
				"UPDATE reconcile_difference SET acted_at = clock_timestamp(), next_look_at = now() WHERE shop_id = $1 AND id = ANY($2::bigint[])",
				[shopId, rows.map(({ id }) => id)],
			);
			return { events: events.length, fetches: fetches.length };
		});
		if (page === null) return done;
		done.events += page.events;
		done.fetches += page.fetches;
	}
}

type At = { shopId: number; connectionId: number; runId: number; askedAt: string | null };

function toEvent({ kind, item, place, quantity, readAt }: HomeRow, { shopId, connectionId, runId, askedAt }: At): NewInboxEvent[] {
	if (kind !== "level" || place === null || quantity === null || readAt === null || askedAt === null) return [];
	return [
		{
			shopId,
			connectionId,
			topic: "check.reading",
			source: "fetch",
			payload: null,
			event: {
				v: 1,
				type: "home.reading",
				itemExternalId: item,
				locationExternalId: place,
				quantity,
				readAt: readAt.toISOString(),
				via: "query",
				askedAt,
				stocked: true,
			},
			deliveryKey: `check:${runId}:${item}:${place}`,
			correlationId: correlationOf(runId),
			occurredAt: readAt.toISOString(),
		},
	];
}

/** Products that are read by themselves, levels and description: new ones are made by that. */
export function askFor(items: readonly string[], { shopId, connectionId, runId }: Omit<At, "askedAt">): NewFetch[] {
	return [...new Set(items)].map((externalId) => ({
		shopId,
		connectionId,
		kind: "levels" as const,
		externalId,
		reason: "regular check",
		correlationId: correlationOf(runId),
	}));
}

const correlationOf = (runId: number) => `check-${runId}`;
