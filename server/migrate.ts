import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runMigrations as migrateQueue } from "bullmq";
import pg from "pg";

const ROOT = path.resolve(import.meta.dirname, "..");
const MIGRATIONS = path.join(ROOT, "prisma", "migrations");
/** One migration at a time per database, whoever starts it; any fixed number serves ("LSTP"). */
const ADVISORY_LOCK_KEY = 0x4c535450;
const DONE_POLL_MS = 50;

/**
 * Brings the database to the present schema: ours (Prisma's history) and the queue's. Safe to run at every start, from many
 * processes at once, and after a crash at any point; returns the names of the migrations that were applied now.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
	const client = new pg.Client({ connectionString: databaseUrl, application_name: "lockstep migrate" });
	await client.connect();
	try {
		await client.query("SELECT pg_advisory_lock($1)", [ADVISORY_LOCK_KEY]);
		await settleInterrupted(client);
		const pending = await pendingMigrations(client);
		if (pending.length > 0) {
			await deploy(databaseUrl, async () => (await pendingMigrations(client)).length === 0);
			const left = await pendingMigrations(client);
			if (left.length > 0) throw new Error(`The migrations ${left.join(", ")} are still missing after prisma migrate deploy.`);
		}
		await migrateQueue(client);
		return pending;
	} finally {
		await client.end();
	}
}

/** Names of the migrations of this version that the database does not have. A changed one is refused: history is not edited. */
export async function pendingMigrations(client: pg.ClientBase): Promise<string[]> {
	const applied = new Map<string, string>();
	if (await hasHistory(client)) {
		const { rows } = await client.query<{ migration_name: string; checksum: string }>(
			"SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL",
		);
		for (const row of rows) applied.set(row.migration_name, row.checksum);
	}
	const files = await readMigrations();
	const changed = files.find(({ name, checksum }) => applied.has(name) && applied.get(name) !== checksum);
	if (changed)
		throw new Error(`The migration ${changed.name} was changed after this database had applied it. Write a new migration instead.`);
	return files.filter(({ name }) => !applied.has(name)).map(({ name }) => name);
}

/**
 * Prisma notes the start and the end of a migration around it, so a crash in between would stop every later run (P3009).
 * Each migration is one transaction that also marks its own row (prisma.config.ts): a marked one happened, any other did not.
 */
async function settleInterrupted(client: pg.ClientBase): Promise<void> {
	if (!(await hasHistory(client))) return;
	await client.query(
		"UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = 1, logs = NULL WHERE finished_at IS NULL AND logs = 'committed'",
	);
	await client.query("DELETE FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL");
}

async function hasHistory(client: pg.ClientBase): Promise<boolean> {
	const { rows } = await client.query<{ present: boolean }>("SELECT to_regclass('_prisma_migrations') IS NOT NULL AS present");
	return rows[0]?.present ?? false;
}

export async function readMigrations(): Promise<{ name: string; checksum: string }[]> {
	const entries = await readdir(MIGRATIONS, { withFileTypes: true });
	const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
	return Promise.all(
		names.sort().map(async (name) => {
			const script = await readFile(path.join(MIGRATIONS, name, "migration.sql"));
			return { name, checksum: createHash("sha256").update(script).digest("hex") };
		}),
	);
}

/**
 * Waits until `isDone` rather than for the CLI's end: its WebAssembly engine leaves a timer of ten seconds behind (the one of
 * its own lock), for which the finished process would sit there.
 */
async function deploy(databaseUrl: string, isDone: () => Promise<boolean>): Promise<void> {
	const cli = createRequire(import.meta.url).resolve("prisma/build/index.js");
	const child = spawn(process.execPath, [cli, "migrate", "deploy"], {
		cwd: ROOT,
		env: {
			...process.env,
			DATABASE_URL: databaseUrl,
			// Any existing file: the CLI then leaves out the download of engines, which the adapter in prisma.config.ts does not use.
			PRISMA_QUERY_ENGINE_LIBRARY: path.join(ROOT, "package.json"),
			PRISMA_SCHEMA_ENGINE_BINARY: path.join(ROOT, "package.json"),
			CHECKPOINT_DISABLE: "1",
			PRISMA_HIDE_UPDATE_MESSAGE: "1",
		},
		stdio: ["ignore", "pipe", "pipe"],
	});
	let output = "";
	for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
	const closed = once(child, "close") as Promise<[code: number | null]>;
	let code: number | null | undefined;
	while (code === undefined) {
		code = await Promise.race([closed.then(([exit]) => exit), sleep(DONE_POLL_MS, undefined)]);
		if (code === undefined && (await isDone())) {
			child.kill();
			await closed;
			return;
		}
	}
	if (code !== 0) throw new Error(`prisma migrate deploy failed:\n${output.trim()}`);
}
