/** Mass changes of Shopify's figures that wait for somebody's approval: what waits, and what a person decides about it. */
export { type Decided, decideChanges, keepFormer } from "./decide-changes.ts";
export { readChangeSet, readOpenSets, type SetStanding } from "./read-sets.ts";
export { refuseRules } from "./rules.ts";
export { readShopGuards, type SavedGuards, saveGuards } from "./settings.ts";
