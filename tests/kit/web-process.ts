import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { APP_SECRET } from "./senders.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

export type WebProcess = {
	port: number;
	pid: number;
	/** What it logged, parsed. */
	lines: Record<string, unknown>[];
	/** -9: at once, in the middle of whatever it does. */
	kill(): Promise<void>;
	/** Asks it to finish, and waits until it has; gives back its exit code. */
	stop(): Promise<number | null>;
};

/** The real `npm run web` as a process of its own. */
export async function startWebProcess({
	databaseUrl,
	dataDir,
	keys,
}: {
	databaseUrl: string;
	dataDir: string;
	keys: string;
}): Promise<WebProcess> {
	const child = spawn(process.execPath, ["server/web.ts"], {
		cwd: ROOT,
		stdio: ["ignore", "pipe", "pipe"],
		env: {
			PATH: process.env.PATH,
			NODE_ENV: "test",
			PORT: "0",
			LOG_LEVEL: "info",
			DATABASE_URL: databaseUrl,
			LOCKSTEP_DATA_DIR: dataDir,
			LOCKSTEP_KEYS: keys,
			SHOPIFY_API_KEY: "key",
			SHOPIFY_API_SECRET: APP_SECRET,
			SHOPIFY_APP_URL: "https://app.lockstep.example",
		},
	});
	const lines: Record<string, unknown>[] = [];
	let complaints = "";
	child.stderr.on("data", (chunk) => {
		complaints += chunk;
	});
	const started = new Promise<number>((resolve, reject) => {
		createInterface({ input: child.stdout }).on("line", (text) => {
			const line = JSON.parse(text) as Record<string, unknown>;
			lines.push(line);
			if (line.event === "process.started") resolve(Number(line.port));
		});
		child.once("exit", (code) => reject(new Error(`The web process ended with ${code} before it had started:\n${complaints}`)));
	});
	const port = await started;
	const gone = (signal: NodeJS.Signals) => end(child, signal);
	return { port, pid: child.pid ?? 0, lines, kill: async () => void (await gone("SIGKILL")), stop: () => gone("SIGTERM") };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
	if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
	const exited = once(child, "exit");
	child.kill(signal);
	await exited;
	return child.exitCode;
}
