import type { HomeReading } from "#domain";
import type { DeltaLine, Stock } from "#ledger";
import { releaseKnown } from "./guard.ts";
import { moveStock } from "./move.ts";
import { type ApplyState, type BatchEvent, stockKey } from "./state.ts";

/** Our last request with the expired key has surely been carried out, or never will be, so long after we gave up on it. */
export const SETTLED_AFTER_MS = 60_000;

/** What an unanswered line counts for: doubt lowers at once and raises only when it is settled. */
export const unitsOf = ({ state, delta }: DeltaLine): number => (state === "unresolved" ? Math.min(0, delta) : delta);

type Ruling = "took" | "refused" | "unclear";

/**
 * Lines whose key is too old to be sent again, and of which home never said whether it took them. Home's own figure tells:
 * one change of just so much since the first try that nothing else explains, and it took them; no change that nothing
 * explains, and it did not: the units are owed again under a new key. Anything else has several explanations, and a person is
 * asked while the lower figure counts.
 *
 * `unexplained`: by how much this reading moves home's figure beyond what it contains. Returns the row as it stands then.
 */
export function settleExpired(
	state: ApplyState,
	event: BatchEvent,
	stock: Stock,
	{ reading, unexplained }: { reading: HomeReading; unexplained: number },
): Stock {
	if (reading.via !== "query" || reading.askedAt === null) return stock;
	const askedAt = Date.parse(reading.askedAt);
	let now = stock;
	for (const line of state.deltas.values()) {
		if (line.itemId !== stock.itemId || line.locationId !== stock.locationId || line.state !== "open") continue;
		if (line.expired === null || askedAt < line.expired.at + SETTLED_AFTER_MS) continue;
		now = settle(state, event, now, {
			line,
			ruling: rule(line.delta, { ...line.expired, homeMoves: [...line.expired.homeMoves, unexplained] }),
			at: Date.parse(reading.readAt),
		});
	}
	return now;
}

function rule(delta: number, { homeMoves, explained }: { homeMoves: readonly number[]; explained: readonly number[] }): Ruling {
	const left = homeMoves.filter((move) => move !== 0);
	// An order may have explained less than its units because ours were in the same change: sending a raise again could make it twice.
	if (delta > 0 && explained.length > 0) return "unclear";
	for (const units of explained) {
		// The change that the order explained, wholly if there is one of just its size.
		const whole = left.indexOf(-units);
		const change = whole >= 0 ? whole : left.findIndex((move) => Math.sign(move) === -Math.sign(units) && Math.abs(move) > Math.abs(units));
		if (change < 0) return "unclear";
		left[change] = (left[change] as number) + units;
		if (left[change] === 0) left.splice(change, 1);
	}
	if (left.length === 0) return "refused";
	return left.length === 1 && left[0] === delta ? "took" : "unclear";
}

/** Ends a line, or leaves it to a person, and books what that makes of the figure. */
export function settle(
	state: ApplyState,
	event: BatchEvent,
	stock: Stock,
	{ line, ruling, at }: { line: DeltaLine; ruling: Ruling; at: number },
): Stock {
	const next: DeltaLine = { ...line, state: ({ took: "contained", refused: "void", unclear: "unresolved" } as const)[ruling] };
	state.deltas.set(line.id, next);
	const counts = ruling === "unclear" ? unitsOf(next) : 0;
	const owed = ruling === "refused" ? line.delta : 0;
	const deltaOwed = stock.deltaOwed + owed;
	const row = { ...stock, deltaOwed, owedSince: deltaOwed === 0 ? null : (stock.owedSince ?? state.now) };
	state.stock.set(stockKey(stock.itemId, stock.locationId), row);
	// Home's own change of that size was ours all along; its label says so, and no later order explains it a second time.
	const why = { cause: "home-explained" as const, connectionId: event.connectionId, occurredAt: at };
	const moved = moveStock(state, event, row, counts + owed - unitsOf(line), why);
	// When home took it nobody says: of what waits for approval only what lowers is believed to be in it.
	return ruling === "took" && line.delta < 0 ? releaseKnown(state, event, moved, { units: line.delta, at }) : moved;
}
