import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAdminGateway } from "../sandbox/admin/index.ts";
import { flowPage } from "../sandbox/admin/pages/flow.ts";
import { mailboxPage, mailFaults } from "../sandbox/admin/pages/mailbox.ts";
import { adminView } from "../sandbox/channels/shopify/index.ts";
import { APP_ORIGIN, CLIENT, createOutside, DEMO_CHANNELS } from "../sandbox/demo/outside.ts";
import { createMailbox, MAIL_FROM } from "../sandbox/mailbox.ts";
import { freePort } from "../server/embedded/postgres.ts";
import { buildApp } from "./build.ts";
import { ROOT } from "./vitest.ts";

/**
 * `npm run dev`: the whole app in one process on a database of its own, the sandbox around it, and the shop's admin to open it
 * in. The app restarts when one of its files changes, the pages are built anew when one of theirs does; the sandbox's shop
 * lives until Ctrl-C. Nothing is kept.
 */
const ADMIN_PORT = Number(process.env.PORT ?? 4010);
const STAFF_ID = 548_380_009;
/** Editors write a file in several steps. */
const SETTLE_MS = 200;
const STOP_MS = 10_000;

await buildApp({ log: console.log });
const outside = await createOutside({
	seed: 7,
	channels: DEMO_CHANNELS,
	toml: path.join(ROOT, "shopify.app.toml"),
	port: ADMIN_PORT,
});
const mailbox = await createMailbox();
const appPort = await freePort();
const appLocalOrigin = `http://127.0.0.1:${appPort}`;
const gateway = createAdminGateway(outside.world, {
	shop: adminView(outside.shop),
	mintSessionToken: (staff) => outside.shopify.mintSessionToken({ ...staff, userId: STAFF_ID }),
	appPublicOrigin: APP_ORIGIN,
	appLocalOrigin: () => appLocalOrigin,
	channels: [{ id: "shopify", name: "Shopify" }, ...outside.markets.map(({ id, name }) => ({ id, name }))],
	markets: outside.markets,
	pages: [(root) => flowPage(outside.shop.flow, root), (root) => mailboxPage(mailbox, root)],
	breakages: mailFaults(mailbox),
	stores: outside.markets.flatMap(({ name, host }) => (host ? [{ name: `${name} store`, host }] : [])),
});
outside.world.route(APP_ORIGIN, appLocalOrigin);

const dataDir = mkdtempSync(path.join(tmpdir(), "lockstep-dev-"));
const app = spawn(
	process.execPath,
	["--watch", "--watch-preserve-output", "--import", path.join(ROOT, "sandbox/preload.ts"), "server/all.ts"],
	{
		cwd: ROOT,
		stdio: "inherit",
		env: {
			...process.env,
			NODE_ENV: "development",
			PORT: String(appPort),
			SHOPIFY_API_KEY: CLIENT.id,
			SHOPIFY_API_SECRET: CLIENT.secret,
			SHOPIFY_APP_URL: APP_ORIGIN,
			APP_BRIDGE_URL: gateway.appBridgeUrl(),
			LOCKSTEP_KEYS: `dev:${randomBytes(32).toString("base64")}`,
			LOCKSTEP_DATA_DIR: dataDir,
			SANDBOX_UPSTREAMS: outside.world.upstreams(),
			SMTP_URL: mailbox.url(),
			MAIL_FROM,
			...Object.assign({}, ...outside.markets.map(({ environment }) => environment)),
		},
	},
);
rebuildPagesOnChange();

console.log(`\nThe shop's admin: ${gateway.url()}`);
for (const market of outside.markets) console.log(`To connect ${market.name}: ${(await market.connectArgs()).join(" ")}`);
console.log("Ctrl-C ends everything.\n");

process.on("SIGINT", () => void stop(app));
process.on("SIGTERM", () => void stop(app));
app.once("exit", () => void stop(app));

let stopping = false;
async function stop(child: ChildProcess): Promise<void> {
	if (stopping) return;
	stopping = true;
	if (child.exitCode === null && child.signalCode === null) {
		child.kill("SIGTERM");
		const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
		await once(child, "exit");
		clearTimeout(late);
	}
	await outside.world.close();
	rmSync(dataDir, { recursive: true, force: true });
	process.exit(0);
}

/** The server's own files restart it by themselves (--watch); what Vite builds is another matter. */
function rebuildPagesOnChange(): void {
	let timer: NodeJS.Timeout | undefined;
	const rebuild = () => {
		buildApp({ log: console.log }).catch((error: unknown) => console.error(error instanceof Error ? error.message : error));
	};
	for (const folder of ["app", "public"]) {
		watch(path.join(ROOT, folder), { recursive: true }, (_, file) => {
			if (!file || !/\.(tsx|css|svg|woff2)$/.test(file)) return;
			clearTimeout(timer);
			timer = setTimeout(rebuild, SETTLE_MS);
		});
	}
}
