/**
 * Ingest: any sender's message is verified, durable, then acknowledged; hints are fetched into snapshots. What it takes is in
 * the inbox (or, for senders that never repeat themselves, on disk), and apply is woken.
 */
export { createIngest, type Ingest, type IngestOptions } from "./create-ingest.ts";
export { runFetches } from "./fetch.ts";
export { createPulling } from "./pull/create-pulling.ts";
export type { Pulling } from "./pull/pull-queue.ts";
export { createBodyReader } from "./read-body.ts";
export type { ReceiveOutcome } from "./receive.ts";
export { isSignedBy } from "./verify.ts";
