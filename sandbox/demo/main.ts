import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildApp } from "../../scripts/build.ts";
import { createAdminGateway } from "../admin/index.ts";
import { flowPage } from "../admin/pages/flow.ts";
import { mailboxPage, mailFaults } from "../admin/pages/mailbox.ts";
import { adminView } from "../channels/shopify/index.ts";
import { createMailbox, MAIL_FROM } from "../mailbox.ts";
import { createRandom } from "../random.ts";
import { playBaseline } from "./baselines.ts";
import { judgeChannel, miscounted, webhookCounts } from "./judge.ts";
import { readOptions } from "./options.ts";
import { APP_ORIGIN, createOutside, type Outside, SHOP_DOMAIN } from "./outside.ts";
import { planDay } from "./plan.ts";
import { countHotStock, misbehave, playAct } from "./play.ts";
import { startApp } from "./processes.ts";
import { type DemoReport, duplicatesIgnored, ledgerBalanced, printReport } from "./report.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TOML = path.join(ROOT, "shopify.app.toml");
const IMPORT_MS = 120_000;
/** What a lost message hid is found by a poll, now and then only by the second, and Amazon allows one out of turn every two minutes. */
const SETTLE_MS = 330_000;
const STAFF_ID = 548_380_009;

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
	toml: TOML,
	port: options.port,
	atomicCheckout: options.sellers.length === 1,
}).catch((error: NodeJS.ErrnoException) => {
	if (error.code !== "EADDRINUSE") throw error;
	process.stderr.write(`Port ${options.port} is taken. Try: npm run demo -- --port ${options.port + 10}\n`);
	process.exit(1);
});
const mailbox = await createMailbox({ now: () => outside.world.clock.now() });
let app: Awaited<ReturnType<typeof startApp>> | undefined;
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
	const report = await playDemo(outside, app);
	printReport(report, write);
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

async function playDemo(outside: Outside, running: NonNullable<typeof app>): Promise<DemoReport> {
	const { world } = outside;
	const skus = outside.products.length + outside.bundles.length;
	step(`Installing Lockstep into ${SHOP_DOMAIN} (${skus} products, ${outside.bundles.length} of them bundles, 2 locations)`);
	await openTheApp(running.origin());
	step("Reading its products and stock");
	await untilImported(running);
	for (const market of outside.markets) {
		step(`Connecting ${market.name}: matching SKUs, watch mode, dry run, go live`);
		const said = await running.run("scripts/connect.ts", [
			...["--shop", SHOP_DOMAIN, "--channel", market.id, ...(await market.connectArgs()), "--go-live"],
		]);
		for (const line of said.trim().split("\n")) {
			const { step: name, detail } = JSON.parse(line);
			if (name === "matching") write(`        matched ${detail.exact} by SKU, ${detail.near} look alike, ${detail.ambiguous} ambiguous`);
			if (name === "dry-run")
				write(`        the first push changes ${detail.changes} of ${detail.listings} listings, ${detail.toZero} go to zero`);
		}
	}
	await untilInStep(outside, "the first push");

	const acts = planDay(createRandom(options.seed).fork("day"), {
		products: outside.products,
		bundles: outside.bundles,
		sales: options.sales,
		sellers: options.sellers,
	});
	const { books } = world;
	const total = { orders: 0, units: 0 };
	misbehave(outside, options.channels);
	const marks: { from: number; to: number }[] = [];
	for (const act of acts) {
		if (act.hot.length > 0) {
			world.faults.clear();
			await untilInStep(outside, "the first act");
			countHotStock(outside, act);
			await untilInStep(outside, "the count of the last units");
			misbehave(outside, options.channels);
		}
		step(
			act.name === "ample"
				? "Act 1, ample stock: buyers on all channels, cancellations, stock edited by hand"
				: `Act 2, the last units of ${act.hot.length} products that everybody wants`,
		);
		const from = books.mark();
		const played = await playAct(outside, act, (done, all, so) => {
			if (isTerminal)
				process.stdout.write(
					`\r        ${done} of ${all}: ${so.orders} orders, ${so.units} units, ${so.refused} sold out, ${books.deliveries().length} webhooks   `,
				);
		});
		if (isTerminal) process.stdout.write("\r");
		write(
			`        ${played.orders} orders, ${played.units} units, ${played.refused} times sold out, ${played.cancelled} cancelled, ${played.edits} edits by hand`,
		);
		marks.push({ from, to: books.mark() });
		total.orders += played.orders;
		total.units += played.units;
	}
	world.faults.clear();
	step("Waiting until everything has arrived");
	await untilInStep(outside, "the last act");

	step("The same day with a plain sync, and with a naive handler");
	const day = { seed: options.seed, acts, channels: options.channels, toml: TOML, atomicCheckout: options.sellers.length === 1 };
	const [polling, naive] = await Promise.all([playBaseline("polling", day), playBaseline("naive", day)]);

	const { double, missed } = miscounted(books, outside.available);
	const [ample, scarce] = marks as [(typeof marks)[number], (typeof marks)[number]];
	const oversold = (part: { from: number; to: number }) =>
		books
			.sales()
			.slice(part.from, part.to)
			.reduce((sum, sale) => sum + sale.shortBy, 0);
	const sold = (part: { from: number; to: number }) =>
		books
			.sales()
			.slice(part.from, part.to)
			.reduce((sum, sale) => sum + sale.units, 0);
	return {
		seed: options.seed,
		...total,
		webhooks: webhookCounts(books),
		duplicates_ignored: duplicatesIgnored(outside, double),
		double_counted: double,
		missed,
		ledger_balanced: ledgerBalanced(outside),
		channels: options.channels.map((id) =>
			judgeChannel(books, id, {
				listings: id === "shopify" ? skus : (outside.markets.find((market) => market.id === id)?.listings() ?? 0),
				soldBy: options.sellers,
			}),
		),
		acts: {
			ample: { sold: sold(ample), oversold_units: oversold(ample) },
			scarce: { sold: sold(scarce), opening: acts[1]?.hot.reduce((sum, h) => sum + h.units, 0) ?? 0, oversold_units: oversold(scarce) },
		},
		baselines: { polling, naive },
		seconds: Math.round((Date.now() - startedAt) / 1000),
	};
}

