import type { OrderLineSnapshot, OrderSnapshot } from "#domain";
import { type Allocation, allocate, mergeAllocations, type Order, type OrderLine, release } from "#ledger";
import { applyOwnOrder } from "#listings";
import { complainOfNameless, coverOf, originalsOf, uncredited } from "./mirror.ts";
import { moveStock, stockAt, stocksOf } from "./move.ts";
import { predictSale } from "./prediction.ts";
import {
	type ApplyState,
	type BatchEvent,
	type ConnectionFacts,
	componentsOf,
	connectionOf,
	linkKey,
	orderKey,
	stockKey,
	type Verdict,
} from "./state.ts";
import { asOfOf, compareVersion } from "./version.ts";

/** A snapshot becomes the difference to what we hold for each of its lines, so it may come by any way, any number of times. */
export function decideOrder(state: ApplyState, event: BatchEvent, snapshot: OrderSnapshot): Verdict {
	const connection = connectionOf(state, event.connectionId);
	const known = state.orders.get(orderKey(connection.id, snapshot.orderId));
	const version = compareVersion(known, snapshot);
	if (version === "stale" || version === "same") return { outcome: "ignored", note: version };
	if (version === "look-again") {
		state.fetches.push({
			connectionId: connection.id,
			kind: "order",
			externalId: snapshot.orderId,
			dueAt: state.now,
			reason: "equal stamp, other content",
		});
		return { outcome: "ignored", note: "look-again" };
	}

	const createdAt = Date.parse(snapshot.createdAt);
	const stamp = Date.parse(snapshot.stamp);
	const isOlder = known === undefined && connection.cutAt !== null && createdAt < connection.cutAt;
	// Of an order from before the cut, a newer state that is from before it too: what happened between them is in the figures as well.
	const isNewerOlder = known?.baseline === true && connection.cutAt !== null && known.stamp < stamp && stamp < connection.cutAt;
	const baseline = isOlder || isNewerOlder;
	const order: Order = {
		connectionId: connection.id,
		orderId: snapshot.orderId,
		name: snapshot.name,
		createdOnChannelAt: createdAt,
		stamp,
		contentHash: snapshot.contentHash,
		asOf: asOfOf(snapshot, event.receivedAt),
		baseline: known?.baseline ?? isOlder,
		// Orders that the import read are expected; one that turns up later from before the cut is listed for the merchant.
		unknownOlder: known?.unknownOlder ?? (isOlder && event.source !== "import" && snapshot.lines.some((line) => !line.fulfilledByChannel)),
		cancelled: snapshot.cancelled,
		firstSource: known?.firstSource ?? event.source,
		sourceName: snapshot.source?.name ?? known?.sourceName ?? null,
		sourceIdentifier: snapshot.source?.identifier ?? known?.sourceIdentifier ?? null,
		lines: new Map(known?.lines),
	};
	// When it happened, by the channel's clock: at the earliest with the state before, at the latest with this stamp.
	const change: OrderChange = {
		connection,
		order,
		event,
		baseline,
		from: known?.stamp ?? createdAt,
		to: stamp,
		location: snapshot.locationExternalId,
		unmapped: [],
		cover: coverOf(state, connection, snapshot.orderId),
		lines: new Map(order.lines),
	};
	const { lines } = change;
	for (const line of snapshot.lines) {
		const next = changeLine(state, change, lines.get(line.lineId), line);
		if (next) lines.set(line.lineId, next);
	}
	if (snapshot.complete) {
		// Only a complete snapshot says by its silence that a line is gone.
		const listed = new Set(snapshot.lines.map((line) => line.lineId));
		for (const line of order.lines.values()) {
			if (listed.has(line.lineId) || line.held === 0) continue;
			lines.set(line.lineId, baseline && isUncounted(line) ? { ...line, held: 0, baseline: 0 } : moveLine(state, change, line, 0));
		}
	}
	// An order with lines that nobody could place stays "other content": the same snapshot is looked at again once they are linked.
	const contentHash = change.unmapped.length > 0 ? "unmapped" : snapshot.contentHash;
	creditLines(state, change);
	const applied = { ...order, contentHash, lines };
	state.orders.set(orderKey(connection.id, snapshot.orderId), applied);
	for (const original of originalsOf(state, applied)) creditOriginal(state, event, original, stamp);
	complainOfNameless(state, event, snapshot);
	if (change.unmapped.length > 0) {
		state.complaints.push({
			connectionId: connection.id,
			eventId: event.id,
			errorClass: "unmapped-listing",
			error: `Order ${snapshot.name} sells what is linked to no product here: ${change.unmapped.join(", ")}`,
			sourceKey: `unmapped:${connection.id}:${snapshot.orderId}`,
		});
	}
	return { outcome: "applied", note: baseline ? "baseline" : version };
}

type OrderChange = {
	connection: ConnectionFacts;
	order: Order;
	event: BatchEvent;
	baseline: boolean;
	from: number;
	to: number;
	location: string | null;
	unmapped: string[];
	/** Units by item that a copy of this order at home holds. */
	cover: ReadonlyMap<number, number>;
	/** As they stand so far. */
	lines: Map<string, OrderLine>;
};

