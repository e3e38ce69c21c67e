/** Many changes at once on purpose: seen before, frozen when confirmed, done in batches by a job, undone as one. */
export { askForBulkPause, askForBulkRules } from "./ask.ts";
export { type AskedChannel, askForListings, askForOrders, ORDERS_DAYS_MAX } from "./ask-channel.ts";
export { type BroughtFile, bringFile } from "./ask-file.ts";
export type { Asked } from "./begin.ts";
export { type BulkDecided, type BulkWord, type Confirmed, confirmBulk, decideBulk, putAway } from "./decide.ts";
export { FILE_BYTES_MAX } from "./file/read-records.ts";
export { lookAgain } from "./orders/look-again.ts";
export { bringsAnything, isWorthIt, type ListedOrder, type OrdersSummary } from "./orders/summary.ts";
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
	readListedOrders,
	readListingLines,
	readProblems,
	readQuantities,
} from "./read.ts";
export { type BulkStanding, readNewestBulk } from "./read-newest.ts";
export { rollBackBulk } from "./roll-back.ts";
export { type BulkOptions, findWaitingBulks, runBulk } from "./run.ts";
export { approvalOf, type BulkSummary } from "./summary.ts";
export { askForBulkUndo } from "./undo.ts";
