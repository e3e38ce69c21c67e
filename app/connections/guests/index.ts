/** Guest channels: connecting, matching, watching, going live, and back. Pages call these; each checks the shop itself. */
export { type CatalogueOutcome, type LinkOutcome, linkListings, proposeMatching, readCatalogue, unlinkListings } from "./catalogue.ts";
export { type ConnectOutcome, connectGuest } from "./connect.ts";
export { type DryRunOutcome, dryRun } from "./dry-run.ts";
export { type Disconnection, disconnect, goLive, pauseConnection, type StateChange } from "./go-live.ts";
export { completeOneClick, forgetOldRequests, receiveGrant, startOneClick } from "./one-click.ts";
export { startWatching, type WatchOutcome } from "./opening.ts";
export { changePolicy, chooseLocations, followRules, pauseListings, type RuleChange } from "./rules.ts";
export { ensureWebhooks, type WebhooksOutcome, webhookPath } from "./webhooks.ts";
