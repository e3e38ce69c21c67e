import { existsSync } from "node:fs";
import path from "node:path";
import { channels } from "#channels";
import { ROOT, runVitest } from "./vitest.ts";

/** `npm run channel`: every channel and what it can do. `npm run channel -- woocommerce`: all tests of one, adapter and stand-in. */
const [id, ...args] = process.argv.slice(2);
const known = channels();

if (id === undefined) {
	for (const { id, name, role, capabilities, limits, apiVersion } of known) {
		console.log(`${id} (${name}, ${role}), API ${apiVersion.pinned}${apiVersion.sunsetAt ? ` until ${apiVersion.sunsetAt}` : ""}`);
		for (const [what, value] of Object.entries({ ...capabilities, ...limits, operations: Object.keys(limits.operations ?? {}).length }))
			console.log(`    ${what.padEnd(20)} ${typeof value === "object" ? JSON.stringify(value) : value}`);
	}
} else if (!known.some((channel) => channel.id === id)) {
	console.error(`There is no channel "${id}"; there are ${known.map((channel) => channel.id).join(", ")}.`);
	process.exitCode = 1;
} else {
	const folders = [`app/channels/${id}/`, `sandbox/channels/${id}/`, `tests/conformance/${id}`];
	const present = folders.filter((folder) => existsSync(path.join(ROOT, folder)) || existsSync(path.join(ROOT, `${folder}.test.ts`)));
	const run = await runVitest({ args: [...present, ...args], show: true });
	console.log(`${id}: ${run.passed} passed, ${run.failed} failed`);
	process.exitCode = run.failed > 0 || run.passed === 0 ? 1 : 0;
}