/** A member of the staff opens the app for the first time: this is the installation. */
async function openTheApp(origin: string): Promise<void> {
	const handle = SHOP_DOMAIN.replace(".myshopify.com", "");
	const query = new URLSearchParams({
		embedded: "1",
		shop: SHOP_DOMAIN,
		host: Buffer.from(`admin.shopify.com/store/${handle}`).toString("base64"),
		id_token: outside.shopify.mintSessionToken({ shop: SHOP_DOMAIN, userId: STAFF_ID }),
	});
	const answer = await fetch(`${origin}/app?${query}`, {
		headers: {
			"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
			"x-forwarded-proto": "https",
			accept: "text/html",
		},
		redirect: "manual",
	});
	if (answer.status !== 200) throw new Error(`Opening the app answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
}

/** The operator's view of the first import; the sandbox cannot see into the app. */
async function untilImported(running: NonNullable<typeof app>): Promise<void> {
	const until = Date.now() + IMPORT_MS;
	for (;;) {
		const said = await running.run("scripts/shops.ts", []);
		const shops: { domain: string; import: string; done: number; total: number; error: string | null }[] = JSON.parse(said);
		const shop = shops.find((s) => s.domain === SHOP_DOMAIN);
		if (shop?.import === "done") return write(`        ${shop.done} items read`);
		if (shop?.import === "failed") throw new Error(`The first import failed: ${shop.error}`);
		if (Date.now() > until) throw new Error(`The first import is not done after ${IMPORT_MS / 1000} s: ${JSON.stringify(shop)}`);
		await new Promise((resolve) => setTimeout(resolve, 500));
	}
}

/** Every channel shows what there is, and goes on doing so for a moment; or the time is up and the report says what is not. */
async function untilInStep(outside: Outside, after: string): Promise<void> {
	const { books, clock } = outside.world;
	const until = Date.now() + SETTLE_MS;
	let calmSince = 0;
	for (;;) {
		const wrong = [
			...options.channels.filter((c) => c !== "shopify").flatMap((c) => books.outOfStep(c).map((w) => ({ channel: c, ...w }))),
			...books
				.skus()
				.flatMap((sku) =>
					outside.available(sku) === books.truth(sku)
						? []
						: [{ channel: "shopify", sku, shown: outside.available(sku), expected: books.truth(sku) }],
				),
		];
		if (wrong.length > 0 || outside.markets.some((market) => market.waiting() > 0)) calmSince = 0;
		else calmSince ||= Date.now();
		if (calmSince > 0 && Date.now() - calmSince > 2_000) return;
		if (Date.now() > until) {
			if (wrong.length === 0) return;
			step(
				`Not in step after ${after}: ${wrong
					.slice(0, 5)
					.map((w) => `${w.sku} at ${w.channel} shows ${w.shown}, should ${w.expected}`)
					.join("; ")}`,
			);
			return;
		}
		await clock.sleep(100);
	}
}
