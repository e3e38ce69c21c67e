import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const LOCK = join(ROOT, "node_modules/.cache/lockstep/build.lock");
/** A build takes seconds; on a machine that is busy otherwise, a minute. */
const LOCK_WAIT_MS = 120_000;
const LOOK_AGAIN_MS = 200;
const STAMP = join(ROOT, "build/.built-from");
const TEXT = /\.(css|js|json|svg|txt)$/;
/** Below this a compressed copy saves less than a packet. */
const COMPRESS_FROM_BYTES = 1_400;

/**
 * Builds the embedded app (Remix, by Vite) into build/, with compressed copies beside the browser's text files. Does nothing
 * when nothing that goes into it has changed, so that `npm run demo` and the tests may call it each time.
 */
export async function buildApp({
	force = false,
	log = () => {},
}: {
	force?: boolean;
	log?: (line: string) => void;
} = {}): Promise<"built" | "unchanged"> {
	return oneBuildAtATime(async () => {
		if (!force && existsSync(STAMP) && readFileSync(STAMP, "utf8") === hashInputs()) return "unchanged";
		const startedAt = Date.now();
		await runRemixBuild();
		compressTexts(join(ROOT, "build/client"));
		// Somebody may have saved a file meanwhile: nobody knows which state of it was built, so the next call builds again.
		writeFileSync(STAMP, inputPaths()?.some((path) => statSync(path).mtimeMs > startedAt) ? "" : (hashInputs() ?? ""));
		log(`Built the embedded app in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
		return "built";
	});
}

/** Test files run in processes of their own, and each may be the first to need the build. A lock left by a dead one is taken over. */
async function oneBuildAtATime<T>(build: () => Promise<T>): Promise<T> {
	mkdirSync(dirname(LOCK), { recursive: true });
	const deadline = Date.now() + LOCK_WAIT_MS;
	for (;;) {
		try {
			writeFileSync(LOCK, String(process.pid), { flag: "wx" });
			break;
		} catch {
			if (!holderIsAlive()) rmSync(LOCK, { force: true });
			else if (Date.now() > deadline) throw new Error(`Another process builds the app for more than ${LOCK_WAIT_MS / 1000} s (${LOCK})`);
			else await sleep(LOOK_AGAIN_MS);
		}
	}
	try {
		return await build();
	} finally {
		rmSync(LOCK, { force: true });
	}
}

function holderIsAlive(): boolean {
	try {
		// Signal 0 only asks whether the process is there.
		return process.kill(Number(readFileSync(LOCK, "utf8")), 0);
	} catch {
		return false;
	}
}

/**
 * All that can change the bundles: the files that went into them the last time (vite.config.ts notes them), which routes there
 * are, what is public, the build's settings and the exact packages. A file that is new to a bundle is so because one of these
 * names it. Most of app/ is not among them: Node runs it as it is.
 */
function inputPaths(): string[] | null {
	const sources = SIDES.map((side) => join(ROOT, `build/.sources-${side}.json`));
	if (!sources.every(existsSync)) return null;
	const bundled = sources.flatMap((list) => JSON.parse(readFileSync(list, "utf8")) as string[]);
	const others = ["vite.config.ts", "package.json", "package-lock.json", "scripts/build.ts"].map((name) => join(ROOT, name));
	const paths = [...new Set([...bundled, ...others, ...filesOf("public")])].sort();
	return paths.every(existsSync) ? paths : null;
}

function hashInputs(): string | null {
	const paths = inputPaths();
	if (!paths) return null;
	const hash = createHash("sha256").update(filesOf("app/routes").sort().join("\n"));
	for (const path of paths) hash.update(path).update("\0").update(readFileSync(path)).update("\0");
	return hash.digest("hex");
}

const SIDES = ["client", "server"];
const filesOf = (folder: string) =>
	readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));

function runRemixBuild(): Promise<void> {
	const cli = createRequire(import.meta.url).resolve("@remix-run/dev/dist/cli.js");
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [cli, "vite:build"], {
			cwd: ROOT,
			env: { ...process.env, NODE_ENV: "production" },
			stdio: ["ignore", "pipe", "pipe"],
		});
		let output = "";
		for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
		child.on("error", reject);
		child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`The build failed (exit ${code}):\n${output}`))));
	});
}

function compressTexts(folder: string): void {
	for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile() || !TEXT.test(entry.name)) continue;
		const path = join(entry.parentPath, entry.name);
		const bytes = readFileSync(path);
		if (bytes.length < COMPRESS_FROM_BYTES) continue;
		writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
		writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
	}
}

if (import.meta.main) {
	const result = await buildApp({ force: process.argv.includes("--force"), log: console.log });
	if (result === "unchanged") console.log("The embedded app is built already; nothing has changed");
}
