/** The ledger: the only writer of stock. It knows no queue, no channel and no Shopify; `apply` gives it what was decided. */
export { type FormedBatch, formDeltaBatch, readDeltaBatch } from "./delta-batches.ts";
export { dismissOpen, keepSendInstead, reopenDismissed } from "./sql/decide-oversells.ts";
export { lockStock } from "./sql/lock-stock.ts";
export { findMirrors, loadOrders, writeOrders } from "./sql/orders.ts";
export { markReachedHome, postponeOwed, type ReachedHome } from "./sql/owed-home.ts";
export { insertMovements, writeDeltaLines, writeOversells, writePredictions, writeStock } from "./sql/write-stock.ts";
export { allocate, mergeAllocations, release } from "./stock-rules.ts";
export type {
	Allocation,
	DeltaLine,
	Movement,
	MovementCause,
	Order,
	OrderLine,
	Oversell,
	OwedEnd,
	OwedEnded,
	Prediction,
	Stock,
} from "./types.ts";
