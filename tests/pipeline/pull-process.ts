import { pino } from "pino";
import { createPool } from "#app/db.server.ts";
import { createPulling } from "#ingest";
import { enlistNeighbour } from "../kit/neighbour-channel.ts";
import { MARKET_APP } from "../kit/neighbour-market.ts";

/** A worker that does nothing but pull the queues of the market next door; the end of its standard input ends it cleanly. */
const [databaseUrl = "", market = ""] = process.argv.slice(2);
enlistNeighbour(market);
const pool = createPool({ url: databaseUrl, max: 6, name: "pull test" });
const pulling = createPulling({
	pool,
	keyRing: [],
	env: {
		shopifyApiKey: "key",
		shopifyApiSecrets: ["secret"],
		appSettings: { neighbour: { ...MARKET_APP, queueEast: "east", queueWest: "west" } },
	},
	log: pino({ level: process.env.TEST_LOG ?? "silent" }),
	wake: async () => {},
});
process.stdout.write("ready\n");
process.stdin.resume();
process.stdin.once("end", async () => {
	await pulling.close();
	await pool.end();
});
