import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { ROOT, runVitest } from "./vitest.ts";

/** `npm test`: everything, or what is named (`npm test -- app/ledger`). The last line is the sum. */
const args = process.argv.slice(2);

console.log("Running the tests on a PostgreSQL of their own (from the npm package; nothing is left behind).");
for (const sentence of whatIsMissing()) console.log(sentence);

const run = await runVitest({ args, show: true });
if (run.skipped > 0) console.log(`${run.skipped} not run, see the sentences above and in the tests' titles.`);
console.log(`${run.passed} passed, ${run.failed} failed`);
process.exitCode = run.failed > 0 || run.passed === 0 ? 1 : 0;

/** What other people's machines may lack. Where it is there, its tests run and fail if it does not work. */
function whatIsMissing(): string[] {
	const lacks = (command: string) => spawnSync(command, ["--version"]).error !== undefined;
	return [
		lacks("redis-server")
			? "redis-server is not installed: the tests of the queue on Redis are not run (Debian: apt-get install redis-server)."
			: "",
		["chromium", "chromium-browser", "google-chrome"].every(lacks)
			? "Chromium is not installed: the browser tests are not run (Debian: apt-get install chromium)."
			: "",
		existsSync(path.join(ROOT, "..", "shared", "contracts"))
			? ""
			: "The published contracts (../shared/contracts) are not there: tests against them are not run.",
	].filter((sentence) => sentence !== "");
}
