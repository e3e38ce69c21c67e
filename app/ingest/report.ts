import type { Logger } from "pino";
import type { ReceiveOutcome } from "./receive.ts";

/**
 * One wide line per delivery that was verified. Strangers (bad signature, unknown address) leave none: what they send is not
 * ours to keep, and a flood of it must not fill the log.
 */
export function reportDelivery(log: Logger, channel: string, result: ReceiveOutcome, tookMs: number): void {
	const { outcome } = result;
	if (outcome === "bad-signature" || outcome === "unknown-connection" || outcome === "too-large" || outcome === "aborted") return;
	const line: Record<string, unknown> = { outcome, channel, tookMs: Math.round(tookMs * 10) / 10 };
	if ("detail" in result) Object.assign(line, result.detail);
	if ("reason" in result) line.reason = result.reason;
	if (outcome !== "not-durable") log.info(line, "stock_event.received");
	else log.warn(result.error === undefined ? line : { ...line, err: result.error }, "stock_event.received");
}
