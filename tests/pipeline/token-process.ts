import "../../sandbox/preload.ts";
import { pino } from "pino";
import { createPool } from "#app/db.server.ts";
import { accessTokenFor } from "#connections";
import { CLIENT_ID, CLIENT_SECRET } from "../kit/shopify-identity.ts";

/** One of several processes that all want the shop's token at the same moment; writes down what it got. */
const [domain = "", key = "", callers = "1"] = process.argv.slice(2);
const pool = createPool({ url: process.env.DATABASE_URL ?? "", max: 10, name: "token test" });
const deps = {
	pool,
	keyRing: [{ id: "k1", key: Buffer.from(key, "base64") }],
	env: { shopifyApiKey: CLIENT_ID, shopifyApiSecrets: [CLIENT_SECRET] as [string] },
	log: pino({ level: "silent" }),
};
await pool.query(`CREATE TABLE IF NOT EXISTS token_seen (token text, callers int)`).catch(() => {});
process.stdout.write("ready\n");
const tokens = await Promise.all(Array.from({ length: Number(callers) }, () => accessTokenFor(deps, domain)));
for (const token of new Set(tokens))
	await pool.query(`INSERT INTO token_seen VALUES ($1, $2)`, [token, tokens.filter((t) => t === token).length]);
await pool.end();
