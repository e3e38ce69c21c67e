import { beforeEach, expect, test } from "vitest";
import { metrics, percentile } from "#telemetry";

beforeEach(() => metrics().registry.resetMetrics());

test("R15 percentiles of the push lag are read per channel, as exact as a bucket", async () => {
	const { pushLag } = metrics();
	for (let i = 1; i <= 1_000; i++) pushLag.observe({ channel: "woocommerce" }, i / 1_000);
	pushLag.observe({ channel: "slow" }, 40);
	const p50 = await percentile(pushLag, 0.5, { channel: "woocommerce" });
	const p99 = await percentile(pushLag, 0.99, { channel: "woocommerce" });
	expect(p50).toBeCloseTo(0.5, 1);
	expect(p99).toBeGreaterThan(0.9);
	expect(p99).toBeLessThanOrEqual(1);
	expect(await percentile(pushLag, 0.5, { channel: "slow" })).toBeGreaterThan(30);
	expect(await percentile(pushLag, 0.5, { channel: "none" })).toBeNull();
});

test("one registry serves the process, and its text is what Prometheus reads", async () => {
	metrics().pushes.inc({ channel: "woocommerce", outcome: "landed" });
	expect(metrics()).toBe(metrics());
	expect(await metrics().registry.metrics()).toContain('lockstep_delivery_pushes_total{channel="woocommerce",outcome="landed"} 1');
});
