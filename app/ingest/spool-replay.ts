import type { Logger } from "pino";
import type { ReplayResult } from "./spool.ts";

/** Soon after something was spooled: the database may be back at once (a full queue, a restart). */
const FIRST_MS = 500;
/** While it stays away. */
const AGAIN_MAX_MS = 15_000;
/** What another process on this disk left when it died is found within this. */
const LOOK_MS = 30_000;

export type SpoolReplay = {
	/** Something was spooled. */
	soon(): void;
	/** The database has just taken something: what is on disk need not wait for the next try. */
	recovered(): void;
	/** Waits for a replay that is under way; what is left stays on disk for the next start. */
	close(): Promise<void>;
};

/** Brings what is on disk into the inbox: at start, soon after something was spooled, and now and then. */
export function createSpoolReplay({ replay, log }: { replay: () => Promise<ReplayResult>; log: Logger }): SpoolReplay {
	let timer: NodeJS.Timeout | undefined;
	let dueAt = Number.POSITIVE_INFINITY;
	let underWay: Promise<void> | undefined;
	let failures = 0;
	let closed = false;
	let cameMeanwhile = false;

	const plan = (delayMs: number) => {
		if (closed || underWay || Date.now() + delayMs >= dueAt) return;
		clearTimeout(timer);
		dueAt = Date.now() + delayMs;
		timer = setTimeout(run, delayMs);
		timer.unref();
	};

	const run = () => {
		dueAt = Number.POSITIVE_INFINITY;
		cameMeanwhile = false;
		underWay = replayOnce().then((nextMs) => {
			underWay = undefined;
			plan(cameMeanwhile ? FIRST_MS : nextMs);
		});
	};

	const replayOnce = async (): Promise<number> => {
		try {
			const result = await replay();
			if (result.replayed > 0 || result.unreadable > 0) log[result.unreadable > 0 ? "error" : "info"](result, "spool.replayed");
			failures = result.left ? failures + 1 : 0;
		} catch (error) {
			failures++;
			log.error({ err: error }, "spool.replay_failed");
		}
		return failures === 0 ? LOOK_MS : Math.min(AGAIN_MAX_MS, FIRST_MS * 2 ** failures);
	};

	plan(0);
	return {
		soon() {
			if (underWay) cameMeanwhile = true;
			else plan(failures === 0 ? FIRST_MS : AGAIN_MAX_MS);
		},
		recovered() {
			if (failures > 0) plan(0);
		},
		async close() {
			closed = true;
			clearTimeout(timer);
			await underWay;
		},
	};
}
