/**
 * Flow: the shop's automations hear of what went wrong here (triggers), and may ask for two things (actions). What happened is
 * noted by the statement that made it happen; what is asked for is kept before it is done.
 */
export { doRuns, findWaitingRuns } from "./do-runs.ts";
export { createFlowEndpoints } from "./endpoints.ts";
export { noticeOutOfStep } from "./notice-out-of-step.ts";
export { findWaitingEvents, forgetOldEvents, sendEvents } from "./send-events.ts";
