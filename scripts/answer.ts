import { parseArgs } from "node:util";
import { answerUnresolved } from "#delivery";
import { openRuntime } from "../server/runtime.ts";

/**
 * Says whether home took a batch of differences of which nothing could tell (dead letter *key-expired*, docs/runbook.md):
 * `node scripts/answer.ts --shop DOMAIN --batch 17 --took yes`. Needs the environment of the app.
 */
const { values } = parseArgs({ options: { shop: { type: "string" }, batch: { type: "string" }, took: { type: "string" } } });
const runtime = await openRuntime({ name: "answer", mayEmbed: false });
let failed = false;
try {
	const batchId = Number(values.batch);
	if (!values.shop || !Number.isSafeInteger(batchId) || !(values.took === "yes" || values.took === "no"))
		throw new Error("--shop DOMAIN, --batch NUMBER and --took yes|no are needed.");
	const { rows } = await runtime.pool.query<{ id: number }>("SELECT id FROM shop WHERE domain = $1", [values.shop]);
	const [shop] = rows;
	if (!shop) throw new Error(`There is no shop ${values.shop}.`);
	// The sweep of any worker finds the event within a second.
	const answered = await answerUnresolved({ pool: runtime.pool }, shop.id, { batchId, took: values.took === "yes", actor: "operator" });
	process.stdout.write(`${JSON.stringify(answered)}\n`);
} catch (error) {
	failed = true;
	process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
} finally {
	await runtime.close();
}
process.exit(failed ? 1 : 0);
