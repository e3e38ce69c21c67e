/**
 * The sandbox's time. Everything outside the app (channels, buyers, webhook queues) reads and waits by this clock, so that
 * a channel whose delays are minutes can be played in seconds (`speed`) without the app knowing.
 */
export type Clock = {
	/** Milliseconds since the epoch, in sandbox time. */
	now(): number;
	/** Resolves after `ms` of sandbox time. */
	sleep(ms: number): Promise<void>;
	/** Runs `task` after `ms` of sandbox time; the answer cancels it. */
	after(ms: number, task: () => void): () => void;
	/** Moves sandbox time forward at once; tasks due in between run in the order of their times. */
	skip(ms: number): void;
	/** Drops everything that is still waiting. */
	stop(): void;
};

type Waiting = { due: number; task: () => void; timer?: NodeJS.Timeout };

/** `speed` 60 means that a sandbox minute takes a real second. Sandbox time starts at real time. */
export function createClock({ speed = 1 }: { speed?: number } = {}): Clock {
	const startedAt = Date.now();
	let skipped = 0;
	const waiting = new Set<Waiting>();

	const now = () => startedAt + (Date.now() - startedAt) * speed + skipped;

	const arm = (entry: Waiting) => {
		clearTimeout(entry.timer);
		const realMs = Math.max(0, (entry.due - now()) / speed);
		entry.timer = setTimeout(() => {
			waiting.delete(entry);
			entry.task();
		}, realMs);
	};

	const after = (ms: number, task: () => void) => {
		const entry: Waiting = { due: now() + Math.max(0, ms), task };
		waiting.add(entry);
		arm(entry);
		return () => {
			clearTimeout(entry.timer);
			waiting.delete(entry);
		};
	};

	return {
		now,
		after,
		sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
		skip(ms) {
			skipped += ms;
			for (const entry of [...waiting].sort((a, b) => a.due - b.due)) arm(entry);
		},
		stop() {
			for (const entry of waiting) clearTimeout(entry.timer);
			waiting.clear();
		},
	};
}
