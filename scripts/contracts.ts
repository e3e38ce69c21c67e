import { existsSync } from "node:fs";
import path from "node:path";
import { ROOT, runVitest } from "./vitest.ts";

/** `npm run contracts`: adapters and stand-ins against what the upstreams publish and what was recorded from real ones (R32). */
if (!existsSync(path.join(ROOT, "..", "shared", "contracts"))) {
	console.log("The published contracts (../shared/contracts) are not there: only the recorded fixtures in the tree can be checked.");
}
const run = await runVitest({ args: [".contract.test.", "tests/contracts/", ...process.argv.slice(2)], show: true });
console.log(`${run.passed} passed, ${run.failed} failed`);
process.exitCode = run.failed > 0 || run.passed === 0 ? 1 : 0;
