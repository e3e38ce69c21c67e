/** 1, 2, 4, 8, 16 s: after five attempts half a minute has passed, and what passes by itself mostly has. */
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 16_000;

/**
 * Full jitter: anywhere between nothing and the doubled delay, so that many workers that failed together do not come back
 * together (R18). The channel's own "not before" is kept to the millisecond, with the jitter after it.
 */
export function backoffMs(
	failures: number,
	{ retryAfterMs = 0, random = Math.random }: { retryAfterMs?: number; random?: () => number } = {},
): number {
	const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.max(0, failures - 1));
	return Math.round(retryAfterMs + random() * ceiling);
}
