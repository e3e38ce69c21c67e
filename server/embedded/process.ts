import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** PostgreSQL refuses to run as root; then it runs as this account. */
export type Account = { uid: number; gid: number };

export type ServerProcess = {
	hasExited(): boolean;
	/** A fast shutdown; after `timeoutMs` an immediate one, which recovers at the next start. */
	stop(timeoutMs: number): Promise<void>;
};

/**
 * Runs the server and ends it with SIGINT (fast shutdown) as soon as standard input closes, which the kernel does for us even
 * when this process is killed. The shell ignores the terminal's signals; the server is started before it does.
 */
const GUARD = `exec 3<&0
"$@" 3<&- </dev/null &
server=$!
( read -r _ <&3; kill -INT $server ) 2>/dev/null &
guard=$!
exec 3<&-
trap 'kill -QUIT $server' QUIT
while kill -0 $server 2>/dev/null; do wait $server; code=$?; done
kill $guard 2>/dev/null
exit $code`;

export async function spawnServer(command: string, args: string[], logFile: string, account: Account | null): Promise<ServerProcess> {
	const log = await open(logFile, "a");
	const guarded = process.platform !== "win32"; // There is no sh there; a killed owner leaves a server that the next start ends.
	const child = spawn(guarded ? "/bin/sh" : command, guarded ? ["-c", GUARD, "sh", command, ...args] : args, {
		...account,
		cwd: "/",
		env: serverEnvironment(),
		stdio: ["pipe", log.fd, log.fd],
		detached: true,
	});
	child.stdin?.on("error", () => {}); // The other end is gone: that is what a stop wants.
	const exited = once(child, "exit").then(() => undefined);
	await once(child, "spawn");
	await log.close();
	child.unref();
	return {
		hasExited: () => child.exitCode !== null || child.signalCode !== null,
		async stop(timeoutMs) {
			child.ref();
			child.stdin?.end();
			if (!guarded) child.kill("SIGINT");
			await Promise.race([exited, sleep(timeoutMs, undefined, { ref: false }).then(() => endNow(child))]);
			await exited;
		},
	};
}

/** Runs a short command and returns what it said. */
export async function runOnce(command: string, args: string[], account: Account | null): Promise<{ code: number; output: string }> {
	const child = spawn(command, args, { ...account, cwd: "/", env: serverEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
	let output = "";
	for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
	const [code] = (await once(child, "close")) as [number | null];
	return { code: code ?? 1, output };
}

function endNow(child: ChildProcess): void {
	if (child.exitCode === null && child.signalCode === null) child.kill("SIGQUIT");
}

/** Messages in plain English, so that they can be read and matched; no settings of another PostgreSQL on this machine. */
function serverEnvironment(): NodeJS.ProcessEnv {
	const ours = Object.entries(process.env).map(([name, value]) => [name, /^(PG|LC_)/.test(name) ? undefined : value]);
	return { ...(Object.fromEntries(ours) as NodeJS.ProcessEnv), LC_ALL: "C" };
}
