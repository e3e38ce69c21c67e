import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildApp } from "../../scripts/build.ts";
import { createAdminGateway } from "../admin/index.ts";
import { flowPage } from "../admin/pages/flow.ts";
import { mailboxPage, mailFaults } from "../admin/pages/mailbox.ts";
import { adminView } from "../channels/shopify/index.ts";
import { createMailbox, MAIL_FROM } from "../mailbox.ts";
import { playOrdinaryDay } from "./day.ts";
import { playFaults } from "./faults/play-faults.ts";
import { printFaults } from "./faults/print.ts";
import { FAULTY_STORES } from "./faults/stores.ts";
import { readOptions } from "./options.ts";
import { APP_ORIGIN, createOutside, type Outside, SHOP_DOMAIN } from "./outside.ts";
import { type App, startApp } from "./processes.ts";
import { type DemoReport, printReport } from "./report.ts";
import { connectMarket, openTheApp, STAFF_ID, sayOutOfStep, untilImported, untilInStep } from "./steps.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TOML = path.join(ROOT, "shopify.app.toml");
/** What a lost message hid is found by a poll, now and then only by the second, and Amazon allows one out of turn every two minutes. */
const SETTLE_MS = 330_000;

const startedAt = Date.now();
const options = readOptions(process.argv.slice(2));
const isTerminal = process.stdout.isTTY === true;
const write = (line: string) => void process.stdout.write(`${line}\n`);
const step = (what: string) => write(`[${String(Math.round((Date.now() - startedAt) / 1000)).padStart(3)} s] ${what}`);

step("Building the embedded app (first time only)");
await buildApp();
const outside = await createOutside({
	seed: options.seed,
	channels: options.channels,
	...(options.faults ? { stores: FAULTY_STORES } : {}),
	toml: TOML,
	port: options.port,
	atomicCheckout: options.sellers.length === 1,
}).catch((error: NodeJS.ErrnoException) => {
	if (error.code !== "EADDRINUSE") throw error;
	process.stderr.write(`Port ${options.port} is taken. Try: npm run demo -- --port ${options.port + 10}\n`);
	process.exit(1);
});
const mailbox = await createMailbox({ now: () => outside.world.clock.now() });
let app: App | undefined;
let stopping = false;
const stop = async (code: number) => {
	if (stopping) return;
	stopping = true;
	await app?.stop();
	await mailbox.close();
	await outside.world.close();
	process.exit(code);
};
process.on("SIGINT", () => void stop(130));
process.on("SIGTERM", () => void stop(143));

try {
	const gateway = createAdminGateway(outside.world, {
		shop: adminView(outside.shop),
		mintSessionToken: (staff) => outside.shopify.mintSessionToken({ ...staff, userId: STAFF_ID }),
		appPublicOrigin: APP_ORIGIN,
		appLocalOrigin: () => app?.origin() ?? "http://127.0.0.1:9",
		channels: [{ id: "shopify", name: "Shopify" }, ...outside.markets.map(({ id, name }) => ({ id, name }))],
		markets: outside.markets,
		pages: [(root) => flowPage(outside.shop.flow, root), (root) => mailboxPage(mailbox, root)],
		stores: outside.markets.flatMap(({ name, host }) => (host ? [{ name: `${name} store`, host }] : [])),
		breakages: [
			...mailFaults(mailbox),
			{
				id: "kill-worker",
				group: "Lockstep",
				label: "Kill the worker",
				explanation: "The worker process is ended as a power cut would (kill -9). Another one starts at once.",
				press: async () => {
					await app?.killWorker();
					return "The worker was killed; a new one is starting";
				},
			},
			{
				id: "kill-web",
				group: "Lockstep",
				label: "Kill the web process",
				explanation: "Nobody hears webhooks or serves pages until its successor listens, at the same address.",
				press: async () => {
					await app?.killWeb();
					return "The web process was killed; a new one is starting";
				},
			},
		],
	});
	app = await startApp({
		upstreams: outside.world.upstreams(),
		appBridgeUrl: gateway.appBridgeUrl(),
		environment: Object.assign({ SMTP_URL: mailbox.url(), MAIL_FROM }, ...outside.markets.map(({ environment }) => environment)),
		say: (what) => step(`Starting ${what}`),
	});
	outside.world.route(APP_ORIGIN, app.origin());
	const report = options.faults ? await playWithFaults(outside, app) : await playDay(outside, app);
	if (options.report) writeFileSync(options.report, `${JSON.stringify(report, null, 2)}\n`);
	if (options.exit) await stop(0);
	write("");
	write(`The shop's admin is open at ${gateway.url()}`);
	write("Order there or in the store, edit stock, break things, and watch the overview. Ctrl-C ends it and removes everything.");
} catch (error) {
	process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
	if (app) process.stderr.write(`The app's log is ${path.relative(ROOT, app.logs)}\n`);
	await stop(1);
}

async function playWithFaults(outside: Outside, running: App) {
	await install(outside, running);
	const report = await playFaults(outside, running, { seed: options.seed, sales: options.sales, pairs: options.pairs, step, write });
	printFaults(report, write);
	return report;
}

async function playDay(outside: Outside, running: App): Promise<DemoReport> {
	await install(outside, running);
	const report = await playOrdinaryDay(outside, { ...options, toml: TOML, startedAt, isTerminal, step, write, settle });
	printReport(report, write);
	return report;
}

async function install(outside: Outside, running: App): Promise<void> {
	const skus = outside.products.length + outside.bundles.length;
	step(`Installing Lockstep into ${SHOP_DOMAIN} (${skus} products, ${outside.bundles.length} of them bundles, 2 locations)`);
	await openTheApp(outside, running.origin());
	step("Reading its products and stock");
	write(`        ${await untilImported(running)} items read`);
	for (const market of outside.markets) {
		step(`Connecting ${market.name}: matching SKUs, watch mode, dry run, go live`);
		for (const line of await connectMarket(running, market)) write(`        ${line}`);
	}
	await settle(outside, "the first push");
}

/** Says what is not in step, if anything is when the time is up. */
async function settle(outside: Outside, after: string): Promise<void> {
	const wrong = await untilInStep(outside, { withinMs: SETTLE_MS });
	if (wrong.length > 0) step(`Not in step after ${after}: ${sayOutOfStep(wrong)}`);
}