/** What a copy at home has taken of each item is credited to the lines, and what it has given up is taken here instead. */
function creditLines(state: ApplyState, change: OrderChange): void {
	const left = new Map(change.cover);
	for (const line of [...change.lines.values()].sort((a, b) => (a.lineId < b.lineId ? -1 : 1))) {
		if (line.itemId === null || (line.mirrored === 0 && left.size === 0)) continue;
		const credit = Math.min(left.get(line.itemId) ?? 0, Math.max(0, line.held - line.baseline));
		left.set(line.itemId, (left.get(line.itemId) ?? 0) - credit);
		const units = credit - line.mirrored;
		if (units === 0) continue;
		// The line holds as many units as before; only who took them from the stock is another.
		const counted = { ...line, held: line.held - line.mirrored, mirrored: 0 };
		const moved = units > 0 ? giveBack(state, change, counted, units) : take(state, change, counted, -units);
		change.lines.set(line.lineId, { ...moved, held: line.held, mirrored: credit });
	}
}

/** A home order turned out to be a copy of this one, or was changed. */
function creditOriginal(state: ApplyState, event: BatchEvent, { connection, order }: Original, at: number): void {
	const cover = coverOf(state, connection, order.orderId);
	const lines = new Map(order.lines);
	creditLines(state, {
		...{ connection, order, event, cover, lines, baseline: order.baseline, from: at, to: at, location: null, unmapped: [] },
	});
	state.orders.set(orderKey(connection.id, order.orderId), { ...order, lines });
}
type Original = ReturnType<typeof originalsOf>[number];

function changeLine(state: ApplyState, change: OrderChange, known: OrderLine | undefined, line: OrderLineSnapshot): OrderLine | undefined {
	const target = line.fulfilledByChannel ? 0 : line.held;
	const resolved = resolve(state, change.connection, line.listingExternalId);
	if (resolved.state === "ignored") return undefined;
	if (known) {
		if (change.baseline && isUncounted(known))
			return { ...known, externalRef: line.listingExternalId, itemId: resolved.itemId ?? known.itemId, held: target, baseline: target };
		if (resolved.state === "linked" && known.externalRef !== null && line.listingExternalId !== known.externalRef) {
			// The line was changed to another product: all of the old one comes back, all of the new one is taken.
			const emptied = moveLine(state, change, known, 0);
			return moveLine(state, change, { ...emptied, externalRef: line.listingExternalId, itemId: resolved.itemId }, target);
		}
		// Units that are held stay on the item they were taken from; a line that could not be placed before may be now.
		return moveLine(state, change, { ...known, itemId: known.itemId ?? resolved.itemId }, target);
	}
	if (resolved.itemId === null && target !== 0) {
		if (change.baseline)
			return {
				lineId: line.lineId,
				externalRef: line.listingExternalId,
				itemId: null,
				held: target,
				baseline: target,
				mirrored: 0,
				allocations: [],
			};
		if (!change.connection.isHome) change.unmapped.push(line.sku ?? line.listingExternalId ?? `line ${line.lineId}`);
		return undefined;
	}
	const fresh: OrderLine = {
		lineId: line.lineId,
		externalRef: line.listingExternalId,
		itemId: resolved.itemId,
		held: 0,
		baseline: 0,
		mirrored: 0,
		allocations: [],
	};
	// Baseline: it was sold before we counted, so home's opening figure holds it already.
	if (change.baseline) return { ...fresh, held: target, baseline: target };
	return moveLine(state, change, fresh, target);
}

/** Nothing of it has moved stock. */
const isUncounted = (line: OrderLine) => line.held === line.baseline && line.allocations.length === 0;

function resolve(state: ApplyState, connection: ConnectionFacts, externalId: string | null) {
	if (externalId === null) return { state: "unlinked" as const, itemId: null };
	if (connection.isHome) {
		const itemId = externalId.startsWith("variant:")
			? state.itemByVariant.get(externalId.slice("variant:".length))
			: state.itemByExternal.get(externalId);
		return { state: itemId === undefined ? ("unlinked" as const) : ("linked" as const), itemId: itemId ?? null };
	}
	const link = state.links.get(linkKey(connection.id, externalId));
	return { state: link?.linkState ?? ("unlinked" as const), itemId: link?.itemId ?? null };
}

