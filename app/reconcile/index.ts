/** Reconcile: what webhooks missed is found. First form: the order poll, and a regular look at all stock. */
export { compareStock } from "./compare.ts";
export { countFoundByPoll, countFoundByPollOfAll, type FoundOnDay, readFoundByPoll } from "./found-by-poll.ts";
export { type PollOutcome, pollOrders } from "./order-poll.ts";
export { findDueTotals, readTotals, readTotalsCheck, type TotalsCheck, type TotalsDifference } from "./read-totals.ts";
export { compareTotals, type TotalsOutcome } from "./totals.ts";
