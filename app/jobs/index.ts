export { QUEUE_POOL_MAX } from "./backend.ts";
export type { JobName, Payload } from "./catalog.ts";
export { closeQueue, createQueue, type JobQueue, openQueue, queue, type Wake } from "./queue.ts";
export { type Handlers, type JobContext, type JobResult, startWorkers, type Workers } from "./worker.ts";
