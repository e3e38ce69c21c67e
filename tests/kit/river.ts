import type { JobName, Payload } from "#jobs";
import { createHandlers, type HandlerDeps } from "../../server/handlers.ts";
import { createSweep } from "../../server/sweep.ts";

/** Nothing falls due by the clock alone: each run polls once, and stock as a whole was looked at when the shop was set up. */
const NEVER_MS = 24 * 3_600_000;
/** Far more than a day of work of one small shop takes. */
const TURNS_MAX = 200;

type Found = { name: JobName; payload: Payload<JobName> };
export type RiverDeps = Omit<HandlerDeps, "orderPollMs" | "stockCheckMs">;

/**
 * One shop's river as a worker runs it, but one job after the other: polls the shop's channels, then does what the sweep finds
 * until it finds nothing. Which calls are made in which order is then the same in every run.
 */
export async function runRiver(deps: RiverDeps, { polls = true } = {}): Promise<{ jobs: number }> {
	const timing = { orderPollMs: NEVER_MS, stockCheckMs: NEVER_MS };
	const handlers = createHandlers({ ...deps, ...timing });
	const context = { log: deps.log, signal: new AbortController().signal };
	const run = async ({ name, payload }: Found) => {
		const handler = handlers[name] as ((payload: unknown, given: typeof context) => Promise<unknown>) | undefined;
		if (!handler) throw new Error(`No handler for ${name}`);
		await handler(payload, context);
	};
	let jobs = 0;
	if (polls) {
		const { rows } = await deps.pool.query<{ shopId: number; connectionId: number }>(
			`SELECT shop_id AS "shopId", id AS "connectionId" FROM connection WHERE state = 'live' AND cut_at IS NOT NULL ORDER BY id`,
		);
		for (const payload of rows) await run({ name: "connections.poll-orders", payload });
		jobs += rows.length;
	}
	for (let turn = 0; turn < TURNS_MAX; turn++) {
		const found = new Map<string, Found>();
		const collect = async (name: JobName, payload: Payload<JobName>) =>
			void found.set(`${name} ${JSON.stringify(payload)}`, { name, payload });
		await createSweep({ ...deps, ...timing, wake: collect, rescue: collect })({ log: deps.log });
		if (found.size === 0) return { jobs };
		for (const job of found.values()) await run(job);
		jobs += found.size;
	}
	throw new Error(`The river did not come to rest in ${TURNS_MAX} turns`);
}
