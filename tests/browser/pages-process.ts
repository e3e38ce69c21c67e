import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onShopAuthenticated } from "#app/connections/install.ts";
import { closeDatabase, openDatabase } from "#app/db.server.ts";
import { env } from "#app/env.server.ts";
import { openShopify } from "#app/shopify.server.ts";
import { createSessionStorage } from "#connections";
import { createLogger } from "#telemetry";
import { createRemixHandler } from "../../server/remix.ts";

/*
 * The embedded app's pages in a process of their own, without workers: what a page shows is decided by the rows that a test
 * writes. Says where it listens on its first line.
 */
const { appUrl, appBridgeUrl, shopifyApiKey, shopifyApiSecrets, databaseUrl = "", keys } = env();
const pool = openDatabase({ url: databaseUrl, max: 10, name: "browser test" });
openShopify({
	apiKey: shopifyApiKey,
	apiSecrets: shopifyApiSecrets,
	appUrl,
	appBridgeUrl,
	sessionStorage: createSessionStorage({ pool, keyRing: keys }),
	onShopAuthenticated: (shop) =>
		onShopAuthenticated(
			{ pool, keyRing: keys, env: env(), log: createLogger({ level: env().logLevel, name: "pages" }), wake: async () => {} },
			shop,
		),
});
const server = createServer(createRemixHandler({ publicOrigin: appUrl }));
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.once("SIGTERM", () => {
	server.closeAllConnections();
	server.close(() => void closeDatabase());
});
