import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { NewInboxEvent } from "#inbox";
import type { Unit } from "./group-commit.ts";
import { createSpool } from "./spool.ts";

let directory: string;
beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), "lockstep-spool-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const rows = (key: string): NewInboxEvent[] => [
	{
		shopId: 1,
		connectionId: 1,
		topic: "order.updated",
		source: "webhook",
		payload: { id: key, text: "zwei\nZeilen" },
		event: null,
		deliveryKey: key,
		correlationId: "c",
		occurredAt: null,
	},
];
/** Stands for the inbox: what was committed, by delivery key. */
const inbox = () => {
	const keys: string[] = [];
	let open = true;
	return {
		keys,
		shut: () => {
			open = false;
		},
		commit: async (units: readonly Unit[]) =>
			units.map((unit) => {
				if (!open) return { outcome: "failed" as const, error: new Error("away") };
				for (const row of unit.rows) keys.push(row.deliveryKey ?? "");
				return { outcome: "committed" as const, inserted: unit.rows.length };
			}),
	};
};
const files = async (end: string) => (await readdir(directory)).filter((name) => name.endsWith(end));

test("R02 what is spooled comes back whole and once, and its files are gone", async () => {
	const spool = createSpool({ directory });
	const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
	expect(new Set(await Promise.all(keys.map((key) => spool.append(rows(key)))))).toEqual(new Set(["spooled"]));
	const target = inbox();
	const kept: Unit[] = [];
	const result = await spool.replay((units) => {
		kept.push(...units);
		return target.commit(units);
	});
	expect(result).toEqual({ replayed: 300, unreadable: 0, left: false });
	expect(target.keys.toSorted()).toEqual(keys.toSorted());
	expect(kept[0]?.rows).toEqual(rows(target.keys[0] ?? ""));
	expect(await readdir(directory)).toEqual([]);
	expect(await spool.replay(target.commit)).toEqual({ replayed: 0, unreadable: 0, left: false });
	await spool.close();
});

test("R02 while the inbox cannot take it, it stays on disk", async () => {
	const spool = createSpool({ directory });
	await spool.append(rows("a"));
	const target = inbox();
	target.shut();
	expect(await spool.replay(target.commit)).toMatchObject({ replayed: 0, left: true });
	await spool.append(rows("b"));
	const later = inbox();
	expect(await spool.replay(later.commit)).toMatchObject({ replayed: 2, left: false });
	expect(later.keys.toSorted()).toEqual(["a", "b"]);
	await spool.close();
});

test("a half line at the end, as a crash leaves it, is no record and harms none", async () => {
	const spool = createSpool({ directory });
	await spool.append(rows("a"));
	await spool.close();
	const [name = ""] = await files(".spool");
	const line = await readFile(join(directory, name), "utf8");
	await appendFile(join(directory, name), line.slice(0, line.length / 2));
	const target = inbox();
	expect(await spool.replay(target.commit)).toEqual({ replayed: 1, unreadable: 0, left: false });
	expect(target.keys).toEqual(["a"]);
});

test("a line that rotted on disk is counted and kept for a person; the others come back", async () => {
	const spool = createSpool({ directory });
	for (const key of ["a", "b", "c"]) await spool.append(rows(key));
	await spool.close();
	const [name = ""] = await files(".spool");
	const text = await readFile(join(directory, name), "utf8");
	await writeFile(join(directory, name), text.replace('"deliveryKey":"b"', '"deliveryKey":"x"'));
	const target = inbox();
	expect(await spool.replay(target.commit)).toEqual({ replayed: 2, unreadable: 1, left: false });
	expect(target.keys).toEqual(["a", "c"]);
	const [bad = ""] = await files(".unreadable");
	expect(await readFile(join(directory, bad), "utf8")).toContain('"deliveryKey":"x"');
});

test("the spool is bounded: over it, nothing is taken and it says so", async () => {
	const size = Buffer.byteLength(JSON.stringify(rows("k0"))) + 18;
	const spool = createSpool({ directory, bytesMax: size * 3 });
	const outcomes: string[] = [];
	for (const key of ["k0", "k1", "k2", "k3"]) outcomes.push(await spool.append(rows(key)));
	expect(outcomes).toEqual(["spooled", "spooled", "spooled", "full"]);
	await spool.replay(inbox().commit);
	expect(await spool.append(rows("k4"))).toBe("spooled");
	await spool.close();
});

/** Lets `strike` happen just before the next call of `step` on any file. */
async function runBefore(step: "appendFile" | "datasync", strike: () => Promise<unknown>): Promise<void> {
	const handle = await open(join(directory, "any"), "w");
	const methods = Object.getPrototypeOf(handle) as Record<string, (...args: unknown[]) => Promise<unknown>>;
	await handle.close();
	const real = methods[step] as (...args: unknown[]) => Promise<unknown>;
	methods[step] = async function (this: unknown, ...args) {
		methods[step] = real;
		await strike();
		return real.apply(this, args);
	};
}

for (const step of ["appendFile", "datasync"] as const) {
	test(`R02 a writer whose file is taken for replay just before its ${step} writes the record again before it says so`, async () => {
		const spool = createSpool({ directory });
		const target = inbox();
		await spool.append(rows("a"));
		await runBefore(step, () => createSpool({ directory }).replay(target.commit));
		expect(await spool.append(rows("b"))).toBe("spooled");
		await spool.replay(target.commit);
		await spool.close();
		expect([...new Set(target.keys)]).toEqual(["a", "b"]);
		expect(await files(".spool")).toEqual([]);
	});
}

test("R02 a process killed with -9 while it spools loses nothing that it had said was kept", async () => {
	const child = fork(new URL("./spool.test-child.ts", import.meta.url), [directory], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
	const said: string[] = [];
	child.on("message", (key) => said.push(String(key)));
	while (said.length < 50) await new Promise((resolve) => setTimeout(resolve, 5));
	child.kill("SIGKILL");
	await once(child, "close");
	const target = inbox();
	expect(await createSpool({ directory }).replay(target.commit)).toMatchObject({ unreadable: 0, left: false });
	expect(said.filter((key) => !target.keys.includes(key))).toEqual([]);
});
