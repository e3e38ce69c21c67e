import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { APP_ORIGIN, CLIENT } from "./outside.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PRELOAD = path.join(ROOT, "sandbox/preload.ts");
const START_MS = 90_000;
const STOP_MS = 15_000;

/** The app as its operator runs it: a database, one web process and one worker, each a process of its own. */
export type App = {
	origin(): string;
	killWorker(): Promise<void>;
	/** Its successor listens at the same address. */
	killWeb(): Promise<void>;
	/** Runs one of the operator's scripts in the app's environment; resolves with what it printed. */
	run(script: string, args: readonly string[]): Promise<string>;
	logs: string;
	stop(): Promise<void>;
};

/**
 * Starts the app on a database of its own that is thrown away afterwards. Its requests are led to the sandbox by the preload;
 * everything else is as in production. `say` is told what is being waited for.
 */
export async function startApp(options: StartOptions): Promise<App> {
	const children = new Set<ChildProcess>();
	try {
		return await startProcesses(options, children);
	} catch (error) {
		// What was started before the failure must not outlive it.
		for (const child of children) await end(child);
		throw error;
	}
}
type StartOptions = {
	upstreams: string;
	appBridgeUrl: string;
	/** What its channels want said besides. */
	environment?: Readonly<Record<string, string>>;
	say: (what: string) => void;
};

async function startProcesses({ upstreams, appBridgeUrl, environment = {}, say }: StartOptions, children: Set<ChildProcess>): Promise<App> {
	const directory = mkdtempSync(path.join(tmpdir(), "lockstep-demo-"));
	const logs = path.join(ROOT, ".lockstep");
	mkdirSync(logs, { recursive: true });
	const log = createWriteStream(path.join(logs, "demo.log"));
	let ending = false;

	const base: NodeJS.ProcessEnv = {
		...process.env,
		NODE_ENV: "development",
		SHOPIFY_API_KEY: CLIENT.id,
		SHOPIFY_API_SECRET: CLIENT.secret,
		SHOPIFY_APP_URL: APP_ORIGIN,
		APP_BRIDGE_URL: appBridgeUrl,
		LOCKSTEP_KEYS: `demo:${randomBytes(32).toString("base64")}`,
		LOCKSTEP_DATA_DIR: directory,
		SANDBOX_UPSTREAMS: upstreams,
		// The demo's day lasts two minutes: what a shop has looked at every quarter of an hour is looked at every 20 s here.
		ORDER_POLL_SECONDS: "20",
		STOCK_CHECK_SECONDS: "30",
		...environment,
	};
	const start = (file: string, env: NodeJS.ProcessEnv) => {
		const child = spawn(process.execPath, ["--import", PRELOAD, path.join(ROOT, file)], {
			cwd: ROOT,
			env,
			stdio: ["ignore", "pipe", "pipe"],
		});
		child.stdout?.pipe(log, { end: false });
		child.stderr?.pipe(log, { end: false });
		children.add(child);
		child.once("exit", () => children.delete(child));
		return child;
	};

	say("a database");
	const database = start("sandbox/demo/database.ts", { ...base, DEMO_DATABASE_DIR: path.join(directory, "postgres") });
	const databaseUrl = await lineOf(database, "database ");
	const env = { ...base, DATABASE_URL: databaseUrl };
	say("the web process and a worker");
	let web = start("server/web.ts", { ...env, PORT: "0" });
	const port = await portOf(web);
	let worker = start("server/worker.ts", env);
	const origin = `http://127.0.0.1:${port}`;
	await untilReady(origin);

	const restart = () => {
		worker.once("exit", () => {
			if (ending) return;
			worker = start("server/worker.ts", env);
			restart();
		});
	};
	restart();
	const restartWeb = () => {
		web.once("exit", () => {
			if (ending) return;
			web = start("server/web.ts", { ...env, PORT: String(port) });
			restartWeb();
		});
	};
	restartWeb();
	const kill = async (child: ChildProcess) => {
		const gone = new Promise((resolve) => child.once("exit", resolve));
		child.kill("SIGKILL");
		await gone;
	};

	return {
		origin: () => origin,
		logs: path.join(logs, "demo.log"),
		killWorker: () => kill(worker),
		killWeb: () => kill(web),
		run: (script, args) =>
			new Promise((resolve, reject) => {
				execFile(
					process.execPath,
					["--import", PRELOAD, path.join(ROOT, script), ...args],
					{ cwd: ROOT, env, maxBuffer: 4 * 1024 * 1024 },
					(error, stdout, stderr) => {
						if (error) reject(new Error(`${script} failed: ${stderr || error.message}`));
						else resolve(stdout);
					},
				);
			}),
		async stop() {
			ending = true;
			for (const child of [web, worker, database]) await end(child);
			log.end();
			rmSync(directory, { recursive: true, force: true });
		},
	};
}

/** What a child prints on a line that begins with `prefix`. */
function lineOf(child: ChildProcess, prefix: string): Promise<string> {
	return new Promise((resolve, reject) => {
		let text = "";
		const late = setTimeout(
			() => reject(new Error(`A process of the app did not start within ${START_MS / 1000} s. Its log is .lockstep/demo.log`)),
			START_MS,
		);
		child.stdout?.on("data", (chunk) => {
			text += chunk;
			const line = text.split("\n").find((l) => l.startsWith(prefix) && text.includes(`${l}\n`));
			if (!line) return;
			clearTimeout(late);
			resolve(line.slice(prefix.length).trim());
		});
		child.once("exit", (code) => {
			clearTimeout(late);
			reject(new Error(`A process of the app ended at its start (${code}). Its log is .lockstep/demo.log`));
		});
	});
}

/** The port that a web process chose, from its own log line. */
async function portOf(web: ChildProcess): Promise<number> {
	return new Promise((resolve, reject) => {
		let text = "";
		const late = setTimeout(() => reject(new Error("The web process did not start. Its log is .lockstep/demo.log")), START_MS);
		web.stdout?.on("data", (chunk) => {
			text += chunk;
			for (const line of text.split("\n")) {
				if (!line.includes("process.started")) continue;
				const port = /"port":(\d+)/.exec(line)?.[1];
				if (port) {
					clearTimeout(late);
					resolve(Number(port));
				}
			}
		});
		web.once("exit", (code) => {
			clearTimeout(late);
			reject(new Error(`The web process ended at its start (${code}). Its log is .lockstep/demo.log`));
		});
	});
}

async function untilReady(origin: string): Promise<void> {
	const until = Date.now() + START_MS;
	for (;;) {
		const ready = await fetch(`${origin}/readyz`).then(
			(answer) => answer.ok,
			() => false,
		);
		if (ready) return;
		if (Date.now() > until) throw new Error("The app did not become ready. Its log is .lockstep/demo.log");
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	child.kill("SIGTERM");
	const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
	await gone;
	clearTimeout(late);
}
