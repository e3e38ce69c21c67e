import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EmbeddedPostgres, runningEmbeddedPostgres, startEmbeddedPostgres } from "./postgres.ts";

let directory: string;
const running: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
	directory = await mkdtemp(path.join(tmpdir(), "lockstep-embedded-"));
});
afterEach(async () => {
	for (const child of children.splice(0)) child.kill("SIGKILL");
	for (const server of running.splice(0)) await server.stop();
	await rm(directory, { recursive: true, force: true });
});

const start = async (): Promise<EmbeddedPostgres> => {
	const server = await startEmbeddedPostgres({ directory });
	running.push(server);
	return server;
};

const query = async (url: string, text: string): Promise<unknown[]> => {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		return (await client.query(text)).rows;
	} finally {
		await client.end();
	}
};

/** Another process that runs the database on `directory` and does nothing else. */
const startElsewhere = async (): Promise<{ child: ChildProcess; url: string }> => {
	const script = `import { startEmbeddedPostgres } from "${import.meta.dirname}/postgres.ts";
		const server = await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} });
		console.log(server.url);
		setInterval(() => {}, 1000);`;
	const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
	children.push(child);
	for await (const chunk of child.stdout) return { child, url: String(chunk).trim() };
	throw new Error("it said nothing");
};

test("R38 a database comes up from the npm package alone, listens on this machine only, and keeps its rows over a restart", async () => {
	const first = await start();
	expect(new URL(first.url).hostname).toBe("127.0.0.1");
	expect(await query(first.url, "SHOW listen_addresses")).toEqual([{ listen_addresses: "127.0.0.1" }]);
	expect(await query(first.url, "SHOW max_connections")).toEqual([{ max_connections: "300" }]);
	await query(first.url, "CREATE TABLE kept AS SELECT 7 AS n");
	expect(await runningEmbeddedPostgres(directory)).toBe(first.url);
	await first.stop();
	expect(await runningEmbeddedPostgres(directory)).toBeNull();
	const second = await start();
	expect(await query(second.url, "SELECT n FROM kept")).toEqual([{ n: 7 }]);
});

test("R08 a process that is killed loses no committed row, and the next start needs no hand", async () => {
	const { child, url } = await startElsewhere();
	await query(url, "CREATE TABLE kept (n int)");
	for (let n = 0; n < 20; n++) await query(url, `INSERT INTO kept VALUES (${n})`);
	child.kill("SIGKILL");
	const again = await start();
	expect(await query(again.url, "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 20 }]);
});

test("R08 a server that outlives its killed owner, guard and all, is taken over", async () => {
	const { child, url } = await startElsewhere();
	await query(url, "CREATE TABLE kept AS SELECT 1 AS n");
	const pid = Number((await readFile(path.join(directory, "data", "postmaster.pid"), "utf8")).split("\n")[0]);
	const guard = Number((await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")).split(" ")[3]);
	child.kill("SIGKILL");
	if (guard > 1) process.kill(guard, "SIGKILL");
	const again = await start();
	expect(await query(again.url, "SELECT n FROM kept")).toEqual([{ n: 1 }]);
});

test("a second process on the same data is refused with a sentence and does not disturb the first", async () => {
	const first = await start();
	await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(/Another Lockstep is running on .*LOCKSTEP_DATA_DIR/);
	expect(await query(first.url, "SELECT 1 AS n")).toEqual([{ n: 1 }]);
});

test("a lock file that names a process of something else is no obstacle", async () => {
	await (await start()).stop();
	const lock = [String(process.pid), path.join(directory, "data"), "1700000000", "5", "", "", "", "ready"].join("\n");
	await writeFile(path.join(directory, "data", "postmaster.pid"), lock);
	const again = await start();
	expect(await query(again.url, "SELECT 1 AS n")).toEqual([{ n: 1 }]);
});

test.skipIf(process.getuid?.() !== 0)(
	"R38 a directory that only root may enter is opened for passing through, not for looking",
	async () => {
		const server = await start();
		expect(server.directory).toBe(directory);
		expect(((await stat(directory)).mode & 0o777).toString(8)).toBe("711");
		expect(((await stat(path.join(directory, "data"))).mode & 0o077).toString(8)).toBe("0");
		expect(((await stat(path.join(directory, "password"))).mode & 0o077).toString(8)).toBe("0");
	},
);

test("data of another PostgreSQL version is left alone, with a sentence", async () => {
	await (await start()).stop();
	await writeFile(path.join(directory, "data", "PG_VERSION"), "17\n");
	await expect(startEmbeddedPostgres({ directory })).rejects.toThrow("was written by PostgreSQL 17");
});
