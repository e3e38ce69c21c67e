import { channel } from "node:diagnostics_channel";
import { Queue } from "bullmq";
import pg from "pg";

/**
 * Loaded before a process (`node --import`), this counts every call that leaves it, a database statement, an HTTP request, a
 * wake put into the queue, and ends the process with -9 just before or just after the k-th of the kind it was told. "After" is
 * the moment when the answer is here and nobody has looked at it yet.
 */
export type Kind = "database" | "http" | "queue";
export type Plan = { kind: Kind; k: number; when: "before" | "after" };
export type KillAt = { arm(plan: Plan | null): void; counts(): Record<Kind, number> };

const counts: Record<Kind, number> = { database: 0, http: 0, queue: 0 };
let armed = false;
let plan: Plan | null = null;

const die = () => process.kill(process.pid, "SIGKILL");

/** Counts one call; the answer is whether this is the one to die after. */
function begins(kind: Kind): boolean {
	if (!armed) return false;
	counts[kind]++;
	if (plan?.kind !== kind || plan.k !== counts[kind]) return false;
	if (plan.when === "before") die();
	return true;
}

const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
(pg.Client.prototype as { query: unknown }).query = function counted(this: pg.Client, ...args: unknown[]): unknown {
	if (!begins("database")) return query.apply(this, args);
	const callback = args.at(-1);
	if (typeof callback === "function") return query.apply(this, [...args.slice(0, -1), die]);
	return (query.apply(this, args) as Promise<unknown>).then(die, die);
};

const doomed = new WeakSet<object>();
channel("undici:request:create").subscribe((message) => {
	const { request } = message as { request: object };
	if (begins("http")) doomed.add(request);
});
for (const end of ["undici:request:trailers", "undici:request:error"]) {
	channel(end).subscribe((message) => {
		if (doomed.has((message as { request: object }).request)) die();
	});
}

const { add } = Queue.prototype;
Queue.prototype.add = async function counted(this: Queue, ...args: Parameters<typeof add>) {
	const last = begins("queue");
	const added = await add.apply(this, args);
	if (last) die();
	return added;
} as typeof add;

(globalThis as { [key: symbol]: unknown })[Symbol.for("lockstep.kill-at")] = {
	arm(next: Plan | null) {
		plan = next;
		armed = true;
	},
	counts: () => ({ ...counts }),
} satisfies KillAt;
