import { recordAudit } from "#app/connections/audit.ts";
import { type Queryable, transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { discardDeadLetters, takeForReplay } from "#dead-letters";
import { retryOwed, retryParked } from "#delivery";
import { replayEvents } from "#inbox";
import type { FailedFilter } from "./failed.ts";
import { joins, whereOf } from "./read-failed.ts";

/** Rows that one transaction decides on: others wait no longer than a moment. */
const PER_STEP = 200;
/** What one press does at most; the message says so, and the next press goes on. */
const PER_PRESS_MAX = 10_000;

/** Some by their ids, or all that match a filter and were there when they were counted. */
export type Chosen = { ids: readonly number[] } | { filter: FailedFilter; throughId: number };
export type TriedAgain = { updates: number; messages: number /** Nothing can be sent again for these. */; left: number; more: boolean };

/**
 * Tries what failed again: a listing gets today's figure, not the one that failed; a difference that home refused goes out under
 * a new key; a message is put into the inbox anew, where it counts once. Safe to press twice, to run twice at once, and to be
 * killed anywhere: what is open afterwards was not decided on.
 */
export async function tryAgain(deps: Deps, shopId: number, chosen: Chosen, actor: string): Promise<TriedAgain> {
	const done = { updates: 0, messages: 0, left: 0 };
	const more = await inSteps(deps.pool, shopId, chosen, async (step) => {
		const listingIds = step.flatMap(({ listing_id }) => listing_id ?? []);
		const owed = step.flatMap(({ item_id, location_id }) => (item_id && location_id ? [{ itemId: item_id, locationId: location_id }] : []));
		const readable = step.filter(({ readable }) => readable).map(({ id }) => id);
		if (listingIds.length > 0) {
			const { connectionIds } = await retryParked(deps.pool, shopId, { itemIds: null, connectionIds: null, listingIds, actor });
			for (const connectionId of connectionIds) await deps.wake("delivery.push", { shopId, connectionId });
		}
		const homeId = step.find(({ location_id }) => location_id !== null)?.connection_id;
		if (homeId !== undefined) {
			await retryOwed(deps.pool, shopId, { stock: owed, homeId, actor });
			await deps.wake("delivery.push", { shopId, connectionId: homeId });
		}
		const messages = readable.length > 0 ? await replay(deps, shopId, readable, actor) : 0;
		done.updates += listingIds.length + owed.length;
		done.messages += messages;
		done.left += step.length - listingIds.length - owed.length - readable.length;
	});
	if (done.messages > 0) await deps.wake("apply.drain", { shopId });
	return { ...done, more };
}

/** Nothing more is to be done about these; why is kept with each, and in Activity. Twice changes nothing the second time. */
export async function discard(
	deps: Deps,
	shopId: number,
	chosen: Chosen,
	decision: { reason: string; actor: string },
): Promise<{ discarded: number; more: boolean }> {
	let discarded = 0;
	const more = await inSteps(deps.pool, shopId, chosen, async (step) => {
		const ids = step.map(({ id }) => id);
		discarded += await transactionWithRetry(deps.pool, async (tx) => {
			const gone = await discardDeadLetters(tx, shopId, ids, decision);
			if (gone.length > 0)
				await recordAudit(tx, shopId, {
					actor: decision.actor,
					action: "failures.discarded",
					after: { ids: gone, reason: decision.reason },
				});
			return gone.length;
		});
	});
	return { discarded, more };
}

/** The letters' decision, the events and the audit entry are one transaction: a kill leaves all of it or nothing. */
const replay = (deps: Deps, shopId: number, letterIds: readonly number[], actor: string): Promise<number> =>
	transactionWithRetry(deps.pool, async (tx) => {
		const taken = await takeForReplay(tx, shopId, letterIds, actor);
		if (taken.length === 0) return 0;
		const eventIds = await replayEvents(tx, shopId, [...new Set(taken.map(({ eventId }) => eventId))]);
		await recordAudit(tx, shopId, { actor, action: "messages.replayed", after: { ids: taken.map(({ id }) => id), eventIds } });
		return taken.length;
	});

type Step = {
	id: number;
	connection_id: number;
	listing_id: number | null;
	item_id: number | null;
	location_id: number | null;
	readable: boolean;
};

/** In the order of their ids, so that a step is never met again although its rows may still be open. */
async function inSteps(db: Queryable, shopId: number, chosen: Chosen, act: (step: readonly Step[]) => Promise<void>): Promise<boolean> {
	const { where, values } = whereOf(shopId, "filter" in chosen ? chosen.filter : NO_FILTER);
	const only = "filter" in chosen ? `d.id <= $${values.push(chosen.throughId)}` : `d.id = ANY($${values.push(chosen.ids)})`;
	let after = 0;
	for (let seen = 0; seen < PER_PRESS_MAX; ) {
		const { rows } = await db.query<Step>(
			`SELECT d.id, d.connection_id, d.listing_id, CASE WHEN d.listing_id IS NULL AND d.delta_batch_id IS NOT NULL THEN (d.payload->>'itemId')::bigint END AS item_id,
			        CASE WHEN d.delta_batch_id IS NOT NULL THEN (d.payload->>'locationId')::bigint END AS location_id,
			        d.direction = 'in' AND EXISTS (SELECT FROM inbox_event e
			          WHERE e.shop_id = d.shop_id AND e.id = d.event_id AND e.lane = 'stock' AND e.event IS NOT NULL) AS readable
			   FROM dead_letter d ${joins} WHERE ${where} AND ${only} AND d.id > $${values.length + 1} ORDER BY d.id LIMIT $${values.length + 2}`,
			[...values, after, PER_STEP],
		);
		const last = rows.at(-1);
		if (!last) return false;
		await act(rows);
		after = last.id;
		seen += rows.length;
		if (rows.length < PER_STEP) return false;
	}
	return true;
}
const NO_FILTER: FailedFilter = { side: null, channelId: null, errorClass: null, operation: null, sku: "" };
