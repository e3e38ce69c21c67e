/** Listings: what each one must show (policy, locations, bundles) and what we believe it shows; dirty when these differ. */
export { applyOwnOrder, desiredFor, isDirty, sellableUnits, settleDirty, targetOf } from "./desired.ts";
export { findListings, itemsWithUnseenBefore, lockListings, writeListings } from "./sql/listings.ts";
export type { ConnectionRules, Listing } from "./types.ts";
