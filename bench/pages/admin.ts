import { randomBytes } from "node:crypto";
import path from "node:path";
import { createAdminGateway } from "../../sandbox/admin/index.ts";
import { adminView, createShopify } from "../../sandbox/channels/shopify/index.ts";
import { createWorld } from "../../sandbox/world.ts";
import { freePort } from "../../server/embedded/postgres.ts";
import { serveFile } from "../processes.ts";

const API_KEY = "0123456789abcdef0123456789abcdef";
const API_SECRET = "shpss_0123456789";
const PUBLIC_ORIGIN = "https://lockstep.example";

export type Admin = { url(page: string): string; stop(): Promise<void> };

/** A shop's admin with the app's production build in its frame: a played Shopify, and a real web process of its own. */
export async function openAdmin(ground: { domain: string; databaseUrl: string; directory: string }): Promise<Admin> {
	const world = createWorld({ seed: 7 });
	const shopify = createShopify(world, { clientId: API_KEY, clientSecret: API_SECRET, appUrl: PUBLIC_ORIGIN });
	const shop = shopify.createShop({ domain: ground.domain, name: "Northwind Outdoor" });
	shop.seed({ locations: [{ name: "Main warehouse" }], products: [] });
	const port = await freePort();
	const gateway = createAdminGateway(world, {
		shop: adminView(shop),
		mintSessionToken: (staff) => shopify.mintSessionToken({ ...staff, seconds: 60 }),
		appPublicOrigin: PUBLIC_ORIGIN,
		appLocalOrigin: () => `http://127.0.0.1:${port}`,
		channels: [{ id: "shopify", name: "Shopify" }],
	});
	await world.listen();
	const web = await serveFile("server/web.ts", {
		port,
		readyPath: "/readyz",
		imports: ["bench/pages/production-react.ts", "sandbox/preload.ts"],
		log: path.join(ground.directory, `${ground.domain}.log`),
		env: {
			NODE_ENV: "test",
			PORT: String(port),
			DATABASE_URL: ground.databaseUrl,
			LOCKSTEP_DATA_DIR: ground.directory,
			LOCKSTEP_KEYS: `bench:${randomBytes(32).toString("base64")}`,
			SHOPIFY_API_KEY: API_KEY,
			SHOPIFY_API_SECRET: API_SECRET,
			SHOPIFY_APP_URL: PUBLIC_ORIGIN,
			APP_BRIDGE_URL: gateway.appBridgeUrl(),
			SANDBOX_UPSTREAMS: world.upstreams(),
		},
	});
	return {
		url: (page) => `${gateway.url()}${page}`,
		async stop() {
			await web.stop();
			await world.close();
		},
	};
}
