/** Apply: a shop's waiting events become stock, once, in one transaction each batch, or are parked. */
export { compareVersion } from "./decide/version.ts";
export { type AppliedWork, type ApplyDeps, type DrainOutcome, drainShop } from "./drain.ts";
export type { ChannelTraits } from "./load.ts";
export { askForOverdueReadings, findWaitingShops } from "./overdue.ts";
export { changeWithListings, refreshListings } from "./refresh.ts";
export { AFTER_AN_OVERSELL } from "./sql/endings.ts";
export { lockLane } from "./sql/lane.ts";
