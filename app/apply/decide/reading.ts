import type { HomeReading } from "#domain";
import type { DeltaLine, Prediction, Stock } from "#ledger";
import { guardChange, releaseSold } from "./guard.ts";
import { moveStock, stockAt } from "./move.ts";
import { askForLevels, predictionKey, READ_LAG_MS } from "./prediction.ts";
import { type ApplyState, type BatchEvent, stockKey, type Verdict } from "./state.ts";
import { settleExpired, unitsOf } from "./unresolved.ts";

/**
 * Home's own figure replaces the one we hold, unless it is older. What it contains (our deltas, home's sales) is no longer
 * subtracted; what is left of the difference is home's own doing: an edit, a POS sale, a transfer.
 */
export function decideReading(state: ApplyState, event: BatchEvent, reading: HomeReading): Verdict {
	const itemId = state.itemByExternal.get(reading.itemExternalId);
	const location = state.locations.get(reading.locationExternalId);
	if (itemId === undefined || !location) {
		const fetch =
			location === undefined
				? { kind: "location" as const, externalId: reading.locationExternalId }
				: { kind: "levels" as const, externalId: reading.itemExternalId };
		state.fetches.push({ connectionId: event.connectionId, ...fetch, dueAt: state.now, reason: "reading of something unknown" });
		return { outcome: "ignored", note: "unknown item or location: asked for" };
	}
	let stock = stockAt(state, itemId, location.id);
	const readAt = Date.parse(reading.readAt);
	const quantity = reading.stocked ? reading.quantity : 0;
	if (stock.homeReadAt !== null && readAt < stock.homeReadAt) return { outcome: "ignored", note: "stale" };
	const tied = stock.homeReadAt === readAt;
	if (tied && reading.via === "webhook" && quantity > (stock.homeQuantity ?? 0)) {
		// Two figures of one second: nobody says which came last. The lower one counts until home has been asked.
		askForLevels(state, itemId, "two readings in the same second");
		return { outcome: "ignored", note: "tie: the lower figure stands" };
	}
	if (tied && reading.via === "webhook" && quantity === stock.homeQuantity) return { outcome: "ignored", note: "same" };
	if (tied && reading.via === "webhook") askForLevels(state, itemId, "two readings in the same second");

	const { contained, doubtful } = containedIn(state, stock, reading, readAt, quantity);
	for (const effect of contained) absorb(state, effect);
	const expected = (stock.homeQuantity ?? quantity) + contained.reduce((sum, effect) => sum + effect.units, 0);
	stock = settleExpired(state, event, stock, { reading, unexplained: quantity - expected });
	if (doubtful) askForLevels(state, itemId, "changes in the same second");

	const left = openEffects(state, itemId, location.id).reduce((sum, e) => sum + e.units, 0);
	const delta = quantity + stock.deltaOwed + left - (stock.net - stock.withheld);
	const opening = stock.homeReadAt === null;
	const unexplained = opening ? 0 : delta + (tied ? stock.homeUnexplained : 0);
	const next: Stock = { ...stock, homeQuantity: quantity, homeReadAt: readAt, homeUnexplained: unexplained };
	const why = { cause: opening ? ("opening" as const) : ("home" as const), connectionId: event.connectionId, occurredAt: readAt };
	const moved = moveStock(state, event, next, delta, why);
	// What the first import brings has been seen before in its own way, and so has a later one.
	const counted = !opening && event.source !== "import";
	if (!opening && delta > 0 && delta <= lowered(contained)) {
		// Doubt had lowered it: a guessed place, an order that took nothing, a write of the very second. No change of home's own; it
		// was part of one that waits, here or elsewhere.
		releaseSold(state, event, moved, { units: delta, at: readAt, since: null });
	} else if (!opening && delta !== 0) guardChange(state, event, moved, { was: stock, readAt, counted });
	const withheld = stockAt(state, itemId, location.id).withheld;
	noteShortage(state, event, itemId, location.id, quantity + withheld, readAt);
	return { outcome: "applied", note: delta === 0 ? "no difference" : "reading" };
}

/** Units by which these effects had lowered the figure. */
const lowered = (effects: readonly Effect[]): number => effects.reduce((sum, { units }) => sum + Math.max(0, -units), 0);

