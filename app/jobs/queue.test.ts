import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createQueue, type Handlers, type JobQueue, QUEUE_POOL_MAX, startWorkers, type Workers } from "#jobs";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { freshRedis, redisIsInstalled } from "../../tests/kit/redis.ts";

const log = pino({ level: "silent" });

const until = async (what: () => boolean | Promise<boolean>, ms = 10_000) => {
	const deadline = Date.now() + ms;
	while (!(await what())) {
		if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
		await sleep(5);
	}
};

/** Opens when told to: lets a test decide how long a run takes. */
const gate = () => {
	let open = () => {};
	const passed = new Promise<void>((resolve) => {
		open = resolve;
	});
	return { open, passed };
};

const backends = redisIsInstalled ? (["postgres", "redis"] as const) : (["postgres"] as const);
describe.each(backends)("the queue on %s", (kind) => {
	let db: TestDatabase | undefined;
	let redisUrl: string | undefined;
	const opened: { close(): Promise<void> }[] = [];

	// Each test has a queue of its own: what one leaves waiting would run in the next.
	beforeEach(async () => {
		if (kind === "redis") redisUrl = await freshRedis();
		else db = await freshDatabase();
	});
	afterEach(async () => {
		for (const thing of opened.splice(0).reverse()) await thing.close();
		await db?.drop();
		db = undefined;
	});

	const newQueue = (): JobQueue => {
		const queue = createQueue({ databaseUrl: db?.url ?? "", redisUrl, log });
		opened.push(queue);
		return queue;
	};
	const work = (queue: JobQueue, handlers: Handlers): Workers => {
		const workers = startWorkers(handlers, { queue });
		opened.push(workers);
		return workers;
	};

	test("two hundred wakes during one run make exactly one more run, and it sees what the last wake was for", async () => {
		const queue = newQueue();
		let committed = 0;
		const seen: number[] = [];
		const running = gate();
		work(queue, {
			"apply.drain": async () => {
				seen.push(committed);
				if (seen.length === 1) await running.passed;
				return undefined;
			},
		});
		await queue.wake("apply.drain", { shopId: 1 });
		await until(() => seen.length === 1);
		const wakes: Promise<void>[] = [];
		for (let i = 0; i < 200; i++) {
			committed++;
			wakes.push(queue.wake("apply.drain", { shopId: 1 }));
			if (i % 20 === 0) await sleep(2);
		}
		await Promise.all(wakes);
		running.open();
		await until(() => seen.length === 2);
		await sleep(300);
		expect(seen).toEqual([0, 200]);
	});

	test("no wake is lost however runs and wakes fall together: the last commit is always seen", async () => {
		const queue = newQueue();
		const committed = new Map([1, 2, 3].map((shopId) => [shopId, 0]));
		const seen = new Map<number, number>();
		let runs = 0;
		work(queue, {
			"apply.drain": async ({ shopId }) => {
				runs++;
				seen.set(shopId, committed.get(shopId) ?? 0);
				await sleep(Math.random() * 30);
				return undefined;
			},
		});
		const wakes: Promise<void>[] = [];
		for (let i = 1; i <= 150; i++) {
			const shopId = 1 + (i % 3);
			committed.set(shopId, i);
			wakes.push(queue.wake("apply.drain", { shopId }));
			await sleep(Math.random() * 6);
		}
		await Promise.all(wakes);
		await until(() => [1, 2, 3].every((shopId) => seen.get(shopId) === committed.get(shopId)));
		expect(runs).toBeLessThanOrEqual(150);
	});

	test("shops do not wait for each other, and one shop's job never runs beside itself", async () => {
		const queue = newQueue();
		const slow = gate();
		const running = new Map<number, number>();
		let together = 0;
		const done: number[] = [];
		work(queue, {
			"apply.drain": async ({ shopId }) => {
				running.set(shopId, (running.get(shopId) ?? 0) + 1);
				together = Math.max(together, running.get(shopId) ?? 0);
				if (shopId === 1) await slow.passed;
				running.set(shopId, (running.get(shopId) ?? 0) - 1);
				done.push(shopId);
				return undefined;
			},
		});
		await queue.wake("apply.drain", { shopId: 1 });
		await until(() => running.get(1) === 1);
		await queue.wake("apply.drain", { shopId: 1 });
		await queue.wake("apply.drain", { shopId: 2 });
		await until(() => done.includes(2));
		expect(done).toEqual([2]);
		slow.open();
		await until(() => done.length === 3);
		expect(together).toBe(1);
	});

	test("a rescue runs beside a run that does not end", async () => {
		const queue = newQueue();
		const stuck = gate();
		let runs = 0;
		work(queue, {
			"apply.drain": async () => {
				if (++runs === 1) await stuck.passed;
				return undefined;
			},
		});
		await queue.wake("apply.drain", { shopId: 1 });
		await until(() => runs === 1);
		await queue.wake("apply.drain", { shopId: 1 });
		await sleep(200);
		expect(runs).toBe(1);
		await queue.rescue("apply.drain", { shopId: 1 });
		await until(() => runs === 2);
		stuck.open();
		await until(() => runs === 3);
	});

	test("a job that asks to be run again later is, and a wake in between does not wait for that", async () => {
		const queue = newQueue();
		const at: number[] = [];
		work(queue, {
			"delivery.push": async () => {
				at.push(Date.now());
				return at.length === 1 ? { again: { delayMs: 1_200.25 } } : undefined;
			},
		});
		await queue.wake("delivery.push", { shopId: 1, connectionId: 7 });
		await until(() => at.length === 1);
		await sleep(100);
		await queue.wake("delivery.push", { shopId: 1, connectionId: 7 });
		await until(() => at.length === 2, 900);
		await until(() => at.length === 3);
		expect((at[2] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(1_150);
	});

	test("a run that throws is tried again, and its exception does not reach another shop", async () => {
		const queue = newQueue();
		const runs: number[] = [];
		work(queue, {
			"apply.drain": async ({ shopId }) => {
				runs.push(shopId);
				if (shopId === 1 && runs.filter((id) => id === 1).length < 3) throw new Error("the database restarts");
				return undefined;
			},
		});
		await queue.wake("apply.drain", { shopId: 1 });
		await queue.wake("apply.drain", { shopId: 2 });
		await until(() => runs.filter((id) => id === 1).length === 3);
		expect(runs.filter((id) => id === 2)).toEqual([2]);
		await sleep(200);
		expect(runs.filter((id) => id === 1)).toHaveLength(3);
	});

	test("closing lets work in hand finish and takes nothing new; the next worker takes what was left", async () => {
		const first = newQueue();
		const started = gate();
		const finished: number[] = [];
		const workers = startWorkers(
			{
				"apply.drain": async ({ shopId }, { signal }) => {
					started.open();
					while (!signal.aborted) await sleep(5);
					await sleep(200);
					finished.push(shopId);
					return undefined;
				},
			},
			{ queue: first, concurrency: { apply: 1 } },
		);
		await first.wake("apply.drain", { shopId: 1 });
		await started.passed;
		await first.wake("apply.drain", { shopId: 2 });
		await workers.close();
		expect(finished).toEqual([1]);

		work(newQueue(), {
			"apply.drain": async ({ shopId }) => {
				finished.push(shopId);
				return undefined;
			},
		});
		await until(() => finished.length === 2);
		expect(finished).toEqual([1, 2]);
	});

	test("timers run without the queue, never beside themselves, and go on after a failure", async () => {
		const queue = newQueue();
		let sweeps = 0;
		const workers = work(queue, {
			sweep: async () => {
				if (++sweeps === 1) throw new Error("once");
			},
		});
		await until(() => sweeps >= 3, 5_000);
		expect(workers.health()).toEqual({ ok: true, problems: [], active: 0 });
	});

	test("counts say what waits", async () => {
		const queue = newQueue();
		await queue.wake("connections.poll-orders", { shopId: 1, connectionId: 1 });
		await queue.wake("connections.poll-orders", { shopId: 1, connectionId: 2 });
		await queue.wake("connections.poll-orders", { shopId: 1, connectionId: 2 });
		expect((await queue.counts()).upkeep).toEqual({ waiting: 2, active: 0, delayed: 0, failed: 0 });
	});
});

test("a wake never rejects and never holds its caller for long, even when no queue answers", async () => {
	const away = createQueue({ databaseUrl: "postgres://x:y@127.0.0.1:9/none", log });
	const startedAt = Date.now();
	await away.wake("apply.drain", { shopId: 1 });
	expect(Date.now() - startedAt).toBeLessThan(4_000);
	await away.close();
});

test("the queue holds no more database connections than its budget says, with workers on all three queues", async () => {
	const db = await freshDatabase();
	const queue = createQueue({ databaseUrl: db.url, log });
	let runs = 0;
	const count = async () => {
		runs++;
		return undefined;
	};
	const workers = startWorkers({ "apply.drain": count, "delivery.push": count, "connections.poll-orders": count }, { queue });
	const wakes: Promise<void>[] = [];
	for (let id = 1; id <= 40; id++) {
		wakes.push(queue.wake("apply.drain", { shopId: id }));
		wakes.push(queue.wake("delivery.push", { shopId: 1, connectionId: id }));
		wakes.push(queue.wake("connections.poll-orders", { shopId: 1, connectionId: id }));
	}
	await Promise.all(wakes);
	await until(() => runs === 120);
	const { rows } = await db.pool.query<{ open: number }>(
		"SELECT count(*) AS open FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
	);
	expect(rows[0]?.open).toBeLessThanOrEqual(QUEUE_POOL_MAX);
	await workers.close();
	await queue.close();
	await db.drop();
});
