import type { OrderSnapshot } from "#domain";
import type { Order, OrderLine } from "#ledger";
import { type ApplyState, type BatchEvent, type ConnectionFacts, orderKey } from "./state.ts";

/**
 * Many merchants run an app that copies a marketplace's orders into Shopify. Where that lowers Shopify's stock, the sale is in
 * home's own figure already, and taking it here too would count it twice. So of each item the order itself takes only what its
 * copy does not hold. Whichever of the two comes first, is changed or goes away: the sale counts once, as the larger of them.
 */
export function coverOf(state: ApplyState, connection: ConnectionFacts, orderId: string): Map<number, number> {
	const cover = new Map<number, number>();
	if (connection.isHome || connection.mirror !== "takes-stock") return cover;
	for (const copy of state.orders.values()) {
		if (copy.connectionId !== state.homeConnectionId || copy.sourceIdentifier !== orderId) continue;
		for (const { itemId, held } of copy.lines.values()) {
			if (itemId !== null && held > 0) cover.set(itemId, (cover.get(itemId) ?? 0) + held);
		}
	}
	return cover;
}

/** Units of the item that the copy holds and that no line of the order is credited with so far. */
export function uncredited(cover: ReadonlyMap<number, number>, lines: Iterable<OrderLine>, itemId: number): number {
	let left = cover.get(itemId) ?? 0;
	for (const line of lines) if (line.itemId === itemId) left -= line.mirrored;
	return Math.max(0, left);
}

/** The orders on guest channels that this home order is a copy of. Several channels may use the same number. */
export function originalsOf(state: ApplyState, copy: Order): { connection: ConnectionFacts; order: Order }[] {
	if (copy.sourceIdentifier === null || copy.connectionId !== state.homeConnectionId) return [];
	const originals = [];
	for (const connection of state.connections.values()) {
		if (connection.isHome || connection.mirror !== "takes-stock") continue;
		const order = state.orders.get(orderKey(connection.id, copy.sourceIdentifier));
		if (!order) continue;
		originals.push({ connection, order });
		// Its maker is one that copies this channel's orders: another of its that carries no number is worth a word.
		if (copy.sourceName !== null && !connection.mirrorSources.includes(copy.sourceName))
			state.mirrorSources.push({ connectionId: connection.id, name: copy.sourceName });
	}
	return originals;
}

/** A copy that does not say of which order it is one: the sale counts twice until a person looks, so one is told. */
export function complainOfNameless(state: ApplyState, event: BatchEvent, snapshot: OrderSnapshot): void {
	const { name, identifier } = snapshot.source ?? { name: null, identifier: null };
	if (event.connectionId !== state.homeConnectionId || name === null || identifier !== null) return;
	const channel = [...state.connections.values()].find((c) => c.mirror !== "none" && c.mirrorSources.includes(name));
	if (!channel) return;
	state.complaints.push({
		connectionId: event.connectionId,
		eventId: event.id,
		errorClass: "copy-without-number",
		error: `Order ${snapshot.name} was made by ${name}, which copies orders of another channel here, and does not say which order it is`,
		sourceKey: `copy:${snapshot.orderId}`,
	});
}
