import { setTimeout as sleep } from "node:timers/promises";
import { RateLimitedError } from "#app/channels/errors.ts";
import { boundedRetryAfter } from "../budget.ts";

const TRIES_MAX = 5;
const PAUSE_FIRST_MS = 1_000;

/**
 * One step of work that would have to begin anew: a channel that is asked too much is asked again when it says, at most five times.
 * Everything else that goes wrong is thrown at once, and so is the last refusal.
 */
export async function patiently<T>(step: () => Promise<T>): Promise<T> {
	for (let tries = 1; ; tries++) {
		try {
			return await step();
		} catch (error) {
			if (!(error instanceof RateLimitedError) || tries === TRIES_MAX) throw error;
			await sleep(boundedRetryAfter(error.retryAfterMs) + Math.random() * PAUSE_FIRST_MS * 2 ** (tries - 1));
		}
	}
}
