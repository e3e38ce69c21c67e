import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import type { Limits } from "#app/channels/channel.ts";
import { RateLimitedError } from "#app/channels/errors.ts";
import { processSession } from "./process-session.ts";

/** Calls take hundreds of milliseconds; asking this often loses little of a slot that becomes free. */
const POLL_MS = { least: 10, spread: 30 };

/**
 * Takes one of the account's places for requests in flight, counted over all processes: one advisory lock per place, held for
 * as long as the request runs. Throws when none becomes free until `until`.
 */
export async function takeSlot(
	pool: Pool,
	{ shopId, connectionId, limits }: { shopId: number; connectionId: number; limits: Pick<Limits, "concurrency"> },
	until: number,
): Promise<{ release(): void }> {
	const session = processSession(pool);
	for (;;) {
		for (let slot = 0; slot < limits.concurrency; slot++) {
			const held = await session.tryLock(`call ${shopId} ${connectionId} ${slot}`);
			if (held) return held;
		}
		if (Date.now() > until) {
			throw new RateLimitedError(`All ${limits.concurrency} calls that connection ${connectionId} may have under way are taken`);
		}
		await sleep(POLL_MS.least + Math.random() * POLL_MS.spread);
	}
}
