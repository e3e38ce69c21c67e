import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import pg from "pg";
import { EnvironmentError, loadEnv } from "#app/env.server.ts";
import { apiCalendar } from "#channels";
import { QUEUE_POOL_MAX } from "#jobs";
import { findBinaries } from "../server/embedded/binaries.ts";
import { EMBEDDED_MAX_CONNECTIONS, runningEmbeddedPostgres } from "../server/embedded/postgres.ts";
import { pendingMigrations } from "../server/migrate.ts";

/**
 * `npm run doctor`: says what is missing on this machine or wrong in this configuration, and how to get it right. Reads only.
 * "missing" is something that only some commands need; "wrong" is something that keeps Lockstep from starting.
 */
type Finding = { state: "ok" | "missing" | "wrong"; about: string; sentence: string };

const NODE_MAJOR_MIN = 24;
/** Sessions that PostgreSQL keeps for its superuser (superuser_reserved_connections), migrations, and a person with psql. */
const RESERVED_CONNECTIONS = 3 + 2 + 2;

const findings: Finding[] = [];
const say = (state: Finding["state"], about: string, sentence: string) => void findings.push({ state, about, sentence });

checkNode();
await checkEmbedded();
checkPrograms();
await checkConfiguration();
checkVersions();

const width = Math.max(...findings.map(({ about }) => about.length));
const sign = { ok: "✓", missing: "–", wrong: "✗" };
for (const { state, about, sentence } of findings) console.log(`${sign[state]} ${about.padEnd(width)}  ${sentence}`);
process.exitCode = findings.some(({ state }) => state === "wrong") ? 1 : 0;

function checkNode(): void {
	const major = Number(process.versions.node.split(".")[0]);
	if (major >= NODE_MAJOR_MIN) say("ok", "Node", `${process.version}, from the npm package "node"`);
	else say("wrong", "Node", `${process.version} is too old. Run npm ci, then npm run doctor (not node scripts/doctor.ts).`);
}

function checkVersions(): void {
	for (const { name, pinned, sunsetAt, daysLeft, state } of apiCalendar(new Date())) {
		const until = sunsetAt === null ? "no end announced" : `answered until ${sunsetAt.slice(0, 10)}, ${daysLeft} days`;
		const isFine = state === "open-ended" || state === "supported";
		say(
			isFine ? "ok" : "missing",
			`${name}'s API`,
			`${pinned}: ${until}${isFine ? "" : ". Update Lockstep to a release that speaks the next version"}`,
		);
	}
}

async function checkEmbedded(): Promise<void> {
	try {
		const { postgres, majorVersion, account } = await findBinaries();
		const { status, stderr, error } = spawnSync(postgres, ["--version"], { ...account, encoding: "utf8", cwd: "/" });
		if (status === 0)
			say("ok", "Embedded PostgreSQL", `version ${majorVersion}${account ? `, runs as account ${account.uid} because you are root` : ""}`);
		else say("wrong", "Embedded PostgreSQL", `${postgres} does not run: ${(stderr || error?.message || "").trim()}`);
	} catch (error) {
		const known = process.env.DATABASE_URL ? "missing" : "wrong";
		say(known, "Embedded PostgreSQL", error instanceof Error ? error.message : String(error));
	}
}

function checkPrograms(): void {
	const has = (command: string) => spawnSync(command, ["--version"]).error === undefined;
	if (has("redis-server")) say("ok", "Redis", "redis-server is installed, the tests of the queue on Redis are run");
	else say("missing", "Redis", "redis-server is not installed; only its tests need it (Debian: apt-get install redis-server)");
	if (["chromium", "chromium-browser", "google-chrome"].some(has)) say("ok", "Chromium", "installed, the browser tests are run");
	else say("missing", "Chromium", "not installed; only the browser tests need it (Debian: apt-get install chromium)");
	if (existsSync(path.resolve(import.meta.dirname, "../build/server/index.js"))) say("ok", "Build", "the embedded app's pages are built");
	else say("missing", "Build", "the pages are not built yet; npm run build does it, and npm run demo by itself");
}

