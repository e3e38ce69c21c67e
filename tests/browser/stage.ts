import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { accessSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Frame, type Page } from "playwright-core";
import { onTestFailed, onTestFinished } from "vitest";
import { type AdminGateway, type AdminPage, type Breakage, createAdminGateway } from "../../sandbox/admin/index.ts";
import { adminView, createShopify, type Shop, type Shopify } from "../../sandbox/channels/shopify/index.ts";
import { createWorld, type World } from "../../sandbox/world.ts";
import { buildApp } from "../../scripts/build.ts";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";

export const SHOP = "northwind-outdoor.myshopify.com";
export const STORE = "store.northwind.example";
export const PUBLIC_ORIGIN = "https://lockstep.example";
const API_KEY = "0123456789abcdef0123456789abcdef";
const API_SECRET = "shpss_0123456789";
export const NEXT_API_SECRET = "shpss_9876543210";
const LOCKSTEP_KEYS = `test:${randomBytes(32).toString("base64")}`;
const DATA_DIR = mkdtempSync(join(tmpdir(), "lockstep-browser-"));
export const SESSION_TOKEN_SECONDS = 60;
const START_TIMEOUT_MS = 60_000;
/** Building the app, a database, a server and a browser, on a machine that is busy otherwise. */
export const STAGE_TIMEOUT_MS = 240_000;
/** Two locations, two things, and a bundle of both. */
const SEED = {
	locations: [{ name: "Main warehouse" }, { name: "Harbour store" }],
	products: ["Trail jacket", "Enamel mug"].map((title, n) => ({
		title,
		variants: [{ sku: `NW-${n}`, stock: { "Main warehouse": 5 + n, "Harbour store": 2 } }],
	})),
	bundles: [
		{
			title: "Weekend set",
			sku: "NW-SET",
			components: [
				{ sku: "NW-0", quantity: 1 },
				{ sku: "NW-1", quantity: 2 },
			],
		},
	],
};
/** An honest one: `isbot` takes headless Chrome's own for a bot, and the app then answers 410. */
const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

export const chromiumPath = findChromium();

/** Debian's, Ubuntu's, and whatever CHROMIUM names. In CI one is installed, and its absence is a failure rather than a skip. */
function findChromium(): string | undefined {
	const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
	const found = candidates.filter((path) => path !== undefined).find(exists);
	if (!found && process.env.CI) throw new Error("Chromium is not installed; in CI the browser tests must run (apt-get install chromium)");
	if (!found)
		process.stdout.write("Browser tests are skipped: no Chromium found (set CHROMIUM to its path, or apt-get install chromium).\n");
	return found;
}

function exists(path: string): boolean {
	try {
		accessSync(path);
		return true;
	} catch {
		return false;
	}
}

export type Stage = {
	world: World;
	gateway: AdminGateway;
	environment: Record<string, string>;
	database: TestDatabase;
	shopify: Shopify;
	shop: Shop;
	/** Token exchanges that Shopify has seen. */
	exchanges: () => number;
	/** How long the session tokens are good that the admin hands out; below zero they have run out already. */
	tokensLast: (seconds: number) => void;
	/** Where the app itself listens, without the gateway in between. */
	appOrigin: () => string;
	stopApp: () => Promise<void>;
	startApp: () => Promise<void>;
	open(options?: OpenOptions): Promise<Opened>;
	close(): Promise<void>;
};
export type OpenOptions = { width?: number; height?: number; path?: string; onRequest?: (url: string) => void };
/** A page with the app in it, and everything that was said to its console or went wrong. */
export type Opened = { page: Page; app: Frame; complaints: string[]; close(): Promise<void> };

/** The app's own configuration: Shopify then tells it what happens. */
const TOML = fileURLToPath(new URL("../../shopify.app.toml", import.meta.url));
type StageOptions = {
	/** What the app is told beside the usual. */
	environment?: Record<string, string>;
	/** Shopify sends webhooks: where a worker takes them in. */
	webhooks?: boolean;
	/** Pages of the simulated admin beside its usual ones. */
	pages?: readonly ((root: string) => AdminPage)[];
	/** Channels whose own people break things, once the world is there. */
	breakages?: (world: World) => readonly Breakage[];
};

