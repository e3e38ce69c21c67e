/** Reconcile: what webhooks missed is found. First form: the order poll, and a regular look at all stock. */
export { compareStock } from "./compare.ts";
export { countFoundByPoll, type PollOutcome, pollOrders } from "./order-poll.ts";