async function checkConfiguration(): Promise<void> {
	let env: ReturnType<typeof loadEnv>;
	try {
		env = loadEnv();
		say("ok", "Configuration", "complete");
	} catch (error) {
		if (!(error instanceof EnvironmentError)) throw error;
		for (const problem of error.problems) say("missing", "Configuration", `${problem} (npm start needs it; demo, dev and test do not)`);
		return;
	}
	await checkPort(env.host, env.port);
	const url = env.databaseUrl ?? (await runningEmbeddedPostgres(path.join(env.dataDir, "postgres")));
	if (env.databaseUrl) await checkDatabase(env.databaseUrl, env);
	else {
		say("ok", "Database", url ? "embedded, running now" : "embedded, starts with npm start");
		checkBudget(env, EMBEDDED_MAX_CONNECTIONS);
	}
	if (env.redisUrl) await checkRedis(env.redisUrl);
}

async function checkPort(host: string, port: number): Promise<void> {
	const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
		const probe = createServer();
		probe.once("error", resolve);
		probe.listen(port, host, () => probe.close(() => resolve(null)));
	});
	if (!error) say("ok", "Port", `${host}:${port} is free`);
	else if (error.code === "EADDRINUSE") say("missing", "Port", `${host}:${port} is in use, perhaps by Lockstep itself; another one: PORT`);
	else say("wrong", "Port", `${host}:${port} cannot be opened: ${error.message}`);
}

async function checkDatabase(url: string, env: ReturnType<typeof loadEnv>): Promise<void> {
	const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
	client.on("error", () => {});
	try {
		await client.connect();
		const { rows } = await client.query<{ version: string; max: string }>(
			"SELECT current_setting('server_version_num') AS version, current_setting('max_connections') AS max",
		);
		const major = Math.floor(Number(rows[0]?.version) / 10_000);
		if (major >= 15) say("ok", "Database", `PostgreSQL ${major} answers`);
		else say("wrong", "Database", `PostgreSQL ${major} is too old; Lockstep needs 15 or newer`);
		const missing = await pendingMigrations(client);
		if (missing.length === 0) say("ok", "Schema", "up to date");
		else say("wrong", "Schema", `${missing.length} migrations are missing; run npm run migrate`);
		checkBudget(env, Number(rows[0]?.max));
	} catch (error) {
		say("wrong", "Database", `DATABASE_URL cannot be reached: ${error instanceof Error ? error.message : String(error)}`);
	} finally {
		await client.end().catch(() => {});
	}
}

/** Every process may hold its pool and the queue's pool at once; more than the server allows fails at the worst moment. */
function checkBudget(env: ReturnType<typeof loadEnv>, connectionsMax: number): void {
	const processes = env.databaseUrl ? env.webProcesses + env.workerProcesses : 1;
	const each = env.databasePoolMax + (env.redisUrl ? 0 : QUEUE_POOL_MAX);
	const needed = processes * each + RESERVED_CONNECTIONS;
	const sum = `${processes} processes × (${env.databasePoolMax} own + ${each - env.databasePoolMax} queue) + ${RESERVED_CONNECTIONS} reserved = ${needed} of ${connectionsMax} connections`;
	if (needed <= connectionsMax) say("ok", "Connection budget", sum);
	else say("wrong", "Connection budget", `${sum}: lower DATABASE_POOL_MAX, raise max_connections, or move the queue to Redis (REDIS_URL)`);
}

async function checkRedis(url: string): Promise<void> {
	const { Redis } = await import("ioredis");
	const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, connectTimeout: 5_000 });
	let lastError: Error | undefined;
	client.on("error", (error) => {
		lastError = error;
	});
	try {
		await client.connect();
		const policy = ((await client.config("GET", "maxmemory-policy").catch(() => [])) as string[])[1];
		if (policy && policy !== "noeviction")
			say("wrong", "Redis", `REDIS_URL answers, but evicts keys (maxmemory-policy ${policy}); the queue needs noeviction`);
		else say("ok", "Redis", "REDIS_URL answers");
	} catch (error) {
		say("wrong", "Redis", `REDIS_URL cannot be reached: ${(lastError ?? (error as Error)).message}`);
	} finally {
		client.disconnect();
	}
}
