import { createPool } from "#app/db.server.ts";
import { pushListings } from "#delivery";
import { deliveryDeps } from "./delivery-deps.ts";
import { createNeighbourStore } from "./neighbour-store.ts";

/**
 * A worker process that reaches its write and gets stuck there, for tests that kill it: it says "ready" when its request is on
 * the way. Arguments: database URL, shop, connection, figures as JSON.
 */
const [url = "", shopId = "", connectionId = "", figures = "{}"] = process.argv.slice(2);
const pool = createPool({ url, max: 4, name: "stuck worker" });
const store = createNeighbourStore(JSON.parse(figures) as Record<string, number>);
store.strike["before-write"] = () => {
	process.stdout.write("ready\n");
	return new Promise<never>(() => {});
};
// Keeps the process alive while nothing happens; the end of standard input is the test's.
process.stdin.resume();
await pushListings(deliveryDeps(pool, new Map([[Number(connectionId), store]])), Number(shopId), Number(connectionId));
