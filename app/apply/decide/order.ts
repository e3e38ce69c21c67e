import { isFulfilledByChannel, type OrderLineSnapshot, type OrderSnapshot } from "#domain";
import type { Order, OrderLine } from "#ledger";
import { applyOwnOrder } from "#listings";
import { idleCopies, moveKit } from "./kit.ts";
import { complainOfNameless, coverOf, originalsOf, uncredited } from "./mirror.ts";
import { predictSale } from "./prediction.ts";
import { type ApplyState, type BatchEvent, type ConnectionFacts, connectionOf, linkKey, orderKey, type Verdict } from "./state.ts";
import { giveBack, governed, type OrderChange, take } from "./take.ts";
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
		total: snapshot.total ?? known?.total ?? null,
		fulfilledByChannel: isFulfilledByChannel(snapshot),
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
	idleCopies(state, change, applied);
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
		const moved = units > 0 ? giveBack(state, change, counted, units, { leaves: false }) : take(state, change, counted, -units);
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
				kitUnits: 0,
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
		kitUnits: 0,
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
		// What a kit is made of home does not know: that is taken and given back here, beside the kit's own figure.
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
		return moveKit(state, change, line, units);
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
	const moved =
		rest > 0 ? take(state, change, counted, rest) : rest < 0 ? giveBack(state, change, counted, -rest, { leaves: true }) : counted;
	const mirrored = line.mirrored + credit;
	return { ...moved, held: moved.held + mirrored, mirrored };
}

/** The channel that sold lowers its own figure by itself. */
function noteOwnChannel(state: ApplyState, change: OrderChange, line: OrderLine, units: number): void {
	if (line.externalRef === null) return;
	const link = state.links.get(linkKey(change.connection.id, line.externalRef));
	const found = link && state.listings.get(link.listingId);
	if (!found) return;
	// What is sold while the channel's own figure is put back is not part of it any more.
	const listing = found.restoreTo === null ? found : { ...found, restoreTo: Math.max(0, found.restoreTo - units) };
	if (change.connection.quantityMeaning !== "selfDecrementing") {
		if (listing !== found) state.listings.set(listing.id, listing);
		return;
	}
	const sale = { change: units, from: change.from, to: change.to };
	state.listings.set(listing.id, applyOwnOrder(listing, sale, change.connection.clockResolutionMs));
	state.touched.add(listing.itemId);
}
