import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** The owner keeps one session of this name open, so that a second start can tell a live owner from a cluster left by a crash. */
export const OWNER_APPLICATION = "lockstep owner";

/** A server whose owner has just died still writes its checkpoint. */
const RELEASE_TIMEOUT_MS = 20_000;

/**
 * Makes sure that no server runs on this data directory. A live owner is never disturbed; a server that a crash left behind
 * is shut down; a lock file whose process is gone or is another program (process numbers repeat, in containers always) goes.
 */
export async function releaseDataDirectory(dataDirectory: string, credentials: { user: string; password: string }): Promise<void> {
	const file = path.join(dataDirectory, "postmaster.pid");
	const deadline = Date.now() + RELEASE_TIMEOUT_MS;
	let told = false;
	while (Date.now() < deadline) {
		const lock = await readLock(file);
		if (!lock) return;
		if (!isAlive(lock.pid) || (await isAnotherProgram(lock.pid))) {
			await rm(file, { force: true });
			return;
		}
		if (lock.port && (await hasOwner(lock.port, credentials))) {
			throw new Error(
				`Another Lockstep is running on ${dataDirectory} (its database listens on port ${lock.port}). Stop it first, or give this one its own LOCKSTEP_DATA_DIR.`,
			);
		}
		if (!told) {
			process.kill(lock.pid, "SIGINT");
			told = true;
		}
		await sleep(50);
	}
	throw new Error(`A PostgreSQL server that an earlier run left on ${dataDirectory} does not stop; end its process by hand.`);
}

async function readLock(file: string): Promise<{ pid: number; port: number } | null> {
	const lines = (await readFile(file, "utf8").catch(() => "")).split("\n");
	const pid = Number.parseInt(lines[0] ?? "", 10);
	return Number.isInteger(pid) && pid > 0 ? { pid, port: Number.parseInt(lines[3] ?? "", 10) || 0 } : null;
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

/** Only Linux says what a process is without running a program; elsewhere PostgreSQL's own check of the lock file must do. */
async function isAnotherProgram(pid: number): Promise<boolean> {
	const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
	return command !== "" && !/postgres/.test(command);
}

async function hasOwner(port: number, credentials: { user: string; password: string }): Promise<boolean> {
	const client = new pg.Client({ ...credentials, host: "127.0.0.1", port, database: "postgres", connectionTimeoutMillis: 2_000 });
	client.on("error", () => {});
	try {
		await client.connect();
		const { rowCount } = await client.query("SELECT 1 FROM pg_stat_activity WHERE application_name = $1", [OWNER_APPLICATION]);
		return rowCount !== 0;
	} catch {
		return false; // It starts, stops, or is not ours.
	} finally {
		await client.end().catch(() => {});
	}
}
