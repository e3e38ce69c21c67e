import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { runBulk } from "#app/backfill/index.ts";
import { createPool } from "#app/db.server.ts";
import type { Deps } from "#connections";

/**
 * A worker of its own: does the bulk changes of the shop named on the command line over and over until its standard input ends. Prints a
 * line once it is ready. Killed at any moment it must leave nothing half done.
 */
const [url = "", shop = ""] = process.argv.slice(2);
const pool = createPool({ url, max: 4, name: "backfill process" });
const deps: Deps = {
	pool,
	keyRing: [{ id: "k", key: randomBytes(32) }],
	env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
	log: pino({ level: "silent" }),
	wake: async () => {},
};
let ending = false;
process.stdin.on("end", () => {
	ending = true;
});
process.stdin.resume();
process.stdout.write("ready\n");
while (!ending) {
	const done = await runBulk(deps, Number(shop), { waitingMax: Number.POSITIVE_INFINITY, batchesMax: 2 }).catch((error: unknown) => {
		process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
	});
	if (done?.outcome !== "more") await new Promise((resolve) => setTimeout(resolve, 20));
}
await pool.end();
