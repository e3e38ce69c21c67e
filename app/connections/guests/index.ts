/** Guest channels: connecting, matching, watching, going live, and back. Pages call these; each checks the shop itself. */
export { linkListings, proposeMatching, readCatalogue, unlinkListings } from "./catalogue.ts";
export { type ConnectOutcome, connectGuest } from "./connect.ts";
export { changePolicy, chooseLocations, type DryRun, disconnect, dryRun, goLive, pauseConnection, pauseListings } from "./go-live.ts";
export { completeOneClick, receiveGrant, startOneClick } from "./one-click.ts";
export { startWatching } from "./opening.ts";
export { ensureWebhooks, webhookPath } from "./webhooks.ts";
