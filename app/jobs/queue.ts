import type { JobsOptions } from "bullmq";
import type { Logger } from "#telemetry";
import { type Backend, type BackendOptions, openBackend } from "./backend.ts";
import { catalog, type JobName, type Payload, type QueueName, queues } from "./catalog.ts";

/**
 * Asks for a run of `name` that begins after now. Wakes are cheap: while one waits, more of the same payload are the same run,
 * and any number that come during a run make one more after it. Never rejects: a wake that is lost is found by the sweep.
 */
export type Wake = <N extends JobName>(name: N, payload: Payload<N>, options?: { delayMs?: number }) => Promise<void>;

export type JobQueue = {
	wake: Wake;
	/**
	 * For the sweep: a run beside the one that should be running and may be dead. A killed worker's run blocks its successors
	 * until its lock has run out (worker.ts); what waits in the tables does not wait for that.
	 */
	rescue: <N extends JobName>(name: N, payload: Payload<N>) => Promise<void>;
	counts(): Promise<Record<QueueName, { waiting: number; active: number; delayed: number; failed: number }>>;
	backend: Backend;
	log: Logger;
	/** Sends what is under way; bounded. Workers are closed before (worker.ts). */
	close(): Promise<void>;
};

/** Whoever wakes has committed already and goes on; a queue that does not answer must not hold up a request. */
const ADD_TIMEOUT_MS = 2_000;
const CLOSE_TIMEOUT_MS = 5_000;
/** Delayed wakes within one such span are one. */
const DELAY_STEP_MS = 250;
/** Failed runs are kept for reading only; the tables hold what is still to be done. */
const FAILED_KEPT_MAX = 200;

export function createQueue(options: BackendOptions): JobQueue {
	const { log } = options;
	const backend = openBackend(options);
	const opened = Object.fromEntries((Object.keys(queues) as QueueName[]).map((name) => [name, backend.queue(name)])) as Record<
		QueueName,
		ReturnType<Backend["queue"]>
	>;
	for (const queue of Object.values(opened)) queue.on("error", (error) => log.warn({ err: error, queue: queue.name }, "queue.failed"));

	const add = async (name: JobName, payload: unknown, id: string, delayMs: number) => {
		const { queue, attemptsMax } = catalog[name];
		const jobOptions: JobsOptions = {
			deduplication: { id: `${name} ${id}`, keepLastIfActive: true },
			// Whole milliseconds, not before the moment that was asked for.
			delay: Math.ceil(delayMs),
			attempts: attemptsMax,
			backoff: { type: "custom" },
			removeOnComplete: true,
			removeOnFail: FAILED_KEPT_MAX,
		};
		try {
			await withTimeout(opened[queue].add(name, payload, jobOptions), ADD_TIMEOUT_MS);
		} catch (error) {
			log.warn({ err: error, job: name, payload }, "wake.lost");
		}
	};
	const shared = shareCalls();

	return {
		wake(name, payload, { delayMs = 0 } = {}) {
			const key = keyOf(payload);
			if (delayMs <= 0) return shared(`${name} ${key}`, () => add(name, payload, key, 0));
			const step = Math.ceil((Date.now() + delayMs) / DELAY_STEP_MS);
			return shared(`${name} ${key} ${step}`, () => add(name, payload, `${key} at ${step}`, delayMs));
		},
		rescue: (name, payload) => add(name, payload, `${keyOf(payload)} rescue`, 0),
		async counts() {
			const entries = Object.entries(opened).map(async ([name, queue]) => {
				const { waiting = 0, active = 0, delayed = 0, failed = 0 } = await queue.getJobCounts("waiting", "active", "delayed", "failed");
				return [name, { waiting, active, delayed, failed }] as const;
			});
			return Object.fromEntries(await Promise.all(entries)) as Awaited<ReturnType<JobQueue["counts"]>>;
		},
		backend,
		log,
		async close() {
			const closing = Promise.allSettled(Object.values(opened).map((queue) => queue.close()));
			await withTimeout(closing, CLOSE_TIMEOUT_MS).catch((error: unknown) => log.warn({ err: error }, "queue.not_closed"));
			await backend.disconnect();
		},
	};
}

const SINGLETON = Symbol.for("lockstep.queue");
const holder = globalThis as { [SINGLETON]?: JobQueue | undefined };

/** The process's queue: the Remix build and the native server each load this module and share one through the global. */
export function openQueue(options: BackendOptions): JobQueue {
	if (holder[SINGLETON]) throw new Error("The queue is open already: one serves the whole process.");
	const queue = createQueue(options);
	holder[SINGLETON] = queue;
	return queue;
}

export function queue(): JobQueue {
	if (!holder[SINGLETON]) throw new Error("The queue is used before openQueue() was called.");
	return holder[SINGLETON];
}

export async function closeQueue(): Promise<void> {
	const open = holder[SINGLETON];
	holder[SINGLETON] = undefined;
	await open?.close();
}

/** Equal payloads are one key, whatever the order of their fields. */
function keyOf(payload: object): string {
	return Object.keys(payload)
		.sort()
		.map((name) => `${name}=${String((payload as Record<string, unknown>)[name])}`)
		.join(" ");
}

/**
 * A burst of commits of one shop wakes once for each, and every wake is a round trip. A call that comes while one of the same
 * key is under way may not lean on it (the run it asks for may have begun before this commit), but all such calls share the next.
 */
function shareCalls(): (key: string, call: () => Promise<void>) => Promise<void> {
	const underWay = new Map<string, Promise<void>>();
	const toCome = new Map<string, Promise<void>>();
	const start = (key: string, call: () => Promise<void>) => {
		const run = call().finally(() => {
			if (underWay.get(key) === run) underWay.delete(key);
		});
		underWay.set(key, run);
		return run;
	};
	return (key, call) => {
		const next = toCome.get(key);
		if (next) return next;
		const current = underWay.get(key);
		if (!current) return start(key, call);
		const after = current.then(() => {
			toCome.delete(key);
			return start(key, call);
		});
		toCome.set(key, after);
		return after;
	};
}

async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`The queue did not answer within ${ms} ms.`)), ms);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}
