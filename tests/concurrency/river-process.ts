import { createInterface } from "node:readline";
import { openRuntime } from "../../server/runtime.ts";
import { runRiver } from "../kit/river.ts";
import type { KillAt, Plan } from "./kill-at.ts";

/**
 * The river of one prepared database, with the process's own pool and queue: says "ready", waits for a line with the call to
 * be killed at (or null), runs until nothing is due, and prints how many calls it made.
 */
const killAt = (globalThis as { [key: symbol]: unknown })[Symbol.for("lockstep.kill-at")] as KillAt;
const runtime = await openRuntime({ name: "river", mayEmbed: false });
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
	killAt.arm(JSON.parse(line) as Plan | null);
	await runRiver({ ...runtime.deps, rescue: runtime.queue.rescue, publicUrl: runtime.env.appUrl });
	process.stdout.write(`counted ${JSON.stringify(killAt.counts())}\n`);
	break;
}
await runtime.close();
process.exit(0);
