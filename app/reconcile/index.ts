/** Reconcile: what webhooks missed is found. Orders are polled, totals compared by night, and all stock with what the channels show. */
export { askForCheck, type CheckAsked, findWaitingChecks, openDueChecks } from "./check/ask-check.ts";
export { countOpenDifferences } from "./check/count-open.ts";
export type { Cause } from "./check/judge-difference.ts";
export { forgetLeftRows } from "./check/rooms.ts";
export { type CheckOutcome, runCheck } from "./check/run-check.ts";
export { settleDifferences } from "./check/settle-differences.ts";
export { countFoundByPoll, countFoundByPollOfAll, type FoundOnDay, readFoundByPoll } from "./found-by-poll.ts";
export { type PollOutcome, pollOrders } from "./order-poll.ts";
export { findDueTotals, readTotals, readTotalsCheck, type TotalsCheck, type TotalsDifference } from "./read-totals.ts";
export { compareTotals, type TotalsOutcome } from "./totals.ts";
