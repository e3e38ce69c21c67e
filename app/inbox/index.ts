/**
 * The inbox: the one way by which anything gets to move stock. Webhooks, fetches, polls, imports, replays and the app itself
 * put canonical events here; apply drains them. What is here is durable, and a delivery key that is here stops its repeats.
 */
export { type AppendedEvents, appendEvents, type EventSource, type NewInboxEvent } from "./append-events.ts";
export { keepHouse } from "./keep-house.ts";
export { replayEvents } from "./replay-events.ts";
export { type FetchKind, type NewFetch, requestFetch } from "./request-fetch.ts";
export { storableJson } from "./storable.ts";
