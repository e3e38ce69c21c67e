import { Counter, Gauge, Histogram, Registry } from "prom-client";

/**
 * Every figure the app measures, on one page. prom-client, because its registry is what Prometheus reads (R28) and its
 * histograms are the ones a dashboard sums over processes; `percentile` reads the same buckets for our own page.
 */
export type Metrics = ReturnType<typeof createMetrics>;

/** From a millisecond to the 30 s that a flash sale may take; each step is at most doubled, so a percentile is as exact as that. */
const LAG_BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 30, 60, 300];

function createMetrics() {
	const registry = new Registry();
	const registers = [registry];
	const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
		new Counter<L>({ name: `lockstep_${name}`, help, labelNames, registers });
	const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
		new Histogram<L>({ name: `lockstep_${name}_seconds`, help, labelNames, buckets: LAG_BUCKETS_SECONDS, registers });
	const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
		new Gauge<L>({ name: `lockstep_${name}`, help, labelNames, registers });

	return {
		registry,
		requestsReceived: counter(
			"ingest_requests_total",
			"Signed requests by sender and outcome; refused signatures leave no other trace (R01).",
			["sender", "outcome"],
		),
		acknowledgement: histogram("ingest_acknowledgement", "From the first byte of a signed request to its answer (R02).", ["sender"]),
		eventsSpooled: counter("ingest_events_spooled_total", "Events that went to disk because the database could not be reached."),
		messagesPulled: counter("ingest_messages_pulled_total", "Messages fetched from a channel's queue, by what became of them.", [
			"queue",
			"outcome",
		]),
		queueFailures: counter("ingest_queue_failures_total", "Turns at a queue that failed: the queue's trouble, or our database's.", [
			"queue",
		]),
		eventsApplied: counter("events_applied_total", "Inbox events by what became of them.", ["outcome"]),
		applyBatch: histogram("apply_batch", "One drain transaction."),
		unitsOversold: counter("units_oversold_total", "Units sold that no stock covered (R11).", ["channel"]),
		pushes: counter("delivery_pushes_total", "Listings written, by what became of it.", ["channel", "outcome"]),
		pushLag: histogram("push_lag", "From the sale (the channel's stamp) to another channel's acceptance of the new number (R15).", [
			"channel",
		]),
		calls: counter("channel_calls_total", "Requests to channels by status class.", ["channel", "status"]),
		callTime: histogram("channel_call", "One request to a channel.", ["channel"]),
		checkTime: histogram(
			"stock_check",
			"All stock of one connection, from the first page that is read to the last difference that is asked for (R25).",
			["channel"],
		),
		differencesFound: counter("stock_differences_found_total", "Figures that differed and that nothing explained (R25).", ["channel"]),
		differencesSettled: counter("stock_differences_settled_total", "Differences that ended, by why there was one and how it ended.", [
			"channel",
			"cause",
			"state",
		]),
		differencesOpen: gauge("stock_differences_open", "Differences that have not ended, over all shops.", ["channel", "cause"]),
		queueDepth: gauge("queue_depth", "Jobs by queue and state.", ["queue", "state"]),
		failuresOpen: gauge(
			"failures_open",
			"Failed updates, and messages that could not be counted, that wait for a person, over all shops (R21).",
			["side"],
		),
		apiVersionDaysLeft: gauge(
			"api_version_days_left",
			"Days for which a channel answers the version of its API that this release speaks; below zero: it has ended (R33).",
			["channel", "version"],
		),
		ordersFoundByPoll: gauge(
			"orders_found_by_poll",
			"States of orders of the last 24 hours that only a poll brought: what webhooks missed, over all shops (R24).",
			["channel"],
		),
		jobsFailed: counter("jobs_failed_total", "Job runs that ended in an exception.", ["job"]),
	};
}

const SINGLETON = Symbol.for("lockstep.metrics");
const holder = globalThis as { [SINGLETON]?: Metrics };

/** The process's figures: the Remix build and the native server count into one registry. */
export function metrics(): Metrics {
	holder[SINGLETON] ??= createMetrics();
	return holder[SINGLETON];
}

/** The value below which `share` (0.5, 0.99) of all observations lie, straight-lined within its bucket; null without observations. */
export async function percentile(histogram: Histogram, share: number, labels: Record<string, string> = {}): Promise<number | null> {
	const { values } = await histogram.get();
	const upTo = new Map<number, number>();
	for (const { metricName, labels: own, value } of values) {
		if (!metricName?.endsWith("_bucket")) continue;
		if (Object.entries(labels).some(([name, wanted]) => (own as Record<string, unknown>)[name] !== wanted)) continue;
		const bound = own.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(own.le);
		upTo.set(bound, (upTo.get(bound) ?? 0) + value);
	}
	const buckets = [...upTo].sort(([a], [b]) => a - b);
	const total = buckets.at(-1)?.[1] ?? 0;
	if (total === 0) return null;
	let [low, before] = [0, 0];
	for (const [bound, count] of buckets) {
		if (count >= share * total) {
			if (bound === Number.POSITIVE_INFINITY) return low;
			return low + (bound - low) * ((share * total - before) / Math.max(1, count - before));
		}
		[low, before] = [bound, count];
	}
	return low;
}
