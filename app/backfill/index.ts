/** Many changes at once on purpose: seen before, frozen when confirmed, done in batches by a job, undone as one. */
export { type Asked, askForBulkPause, askForBulkRules, askForBulkUndo } from "./ask.ts";
export { type AskedChannel, askForListings, askForOrders, ORDERS_DAYS_MAX } from "./ask-channel.ts";
export { type BroughtFile, bringFile } from "./ask-file.ts";
export { type BulkDecided, type BulkWord, type Confirmed, confirmBulk, decideBulk, putAway } from "./decide.ts";
export { FILE_BYTES_MAX } from "./file/read-records.ts";
export { type BulkPreview, previewBulkRules } from "./preview.ts";
export { type PausePreview, previewBulkPause } from "./preview-pause.ts";
export {
	type BulkListing,
	type BulkProblem,
	type BulkQuantity,
	type BulkSet,
	type BulkState,
	listBulks,
	readBulk,
	readListingLines,
	readProblems,
	readQuantities,
} from "./read.ts";
export { type BulkStanding, readNewestBulk } from "./read-newest.ts";
export { type BulkOptions, findWaitingBulks, runBulk } from "./run.ts";
export type { BulkSummary } from "./sum-up.ts";
