import { spawn } from "node:child_process";
import path from "node:path";

/** `npm run check`: types, lint and format, doors and arrows, dead code. All of them run; then it fails if one did. */
const ROOT = path.resolve(import.meta.dirname, "..");

const checks: { name: string; of: string; command: string[] }[] = [
	{ name: "types", of: "TypeScript", command: ["typescript/bin/tsc"] },
	{ name: "lint", of: "Biome", command: ["@biomejs/biome/bin/biome", "check", "--error-on-warnings"] },
	{
		name: "doors",
		of: "dependency-cruiser",
		command: ["dependency-cruiser/bin/dependency-cruiser.mjs", "--config", ".dependency-cruiser.cjs", "app", "server", "sandbox"],
	},
	{ name: "dead code", of: "knip", command: ["knip/bin/knip.js"] },
];

let failed = 0;
for (const { name, of, command } of checks) {
	const [script = "", ...args] = command;
	const startedAt = Date.now();
	const { code, output } = await run(path.join(ROOT, "node_modules", script), args);
	const took = `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
	if (code === 0) {
		console.log(`✓ ${name} (${of}, ${took})`);
	} else {
		failed++;
		console.log(`✗ ${name} (${of}, ${took})\n${output.trimEnd()}\n`);
	}
}
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function run(script: string, args: string[]): Promise<{ code: number; output: string }> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [script, ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
		let output = "";
		for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
		child.on("error", reject);
		child.on("close", (code) => resolve({ code: code ?? 1, output }));
	});
}
