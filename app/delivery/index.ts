/**
 * Delivery: brings every channel to what its listings must show, and home to what it is owed. It never decides stock; it is
 * level-triggered, so a wake may be lost, late or doubled, and a thousand changes of one listing are one call.
 */
export { type Answered, answerUnresolved } from "./answer-unresolved.ts";
export { deliver, findDueDeliveries } from "./deliver.ts";
export type { DeliveryChannel, DeliveryClient, DeliveryDeps, PushOutcome } from "./deps.ts";
export { lookLate } from "./look-late.ts";
export { pushDeltas } from "./push-deltas.ts";
export { pushListings } from "./push-listings.ts";
export { countWaiting, releaseParked } from "./release-parked.ts";
export { resolveMended } from "./resolve-mended.ts";
