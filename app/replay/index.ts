/** Failures, and past events, tried again on purpose: named, frozen when confirmed, at a slower pace than live traffic, twice is once. */
export { type AskedReplay, askForOrder, askForReplay, type Chosen } from "./ask.ts";
export { decideReplay, REPLAY_WORDS, type ReplayDecided } from "./decide.ts";
export { previewReplay, type ReplayPreview, type ReplaySample } from "./preview.ts";
export { listReplays, type ReplayEnded, type ReplayStanding, readReplay } from "./read.ts";
export { findWaitingReplays, runReplays } from "./run.ts";