/** Brings one line from what it holds to `target` units. */
function moveLine(state: ApplyState, change: OrderChange, line: OrderLine, target: number): OrderLine {
	const units = target - line.held;
	if (units === 0) return line;
	if (change.connection.isHome) {
		// Home's stock comes from its readings. More held lowers at once as a prediction; less held rises with the reading only.
		if (units > 0 && line.itemId !== null) {
			predictSale(state, change.event, {
				connectionId: change.connection.id,
				orderId: change.order.orderId,
				lineId: line.lineId,
				itemId: line.itemId,
				units,
				from: change.from,
				to: change.to,
				location: change.location,
			});
		}
		return { ...line, held: target };
	}
	if (line.itemId === null) return line;
	noteOwnChannel(state, change, line, units);
	if (!governed(state, line.itemId)) return { ...line, held: target };
	const others = [...change.lines.values()].filter((other) => other.lineId !== line.lineId);
	const room = uncredited(change.cover, [...others, line], line.itemId);
	// What its copy at home holds already is not taken a second time; what goes away leaves those credited units first.
	const credit = units > 0 ? Math.min(units, room) : -Math.min(-units, line.mirrored);
	const counted = { ...line, held: line.held - line.mirrored, mirrored: 0 };
	const rest = units - credit;
	const moved = rest > 0 ? take(state, change, counted, rest) : rest < 0 ? giveBack(state, change, counted, -rest) : counted;
	const mirrored = line.mirrored + credit;
	return { ...moved, held: moved.held + mirrored, mirrored };
}

const governed = (state: ApplyState, itemId: number) =>
	componentsOf(state, itemId).every((c) => state.items.get(c.itemId)?.tracked ?? false);

function take(state: ApplyState, change: OrderChange, line: OrderLine, units: number): OrderLine {
	const taken: Allocation[] = [];
	for (const component of componentsOf(state, line.itemId as number)) {
		// The rows are read afresh for each component: two components of one bundle may be the same item.
		taken.push(...allocate(stocksOf(state, component.itemId), component.itemId, change.connection.locationIds, units * component.quantity));
		for (const allocation of taken.filter((a) => a.itemId === component.itemId)) moveAllocation(state, change, line, allocation, -1);
	}
	return { ...line, held: line.held + units, allocations: mergeAllocations(line.allocations, taken, 1) };
}

function giveBack(state: ApplyState, change: OrderChange, line: OrderLine, units: number): OrderLine {
	const counted = line.held - line.baseline;
	const fromCounted = Math.min(Math.max(counted, 0), units);
	const back = release(line.allocations, counted, fromCounted);
	for (const allocation of back) moveAllocation(state, change, line, allocation, 1);
	// What was there before we began was never taken from a location of ours: it comes back to the channel's first one.
	const fromBaseline = units - fromCounted;
	if (fromBaseline > 0) {
		const locationId = change.connection.locationIds[0];
		if (locationId === undefined) throw new Error(`Connection ${change.connection.id} has no location to take units back to`);
		for (const component of componentsOf(state, line.itemId as number)) {
			moveAllocation(
				state,
				change,
				line,
				{ itemId: component.itemId, locationId, quantity: fromBaseline * component.quantity, short: 0 },
				1,
			);
		}
	}
	return {
		...line,
		held: line.held - units,
		baseline: line.baseline - fromBaseline,
		allocations: mergeAllocations(line.allocations, back, -1),
	};
}

/** Stock, what home must be told, and the shortage: all for one (item, location). */
function moveAllocation(state: ApplyState, change: OrderChange, line: OrderLine, allocation: Allocation, sign: 1 | -1): void {
	const delta = sign * allocation.quantity;
	const stock = stockAt(state, allocation.itemId, allocation.locationId);
	const deltaOwed = stock.deltaOwed + delta;
	const owing = { ...stock, deltaOwed, owedSince: deltaOwed === 0 ? null : (stock.owedSince ?? state.now) };
	const why = {
		cause: sign < 0 ? ("sale" as const) : ("give-back" as const),
		connectionId: change.connection.id,
		orderId: change.order.orderId,
		lineId: line.lineId,
		occurredAt: change.to,
	};
	moveStock(state, change.event, owing, delta, why);
	if (sign < 0 && allocation.short > 0 && !state.items.get(allocation.itemId)?.sellsWhenOut) {
		const sourceKey = `event:${change.event.id}:${line.lineId}:${stockKey(allocation.itemId, allocation.locationId)}`;
		const already = state.oversells.get(sourceKey);
		state.oversells.set(sourceKey, {
			id: null,
			itemId: allocation.itemId,
			locationId: allocation.locationId,
			connectionId: change.connection.id,
			orderId: change.order.orderId,
			lineId: line.lineId,
			units: allocation.short + (already?.units ?? 0),
			covered: 0,
			state: "open",
			sourceKey,
			occurredAt: change.to,
		});
	}
}

/** The channel that sold lowers its own figure by itself. */
function noteOwnChannel(state: ApplyState, change: OrderChange, line: OrderLine, units: number): void {
	if (change.connection.quantityMeaning !== "selfDecrementing" || line.externalRef === null) return;
	const link = state.links.get(linkKey(change.connection.id, line.externalRef));
	const listing = link && state.listings.get(link.listingId);
	if (!listing) return;
	const sale = { change: units, from: change.from, to: change.to };
	state.listings.set(listing.id, applyOwnOrder(listing, sale, change.connection.clockResolutionMs));
	state.touched.add(listing.itemId);
}
