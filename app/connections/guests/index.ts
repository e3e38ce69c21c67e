/** Guest channels: connecting, matching, watching, going live, and back. Pages call these; each checks the shop itself. */
export { type CatalogueOutcome, readCatalogue } from "./catalogue.ts";
export { changeLinks, type LinkChange, type LinksChanged } from "./change-links.ts";
export { completeConsent } from "./complete-consent.ts";
export { type ConnectOutcome, connectGuest } from "./connect.ts";
export { connectGranted, type GrantedOutcome } from "./connect-granted.ts";
export { beginConsent, CONSENT_PATH, type ConsentStart, receiveConsent } from "./consent.ts";
export { toCsv } from "./csv.ts";
export { type DryRun, type DryRunOutcome, dryRun } from "./dry-run.ts";
export { type FormerFigure, readFormerFigures } from "./former-figures.ts";
export {
	type Disconnection,
	disconnect,
	goLive,
	pauseConnection,
	resumeConnection,
	type StateChange,
} from "./go-live.ts";
export { type LinkOutcome, link, linkListings, proposeMatching, readSellables, unlink, unlinkListings } from "./links.ts";
export { type Matching, matchListings } from "./matching.ts";
export { exportUnmatched, FILE_BYTES_MAX, type FileImport, importMatches } from "./matching-file.ts";
export { answerMirrored, MIRRORED, type Mirrored } from "./mirrored.ts";
export { completeOneClick, forgetOldRequests, ONE_CLICK_CHANNEL, receiveGrant, startOneClick } from "./one-click.ts";
export { startWatching, type WatchOutcome } from "./opening.ts";
export { type OrderSource, type OrderSources, SOURCE_DAYS } from "./order-sources.ts";
export { NOT_LIVE_YET } from "./partly-live.ts";
export { changePolling, POLL_MINUTES, type PollingChange } from "./polling.ts";
export { type KeysOutcome, renewKeys } from "./renew-keys.ts";
export { stopRestoring } from "./restore.ts";
export { changePolicy, chooseLocations, followRules, pauseListings, type RuleChange, setPaused } from "./rules.ts";
export { type Asked, askForSetUp, findAskedSetUps, runSetUp, SET_UP_WORK, type SetUpWork } from "./set-up.ts";
export { readStandings, type Standing, showing } from "./standings.ts";
export { type LinkUndo, undoLinks } from "./undo-links.ts";
export { ensureWebhooks, type WebhooksOutcome, webhookPath } from "./webhooks.ts";
