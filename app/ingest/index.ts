/**
 * Ingest: any sender's message is verified, durable, then acknowledged; hints are fetched into snapshots. What it takes is in
 * the inbox (or, for senders that never repeat themselves, on disk), and apply is woken.
 */
export { createIngest, type Ingest, type IngestOptions } from "./create-ingest.ts";
export { type FetchRun, runFetches } from "./fetch.ts";
export { createBodyReader } from "./read-body.ts";
export type { IncomingDelivery, ReceiveOutcome } from "./receive.ts";
export { isSignedBy } from "./verify.ts";