type Effect =
	| { kind: "delta"; line: DeltaLine; units: number }
	| { kind: "prediction"; key: string; prediction: Prediction; units: number };

/** What we subtract (or add) because no reading has held it so far. */
export function openEffects(state: ApplyState, itemId: number, locationId: number): Effect[] {
	const effects: Effect[] = [];
	for (const line of state.deltas.values()) {
		if (line.itemId !== itemId || line.locationId !== locationId) continue;
		if (line.state === "open" || line.state === "landed" || line.state === "unresolved")
			effects.push({ kind: "delta", line, units: unitsOf(line) });
	}
	for (const { key, prediction } of predictionsOf(state, itemId, locationId)) {
		effects.push({ kind: "prediction", key, prediction, units: -prediction.quantity });
	}
	return effects;
}

function* predictionsOf(state: ApplyState, itemId: number, locationId: number) {
	for (const prediction of state.predictions.values()) {
		if (prediction && prediction.itemId === itemId && prediction.locationId === locationId)
			yield { key: predictionKey(prediction), prediction };
	}
}

/**
 * Contained for sure: what is strictly older by home's clock; in an answer to our own question also what we knew well before
 * asking. Stamps are whole seconds, and our own write comes back as a reading of the very second it was made in: of such ties
 * those count as contained that explain the figure to the unit, in the order they came; else none does, and home is asked again.
 */
function containedIn(
	state: ApplyState,
	stock: Stock,
	reading: HomeReading,
	readAt: number,
	quantity: number,
): { contained: Effect[]; doubtful: boolean } {
	const askedAt = reading.askedAt === null ? null : Date.parse(reading.askedAt);
	const known = (at: number | null) => reading.via === "query" && askedAt !== null && at !== null && at <= askedAt - READ_LAG_MS;
	const contained: Effect[] = [];
	const ties: Effect[] = [];
	for (const effect of openEffects(state, stock.itemId, stock.locationId)) {
		// Only a person, or home's word that comes after all, ends it.
		if (effect.kind === "delta" && effect.line.state === "unresolved") continue;
		const at = effect.kind === "delta" ? effect.line.landedAt : effect.prediction.stamp;
		const heardAt = effect.kind === "delta" ? effect.line.answeredAt : effect.prediction.receivedAt;
		if ((at !== null && at < readAt) || known(heardAt)) contained.push(effect);
		// A batch under way has no stamp yet; its echo may be faster than its answer.
		else if (at === readAt || (at === null && effect.kind === "delta" && effect.line.underWay)) ties.push(effect);
	}
	if (ties.length === 0 || stock.homeQuantity === null) return { contained, doubtful: false };
	let expected = stock.homeQuantity + contained.reduce((sum, e) => sum + e.units, 0);
	if (expected === quantity) return { contained, doubtful: false };
	for (const [index, tie] of ties.entries()) {
		expected += tie.units;
		if (expected === quantity) return { contained: [...contained, ...ties.slice(0, index + 1)], doubtful: false };
	}
	return { contained, doubtful: true };
}

export function absorb(state: ApplyState, effect: Effect): void {
	if (effect.kind === "delta") state.deltas.set(effect.line.id, { ...effect.line, state: "contained" });
	else state.predictions.set(effect.key, null);
}

/** Home itself says that it owes more than the oversells we know of. */
export function noteShortage(
	state: ApplyState,
	event: BatchEvent,
	itemId: number,
	locationId: number,
	quantity: number,
	readAt: number,
): void {
	// A kit's own figure at home is nobody's stock: what it can owe are its parts, and these are looked at by themselves.
	if (quantity >= 0 || state.items.get(itemId)?.sellsWhenOut || state.kits.has(itemId)) return;
	let known = 0;
	for (const oversell of state.oversells.values()) {
		if (oversell.itemId === itemId && oversell.locationId === locationId && oversell.state === "open")
			known += oversell.units - oversell.covered;
	}
	const units = -quantity - known;
	if (units <= 0) return;
	const sourceKey = `event:${event.id}:home:${stockKey(itemId, locationId)}`;
	state.oversells.set(sourceKey, {
		id: null,
		itemId,
		locationId,
		connectionId: event.connectionId,
		orderId: "",
		lineId: "",
		units,
		covered: 0,
		state: "open",
		sourceKey,
		occurredAt: readAt,
	});
}