/** The simulated admin, the real pages on a real database, and a real browser. */
export async function openStage({
	environment = {},
	webhooks = false,
	pages = [],
	breakages = () => [],
}: StageOptions = {}): Promise<Stage> {
	await buildApp();
	const database = await freshDatabase();
	const world = createWorld({ seed: 7 });
	const shopify = createShopify(world, {
		clientId: API_KEY,
		clientSecret: API_SECRET,
		appUrl: PUBLIC_ORIGIN,
		...(webhooks ? { toml: TOML } : {}),
	});
	const shop = shopify.createShop({ domain: SHOP, name: "Northwind Outdoor" });
	shop.seed(SEED);
	world.serve(STORE, (_request, response, url) => void response.end(`<!doctype html><title>Store</title><h1>${url.host}</h1>`));
	let tokenSeconds = SESSION_TOKEN_SECONDS;
	let appPort = 0;
	const gateway = createAdminGateway(world, {
		shop: adminView(shop),
		mintSessionToken: (staff) => shopify.mintSessionToken({ ...staff, seconds: tokenSeconds }),
		appPublicOrigin: PUBLIC_ORIGIN,
		appLocalOrigin: () => `http://127.0.0.1:${appPort}`,
		channels: [
			{ id: "shopify", name: "Shopify" },
			{ id: "woocommerce", name: "WooCommerce" },
		],
		stores: [{ name: "Northwind store", host: STORE }],
		pages,
		breakages: [
			{ id: "worker", group: "Lockstep", label: "Kill the worker", explanation: "It starts again by itself.", press: () => "Killed" },
			...breakages(world),
		],
	});
	await world.listen();

	let child: ChildProcess | undefined;
	const startApp = async () => {
		child = startWeb({ world, database, gateway, environment, port: appPort });
		appPort = await listeningPort(child);
	};
	const stopApp = async () => {
		if (!child || child.exitCode !== null) return;
		const exited = once(child, "exit");
		child.kill();
		await exited;
	};
	await startApp();
	const browser = await chromium.launch({
		executablePath: chromiumPath ?? "",
		args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
	});

	return {
		world,
		gateway,
		environment,
		database,
		shopify,
		shop,
		exchanges: () => world.books.calls("shopify").filter(({ operation }) => operation === "access_token").length,
		tokensLast: (seconds) => {
			tokenSeconds = seconds;
		},
		appOrigin: () => `http://127.0.0.1:${appPort}`,
		startApp,
		stopApp,
		open: (options) => openPage(browser, gateway.url(), options),
		async close() {
			await browser.close();
			await stopApp();
			await world.close();
			await database.drop();
			rmSync(DATA_DIR, { recursive: true, force: true });
		},
	};
}

async function openPage(
	browser: Browser,
	url: string,
	{ width = 1360, height = 900, path = "", onRequest = () => {} }: OpenOptions = {},
): Promise<Opened> {
	const context = await browser.newContext({ viewport: { width, height }, userAgent: USER_AGENT, reducedMotion: "reduce" });
	const page = await context.newPage();
	const complaints: string[] = [];
	page.on("console", (message) => {
		if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
	});
	page.on("pageerror", (error) => complaints.push(String(error)));
	page.on("request", (request) => onRequest(request.url()));
	page.on("response", (response) => {
		if (response.status() >= 500) complaints.push(`${response.url()} answered ${response.status()}`);
	});
	page.on("requestfailed", (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
	await page.goto(path ? new URL(path, url).href : url);
	// The admin's own pages have no frame.
	const app = (await (await page.$("#app-frame"))?.contentFrame()) ?? page.mainFrame();
	// A test that fails closes nothing; its page would go on asking.
	onTestFinished(() => context.close());
	onTestFailed(() => void process.stderr.write(`The page's complaints: ${JSON.stringify(complaints, null, "\t")}\n`));
	return { page, app, complaints, close: () => context.close() };
}

/** A picture of the page: under docs/ when they are asked for, else where nobody commits them. */
export function picturePath(name: string): string {
	const folder = fileURLToPath(new URL(process.env.LOCKSTEP_SCREENS ? "../../docs/screens/" : "../../test-results/", import.meta.url));
	mkdirSync(folder, { recursive: true });
	return `${folder}${name}.png`;
}

type Surroundings = { world: World; database: TestDatabase; gateway: AdminGateway; environment: Record<string, string>; port: number };

function startWeb(stage: Surroundings): ChildProcess {
	const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
	return spawn(process.execPath, ["--import", file("../../sandbox/preload.ts"), file("../../server/web.ts")], {
		stdio: ["ignore", "pipe", "inherit"],
		env: appEnvironment(stage),
	});
}

/** Of the stage's web process, and of a worker that a test starts beside it. */
export const appEnvironment = (stage: Surroundings): NodeJS.ProcessEnv => ({
	PATH: process.env.PATH ?? "",
	NODE_ENV: "test",
	PORT: String(stage.port),
	SHOPIFY_API_KEY: API_KEY,
	// As while a secret is being rotated: Shopify still signs with the old one.
	SHOPIFY_API_SECRET: NEXT_API_SECRET,
	SHOPIFY_API_SECRET_PREVIOUS: API_SECRET,
	SHOPIFY_APP_URL: PUBLIC_ORIGIN,
	APP_BRIDGE_URL: stage.gateway.appBridgeUrl(),
	LOCKSTEP_KEYS,
	LOCKSTEP_DATA_DIR: DATA_DIR,
	DATABASE_URL: stage.database.url,
	SANDBOX_UPSTREAMS: stage.world.upstreams(),
	...stage.environment,
});

/** The port that the process says it listens on; its log is one JSON object a line. */
function listeningPort(child: ChildProcess): Promise<number> {
	return new Promise((resolve, reject) => {
		const said: string[] = [];
		const timer = setTimeout(() => reject(new Error(`The app did not start in time:\n${said.join("\n")}`)), START_TIMEOUT_MS);
		child.once("exit", (code) => reject(new Error(`The app ended with ${code}:\n${said.join("\n")}`)));
		if (!child.stdout) return;
		createInterface(child.stdout).on("line", (line) => {
			said.push(line);
			const port = /"port":(\d+).*"event":"process\.started"/.exec(line)?.[1];
			if (!port) return;
			clearTimeout(timer);
			resolve(Number(port));
		});
	});
}
