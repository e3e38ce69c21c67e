/** Many changes at once on purpose: seen before, frozen when confirmed, done in batches by a job, undone as one. */
export { type Asked, askForBulkPause, askForBulkRules, askForBulkUndo } from "./ask.ts";
export { type BulkPreview, previewBulkRules } from "./preview.ts";
export { type PausePreview, previewBulkPause } from "./preview-pause.ts";
export { type BulkStanding, readNewestBulk } from "./read-newest.ts";
export { findWaitingBulks, runBulk } from "./run.ts";
