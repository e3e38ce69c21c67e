import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";

const ROOT = path.resolve(import.meta.dirname, "../..");

export type AppProcess = {
	pid: number;
	/** 0 for a process that serves nothing. */
	port: number;
	kill(): Promise<void>;
	/** SIGTERM; resolves with its exit code when it has finished its work in hand. */
	stop(): Promise<number | null>;
};

/** `server/web.ts` or `server/worker.ts` as its operator runs it, led to the sandbox by the preload and by nothing else. */
export async function startAppProcess(file: "server/web.ts" | "server/worker.ts", env: NodeJS.ProcessEnv): Promise<AppProcess> {
	const child = spawn(process.execPath, ["--import", path.join(ROOT, "sandbox/preload.ts"), path.join(ROOT, file)], {
		cwd: ROOT,
		stdio: ["ignore", "pipe", "pipe"],
		env,
	});
	let complaints = "";
	child.stderr.on("data", (chunk) => {
		complaints = (complaints + chunk).slice(-4_000);
	});
	const port = await new Promise<number>((resolve, reject) => {
		createInterface({ input: child.stdout }).on("line", (text) => {
			const line = JSON.parse(text) as { event?: string; level?: string; port?: number };
			if (line.event === "process.started" || line.event === "worker.started") resolve(line.port ?? 0);
			if (process.env.TEST_LOG && process.env.TEST_LOG !== "silent") process.stderr.write(`${file} ${text}\n`);
		});
		child.once("exit", (code) => reject(new Error(`${file} ended with ${code} before it had started:\n${complaints}`)));
	});
	return {
		pid: child.pid ?? 0,
		port,
		kill: async () => void (await end(child, "SIGKILL")),
		stop: () => end(child, "SIGTERM"),
	};
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
	if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
	const exited = once(child, "exit");
	child.kill(signal);
	await exited;
	return child.exitCode;
}
