import type { PoolClient } from "pg";
import { requestFetch } from "#inbox";
import { insertMovements, type Prediction, writeDeltaLines, writeOrders, writeOversells, writePredictions, writeStock } from "#ledger";
import { writeListings } from "#listings";
import { type ApplyState, componentsOf } from "./decide/state.ts";
import { writeEdits } from "./sql/edits.ts";
import { pauseAfterOversell, type WrittenEnding, writeEndings } from "./sql/endings.ts";
import { writeGuard } from "./sql/guard.ts";
import { resolveComplaints, resolveSettledBatches, writeComplaints, writeDifferences, writeMirrorSources } from "./sql/inbox.ts";

/** Writes what was decided, in the order of the foreign keys. Everything is in the caller's transaction. */
export async function writeState(
	tx: PoolClient,
	state: ApplyState,
	correlationOf: (eventId: number) => { correlationId: string; topic: string },
): Promise<void> {
	const { shopId } = state;
	await writeStock(
		tx,
		shopId,
		state.stock.changed().map(({ value, loaded }) => ({ stock: value, from: loaded?.net ?? null })),
	);
	await writeGuard(tx, shopId, state);
	await writeEdits(
		tx,
		shopId,
		state.edits.changed().map(({ value }) => value),
	);
	const movementIds = await insertMovements(tx, shopId, state.movements);
	const orders = state.orders.changed().map((c) => c.value);
	await writeOrders(tx, shopId, orders);
	const predictions = state.predictions.changed();
	await writePredictions(tx, shopId, {
		added: predictions.flatMap(({ value }) => (value !== null && value.id === null ? [value as Prediction] : [])),
		absorbed: predictions.flatMap(({ value, loaded }) => (value === null && loaded?.id != null ? [loaded.id] : [])),
	});
	await writeDeltaLines(
		tx,
		shopId,
		state.deltas.changed().map((c) => c.value),
	);
	const wereUnanswered = state.deltas.changed().filter(({ loaded }) => loaded?.expired || loaded?.state === "unresolved");
	await resolveSettledBatches(tx, shopId, [...new Set(wereUnanswered.map(({ value }) => value.batchId))]);
	const oversells = state.oversells.changed().map((c) => c.value);
	const oversellIds = await writeOversells(tx, shopId, oversells);

	// A listing's lag is measured from the newest movement of what it sells.
	const newest = new Map<number, number>();
	for (const movement of state.movements) {
		const id = movementIds.get(movement.sourceKey) ?? 0;
		newest.set(movement.itemId, Math.max(newest.get(movement.itemId) ?? 0, id));
	}
	await writeListings(
		tx,
		shopId,
		state.listings.changed().map(({ value }) => {
			const ids = componentsOf(state, value.itemId).map((c) => newest.get(c.itemId) ?? 0);
			const desiredMovementId = Math.max(0, ...ids);
			return { listing: value, desiredMovementId: desiredMovementId === 0 ? null : desiredMovementId };
		}),
	);
	await requestFetch(
		tx,
		state.fetches.map((f) => ({
			shopId,
			connectionId: f.connectionId,
			kind: f.kind,
			externalId: f.externalId,
			reason: f.reason,
			correlationId: "",
			delayMs: Math.max(0, f.dueAt - state.now),
		})),
	);
	await writeComplaints(
		tx,
		shopId,
		state.complaints.map((c) => ({ ...c, ...correlationOf(c.eventId) })),
	);
	const complained = new Set(state.complaints.map((c) => c.sourceKey));
	await resolveComplaints(
		tx,
		shopId,
		orders.flatMap((o) => [`unmapped:${o.connectionId}:${o.orderId}`, `copy:${o.orderId}`]).filter((key) => !complained.has(key)),
	);
	await writeEndings(tx, shopId, endingsOf(state, oversellIds));
	const ended = new Set(state.endings.map(({ itemId }) => itemId));
	await pauseAfterOversell(
		tx,
		shopId,
		[...ended].filter((itemId) => owedOf(state, itemId) === 0),
	);
	await writeDifferences(tx, shopId, state.differences);
	await writeMirrorSources(tx, shopId, state.mirrorSources);
}

const owedOf = (state: ApplyState, itemId: number): number =>
	[...state.oversells.values()].reduce((sum, o) => (o.itemId === itemId && o.state === "open" ? sum + o.units - o.covered : sum), 0);

/** With what brought the stock: the last movement of the same event that raised the item. */
const endingsOf = (state: ApplyState, ids: ReadonlyMap<string, number>): WrittenEnding[] =>
	state.endings.flatMap(({ sourceKey, eventId, ...ending }) => {
		const oversellId = ids.get(sourceKey) ?? state.oversells.get(sourceKey)?.id;
		if (oversellId == null) return [];
		const raised = state.movements.findLast((m) => m.eventId === eventId && m.itemId === ending.itemId && m.delta > 0);
		return [
			{
				...ending,
				oversellId,
				itemOwed: owedOf(state, ending.itemId),
				cause: raised?.cause ?? null,
				causeOrderId: raised?.orderId ?? null,
			},
		];
	});
