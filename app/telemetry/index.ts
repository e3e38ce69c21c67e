export { createLogger, type Logger } from "./log.ts";
export { type Metrics, metrics, percentile } from "./metrics.ts";
