import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { createPool } from "#app/db.server.ts";
import { consentedAccess } from "../../app/connections/consented-token.ts";
import { enlistNeighbour } from "../kit/neighbour-channel.ts";
import { MARKET_APP } from "../kit/neighbour-market.ts";

/** One of several processes that all want a consented connection's token at the same moment; writes down what it got. */
const [databaseUrl = "", market = "", key = "", shopId = "", connectionId = "", callers = "1"] = process.argv.slice(2);
enlistNeighbour(market);
const pool = createPool({ url: databaseUrl, max: 10, name: "token test" });
const deps = {
	pool,
	keyRing: [{ id: "k1", key: Buffer.from(key, "base64") }],
	env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] as [string], appSettings: { neighbour: { ...MARKET_APP } } },
	log: pino({ level: "silent" }),
};
await pool.query("CREATE TABLE IF NOT EXISTS consented_seen (token text, callers int)").catch(() => {});
process.stdout.write("ready\n");
// All of them begin when the test says so.
while ((await pool.query("SELECT to_regclass('consented_go') IS NULL AS waits")).rows[0].waits) await sleep(5);
const place = { shopId: Number(shopId), connectionId: Number(connectionId) };
const tokens = await Promise.all(Array.from({ length: Number(callers) }, () => consentedAccess(deps, place)));
for (const token of new Set(tokens)) {
	await pool.query("INSERT INTO consented_seen VALUES ($1, $2)", [token, tokens.filter((other) => other === token).length]);
}
await pool.end();
