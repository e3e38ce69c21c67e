import { type ChildProcess, spawn } from "node:child_process";

/** Starts a TypeScript file in a process of its own and waits for the line "ready". Standard input ends it, `kill` kills it. */
export async function startChild(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<Child> {
	const child: ChildProcess = spawn(process.execPath, [file, ...args], {
		stdio: ["pipe", "pipe", "pipe"],
		env: { ...process.env, ...env },
	});
	let errors = "";
	child.stderr?.on("data", (chunk) => {
		errors = (errors + chunk).slice(-4_000);
	});
	const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	await new Promise<void>((resolve, reject) => {
		let text = "";
		child.stdout?.on("data", (chunk) => {
			text += chunk;
			if (text.includes("ready\n")) resolve();
		});
		child.once("exit", (code) => reject(new Error(`${file} ended (${code}) before it was ready: ${errors}`)));
	});
	return {
		pid: child.pid as number,
		async stop() {
			child.stdin?.end();
			const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
			await ended;
			clearTimeout(late);
			return errors;
		},
		async kill() {
			child.kill("SIGKILL");
			await ended;
		},
	};
}

export type Child = { pid: number; stop(): Promise<string>; kill(): Promise<void> };
