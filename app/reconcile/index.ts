/** Reconcile: what webhooks missed is found. First form: the order poll. */
export { countFoundByPoll, type PollOutcome, pollOrders } from "./order-poll.ts";
