import { createQueue, startWorkers } from "#jobs";
import { createLogger } from "#telemetry";

/** A worker of its own that takes a job and never ends it. */
const [databaseUrl = "", redisUrl] = process.argv.slice(2);
const queue = createQueue({ databaseUrl, redisUrl: redisUrl || undefined, log: createLogger({ level: "silent", name: "test" }) });
startWorkers({ "apply.drain": () => new Promise(() => {}) }, { queue });
process.stdout.write("ready\n");
