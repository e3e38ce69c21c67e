import { createPool } from "#app/db.server.ts";
import { drainShop } from "#apply";
import { applyDeps } from "../kit/apply-deps.ts";

/**
 * A worker of its own: drains the shops named on the command line over and over until its standard input ends. Prints a line
 * once it is ready. Killed at any moment it must leave nothing half done.
 */
const [url = "", ...shops] = process.argv.slice(2);
const pool = createPool({ url, max: 4, name: "drain process" });
let ending = false;
process.stdin.on("end", () => {
	ending = true;
});
process.stdin.resume();
process.stdout.write("ready\n");
while (!ending) {
	for (const shop of shops) {
		await drainShop(applyDeps(pool), Number(shop), { batchMax: 20 }).catch((error: unknown) => {
			process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
		});
	}
	await new Promise((resolve) => setTimeout(resolve, 2));
}
await pool.end();
