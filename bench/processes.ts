import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = path.resolve(import.meta.dirname, "..");
const START_MS = 60_000;
const STOP_MS = 15_000;

export type Served = { origin: string; stop(): Promise<void> };

/** Starts a file that serves HTTP on `port` in a process of its own, and waits until `readyPath` is answered. Its output goes to `log`. */
export async function serveFile(
	file: string,
	options: { port: number; args?: readonly string[]; imports?: readonly string[]; env?: NodeJS.ProcessEnv; readyPath: string; log: string },
): Promise<Served> {
	const log = openSync(options.log, "a");
	const imports = (options.imports ?? []).flatMap((one) => ["--import", path.join(ROOT, one)]);
	const child = spawn(process.execPath, [...imports, path.join(ROOT, file), ...(options.args ?? [])], {
		cwd: ROOT,
		env: { ...process.env, ...options.env },
		stdio: ["ignore", log, log],
	});
	const origin = `http://127.0.0.1:${options.port}`;
	const until = Date.now() + START_MS;
	for (;;) {
		const isReady = await fetch(`${origin}${options.readyPath}`).then(
			(answer) => answer.ok,
			() => false,
		);
		if (isReady) return { origin, stop: () => end(child) };
		if (child.exitCode !== null || Date.now() > until) {
			await end(child);
			throw new Error(`${file} did not become ready. Its log is ${options.log}`);
		}
		await sleep(50);
	}
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const gone = once(child, "exit");
	child.kill("SIGTERM");
	const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
	await gone;
	clearTimeout(late);
}
