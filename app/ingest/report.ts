import { type Logger, metrics } from "#telemetry";
import type { ReceiveOutcome } from "./receive.ts";

/**
 * Counts every request, and writes one wide line per delivery that was verified. Strangers (bad signature, unknown address)
 * leave no line: what they send is not ours to keep, and a flood of it must not fill the log.
 */
export function reportDelivery(log: Logger, sender: string, result: ReceiveOutcome, tookMs: number): void {
	const { outcome } = result;
	const { requestsReceived, acknowledgement, eventsSpooled } = metrics();
	const parked = outcome === "accepted" && result.detail.parked;
	requestsReceived.inc({ sender, outcome: parked ? "parked" : outcome });
	acknowledgement.observe({ sender }, tookMs / 1000);
	if (outcome === "spooled") eventsSpooled.inc(Math.max(1, result.detail.events));

	if (outcome === "bad-signature" || outcome === "unknown-connection" || outcome === "too-large" || outcome === "aborted") return;
	const line: Record<string, unknown> = { outcome, channel: sender, tookMs: Math.round(tookMs * 10) / 10 };
	if ("detail" in result) Object.assign(line, result.detail);
	if ("reason" in result) line.reason = result.reason;
	if (outcome !== "not-durable") log.info(line, "stock_event.received");
	else log.warn(result.error === undefined ? line : { ...line, err: result.error }, "stock_event.received");
}
