import type { Prediction, Stock } from "#ledger";
import { releaseSold } from "./guard.ts";
import { moveStock, relabel, stockAt, stocksOf } from "./move.ts";
import { type ApplyState, type BatchEvent, stockKey } from "./state.ts";

/** Home's reads lag its writes by less than this; what we had so long before asking is in the answer. */
export const READ_LAG_MS = 10_000;

type HomeSale = {
	connectionId: number;
	orderId: string;
	lineId: string;
	itemId: number;
	units: number;
	/** Home's clock: the sale happened between these. */
	from: number;
	to: number;
	/** Home's location id, where the order says it (POS). */
	location: string | null;
};

/**
 * A home order lowers stock at once, before home's own figure tells. If the newest reading is younger than the order it holds
 * the sale already: then the order only names the difference that the reading made.
 */
export function predictSale(state: ApplyState, event: BatchEvent, sale: HomeSale): void {
	const stock = guessLocation(state, sale);
	if (!stock) return;
	const why = { cause: "sale" as const, connectionId: sale.connectionId, orderId: sale.orderId, lineId: sale.lineId, occurredAt: sale.to };
	const readAt = stock.homeReadAt;
	if (readAt !== null && readAt >= sale.from) {
		const explains = Math.min(sale.units, Math.max(0, -stock.homeUnexplained));
		const surely = readAt > sale.to;
		if (surely || explains === sale.units) {
			relabel(state, event, stock, explains, why);
			const row = { ...stock, homeUnexplained: stock.homeUnexplained + explains };
			state.stock.set(stockKey(stock.itemId, stock.locationId), row);
			// Of what waits for approval: what home sold since the last figure that counted is sold, whatever else was done to the figure.
			releaseSold(state, event, row, { units: sale.units, at: sale.to, since: sale.to });
			// With several locations it may have been taken from another one, whose reading is still to come.
			if (explains < sale.units && stocksOf(state, sale.itemId).length > 1) askForLevels(state, sale.itemId, "which location sold");
			return;
		}
		askForLevels(state, sale.itemId, "order and reading in the same second");
	}
	moveStock(state, event, stock, -sale.units, why);
	const prediction: Prediction = {
		id: null,
		itemId: sale.itemId,
		locationId: stock.locationId,
		connectionId: sale.connectionId,
		orderId: sale.orderId,
		lineId: sale.lineId,
		quantity: sale.units,
		stamp: sale.to,
		receivedAt: event.receivedAt,
	};
	state.predictions.set(predictionKey(prediction), prediction);
}

/** How the working state names a prediction; one that was made in this batch has no id yet. */
export const predictionKey = (p: Prediction) =>
	p.id === null ? `new:${p.orderId}:${p.lineId}:${p.stamp}:${p.itemId}:${p.locationId}` : `${p.id}`;

/** Where home probably took it from: where the order says, else the first online location that has enough, else the fullest. */
function guessLocation(state: ApplyState, sale: HomeSale): Stock | undefined {
	const said = sale.location === null ? undefined : state.locations.get(sale.location);
	if (said) return stockAt(state, sale.itemId, said.id);
	const online = new Set([...state.locations.values()].filter((l) => l.online).map((l) => l.id));
	const rows = stocksOf(state, sale.itemId).filter((s) => online.has(s.locationId));
	return rows.find((s) => s.net >= sale.units) ?? [...rows].sort((a, b) => b.net - a.net)[0];
}

/** Asks home for the item's levels once its reads have caught up with what we know. */
export function askForLevels(state: ApplyState, itemId: number, reason: string): void {
	const item = state.items.get(itemId);
	if (!item) return;
	state.fetches.push({
		connectionId: state.homeConnectionId,
		kind: "levels",
		externalId: item.externalId,
		dueAt: state.now + READ_LAG_MS,
		reason,
	});
}
