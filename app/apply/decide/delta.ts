import type { DeltaLine } from "#ledger";
import { releaseKnown } from "./guard.ts";
import { moveStock, stockAt } from "./move.ts";
import { askForLevels } from "./prediction.ts";
import { type ApplyState, type BatchEvent, stockKey, type Verdict } from "./state.ts";
import { settle } from "./unresolved.ts";

/**
 * Home accepted a batch. The units stay subtracted until a reading holds them. One may be here already: the echo of our own
 * write is sometimes faster than its answer.
 */
export function decideLanded(
	state: ApplyState,
	event: BatchEvent,
	landed: { batchId: number; landedAt: string; answeredAt: string },
): Verdict {
	const landedAt = Date.parse(landed.landedAt);
	const lines = openLines(state, landed.batchId);
	for (const line of lines) {
		const stock = stockAt(state, line.itemId, line.locationId);
		if (line.state === "unresolved") {
			// A person says so, and home has been read since.
			settle(state, event, stock, { line, ruling: "took", at: landedAt });
			continue;
		}
		const next: DeltaLine = { ...line, state: "landed", landedAt, answeredAt: Date.parse(landed.answeredAt) };
		const contained = stock.homeReadAt !== null && stock.homeReadAt > landedAt;
		// In the same second: it is in the figure if the figure moved by it and nothing else explains that.
		const explained =
			stock.homeReadAt === landedAt && line.delta < 0
				? stock.homeUnexplained <= line.delta
				: stock.homeReadAt === landedAt && stock.homeUnexplained >= line.delta;
		if (!contained && !explained) {
			state.deltas.set(line.id, next);
			if (stock.homeReadAt === landedAt) askForLevels(state, line.itemId, "write and reading in the same second");
			continue;
		}
		state.deltas.set(line.id, { ...next, state: "contained" });
		// The reading booked the difference as home's own and the units are still subtracted: they were one and the same.
		const claimed = { ...stock, homeUnexplained: explained || stock.homeUnexplained !== 0 ? stock.homeUnexplained - line.delta : 0 };
		const moved = moveStock(state, event, claimed, -line.delta, {
			cause: "home-explained",
			connectionId: event.connectionId,
			occurredAt: landedAt,
		});
		const waits = state.held.get(stockKey(line.itemId, line.locationId));
		// Into a figure from before what waits now it went long ago; in doubt the lower one counts.
		const since = waits?.state === "held" ? (waits.formerReadAt ?? 0) : null;
		if (since === null || landedAt > since || (landedAt === since && line.delta < 0))
			releaseKnown(state, event, moved, { units: line.delta, at: landedAt });
	}
	return lines.length > 0 ? { outcome: "applied", note: `${lines.length} lines landed` } : { outcome: "ignored", note: "nothing open" };
}

/** Home refused a batch: its units are owed again, for a batch with a new key. Net stock does not change, where they counted. */
export function decideVoid(state: ApplyState, event: BatchEvent, batchId: number): Verdict {
	const lines = openLines(state, batchId);
	for (const line of lines) {
		settle(state, event, stockAt(state, line.itemId, line.locationId), { line, ruling: "refused", at: event.receivedAt });
	}
	return lines.length > 0 ? { outcome: "applied", note: `${lines.length} lines owed again` } : { outcome: "ignored", note: "nothing open" };
}

const openLines = (state: ApplyState, batchId: number) =>
	[...state.deltas.values()].filter((l) => l.batchId === batchId && (l.state === "open" || l.state === "unresolved"));
