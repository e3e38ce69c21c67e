import type { Clock } from "../../../clock.ts";

/** A clock that stands still until it is moved. */
export function handClock(start: number): Clock {
	let current = start;
	let tasks: { due: number; task: () => void }[] = [];
	const after = (ms: number, task: () => void) => {
		const entry = { due: current + Math.max(0, ms), task };
		tasks.push(entry);
		return () => {
			tasks = tasks.filter((t) => t !== entry);
		};
	};
	return {
		now: () => current,
		after,
		sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
		skip(ms) {
			const until = current + ms;
			for (;;) {
				const [next] = tasks.filter((t) => t.due <= until).sort((a, b) => a.due - b.due);
				if (!next) break;
				tasks = tasks.filter((t) => t !== next);
				current = Math.max(current, next.due);
				next.task();
			}
			current = until;
		},
		stop: () => {
			tasks = [];
		},
	};
}
