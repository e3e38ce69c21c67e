/** What to do about orders that were sold what was not there: why it happened, and the ways out, each safe to be pressed twice. */
export { type CancelAsked, cancelOrder, findDueCancellations, runCancellations } from "./cancel.ts";
export { type Decided, dismissOversells, reopenOversells, type Taken, takeFrom, writeSendInstead } from "./decide.ts";
export { readEvidence } from "./evidence.ts";
export { AFTERWARDS, type Afterwards, readAfterwards, setAfterwards } from "./setting.ts";
export { type Evidence, type HopName, type Reason, type Why, whyOf } from "./why.ts";
