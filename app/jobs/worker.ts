import { type Job, UnrecoverableError, type Worker } from "bullmq";
import { type Logger, metrics } from "#telemetry";
import { catalog, type JobName, type Payload, type QueueName, queues, type TimerName } from "./catalog.ts";
import type { JobQueue } from "./queue.ts";

/** What a handler may say to the queue: nothing (done, whatever became of it), or to be run again. An exception is tried again. */
export type JobResult = undefined | { again: { delayMs: number } };

export type JobContext = {
	log: Logger;
	/** Aborted when the process is to end: long work stops at its next checkpoint, short work is finished. */
	signal: AbortSignal;
};

export type Handlers = { [N in JobName]?: (payload: Payload<N>, context: JobContext) => Promise<JobResult> } & {
	[N in TimerName]?: (context: JobContext) => Promise<void>;
};

export type Workers = {
	health(): WorkersHealth;
	/** Takes nothing new, lets work in hand finish, and after CLOSE_TIMEOUT_MS leaves the rest to whoever finds it. */
	close(): Promise<void>;
};

export type WorkersHealth = {
	ok: boolean;
	/** A sentence per trouble. */
	problems: string[];
	active: number;
};

/** A running job renews this at half time; a killed worker's job is taken up by another after it and STALLED_CHECK_MS. */
const LOCK_MS = 15_000;
const STALLED_CHECK_MS = 5_000;
/** A job that takes its worker down with it would do so for ever; the tables still hold its work, and the sweep its wake. */
const STALLED_MAX = 20;
/** Inside the 30 s that orchestrators grant between SIGTERM and SIGKILL (Kubernetes' default), with time to close the rest. */
const CLOSE_TIMEOUT_MS = 20_000;
/** A timer this many periods late is a worker that hangs. */
const TIMER_LATE_PERIODS = 20;

export type WorkerOptions = { queue: JobQueue; concurrency?: Partial<Record<QueueName, number>> };

/** Runs the handlers until closed. Only what has a handler is taken from the queue. */
export function startWorkers(handlers: Handlers, { queue, concurrency = {} }: WorkerOptions): Workers {
	const { log } = queue;
	const ending = new AbortController();
	let active = 0;

	const run = async (job: Job): Promise<void> => {
		const name = job.name as JobName;
		const jobLog = log.child({ job: name, jobId: job.id, ...(job.data as object) });
		const handler = handlers[name] as ((payload: unknown, context: JobContext) => Promise<JobResult>) | undefined;
		const parsed = catalog[name]?.payload.safeParse(job.data);
		if (!handler || !parsed?.success) {
			jobLog.error({ err: parsed?.error }, "job.refused");
			throw new UnrecoverableError(handler ? "its payload is not what the catalogue says" : "no handler is bound to this name");
		}
		active++;
		try {
			const result = await handler(parsed.data, { log: jobLog, signal: ending.signal });
			// While this job is active such a wake is kept and becomes the next run.
			if (result) await queue.wake(name, parsed.data as Payload<typeof name>, result.again);
		} finally {
			active--;
		}
	};

	const needed = new Set(Object.keys(handlers).flatMap((name) => (isJob(name) ? [catalog[name].queue] : [])));
	const workers = [...needed].map((name) =>
		startWorker(name, run, { queue, log, concurrency: concurrency[name] ?? queues[name].concurrency }),
	);
	const timers = (Object.keys(handlers) as (keyof Handlers)[]).flatMap((name) => {
		const handler = handlers[name];
		if (isJob(name) || !handler) return [];
		return [startTimer(name, () => (handler as NonNullable<Handlers[TimerName]>)({ log, signal: ending.signal }), log)];
	});

	let closing: Promise<void> | undefined;
	const close = async () => {
		ending.abort();
		const finished = Promise.allSettled([...workers.map((worker) => worker.close()), ...timers.map((timer) => timer.stop())]);
		const inTime = await Promise.race([finished.then(() => true), later(CLOSE_TIMEOUT_MS).then(() => false)]);
		if (inTime) return;
		log.warn({ active }, "workers.left_work");
		await Promise.race([Promise.allSettled(workers.map((worker) => worker.close(true))), later(1_000)]);
	};

	return {
		health() {
			const stopped = workers
				.filter((worker) => !worker.isRunning())
				.map((worker) => `the worker of the queue ${worker.name} is not running`);
			const late = timers.filter((timer) => timer.isLate()).map((timer) => `${timer.name} has not run for too long`);
			const problems = [...stopped, ...late];
			return { ok: problems.length === 0, problems, active };
		},
		close: () => {
			closing ??= close();
			return closing;
		},
	};
}

function startWorker(
	name: QueueName,
	run: (job: Job) => Promise<void>,
	{ queue, log, concurrency }: { queue: JobQueue; log: Logger; concurrency: number },
): Worker {
	const worker = queue.backend.worker(name, run, {
		concurrency,
		lockDuration: LOCK_MS,
		stalledInterval: STALLED_CHECK_MS,
		maxStalledCount: STALLED_MAX,
		settings: { backoffStrategy: (attemptsMade, _type, _error, job) => catalog[job?.name as JobName]?.backoffMs(attemptsMade) ?? 0 },
	});
	worker.on("error", (error) => log.warn({ err: error, queue: name }, "worker.failed"));
	worker.on("stalled", (jobId) => log.warn({ jobId, queue: name }, "job.stalled"));
	worker.on("failed", (job, error) => {
		metrics().jobsFailed.inc({ job: job?.name ?? "unknown" });
		const line = { err: error, job: job?.name, jobId: job?.id, ...(job?.data as object | undefined), attempt: job?.attemptsMade };
		log.error(line, "job.failed");
	});
	return worker;
}

/** Runs at once and then every period, never beside itself. */
function startTimer(name: TimerName, run: () => Promise<void>, log: Logger) {
	const { everyMs } = catalog[name];
	let lastEndAt = Date.now();
	let stopped = false;
	let wait: NodeJS.Timeout | undefined;
	let current: Promise<void> = Promise.resolve();
	const tick = () => {
		current = run()
			.then(() => {
				lastEndAt = Date.now();
			})
			.catch((error: unknown) => log.error({ err: error, timer: name }, "timer.failed"))
			.finally(() => {
				if (!stopped) wait = setTimeout(tick, everyMs);
			});
	};
	tick();
	return {
		name,
		isLate: () => Date.now() - lastEndAt > everyMs * TIMER_LATE_PERIODS,
		stop: () => {
			stopped = true;
			clearTimeout(wait);
			return current;
		},
	};
}

function isJob(name: string): name is JobName {
	return catalog[name as keyof typeof catalog]?.kind === "job";
}

function later(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
