import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { accessSync, mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Frame, type Page } from "playwright-core";
import { REQUIRED_SCOPES } from "#app/channels/shopify/version.ts";
import { type AdminGateway, type AdminShop, createAdminGateway } from "../../sandbox/admin/index.ts";
import { createWorld, type World } from "../../sandbox/world.ts";
import { buildApp } from "../../scripts/build.ts";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";

export const SHOP = "northwind-outdoor.myshopify.com";
export const PUBLIC_ORIGIN = "https://lockstep.example";
const API_KEY = "0123456789abcdef0123456789abcdef";
const API_SECRET = "shpss_0123456789";
const START_TIMEOUT_MS = 20_000;
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
	database: TestDatabase;
	shop: TestShop;
	/** Token exchanges that Shopify has seen. */
	exchanges: () => number;
	/** The next tokens that the admin hands out are as old as this. */
	tokenAgeMs: (ms: number) => void;
	/** Where the app itself listens, without the gateway in between. */
	appOrigin: () => string;
	stopApp: () => Promise<void>;
	startApp: () => Promise<void>;
	open(options?: { width?: number; height?: number; path?: string }): Promise<Opened>;
	close(): Promise<void>;
};
/** A page with the app in it, and everything that was said to its console or went wrong. */
export type Opened = { page: Page; app: Frame; complaints: string[]; close(): Promise<void> };

/** The simulated admin, the real pages on a real database, and a real browser. */
export async function openStage(): Promise<Stage> {
	await buildApp();
	const database = await freshDatabase();
	const world = createWorld({ seed: 7 });
	let exchanges = 0;
	let tokenAgeMs = 0;
	world.serve(SHOP, (request, response, url) => {
		if (url.pathname !== "/admin/oauth/access_token") return void response.writeHead(404).end();
		request.resume();
		exchanges++;
		const tokens = { access_token: `shpat_${randomUUID()}`, refresh_token: `shprt_${randomUUID()}`, scope: REQUIRED_SCOPES.join(",") };
		response.writeHead(200, { "content-type": "application/json" });
		response.end(JSON.stringify({ ...tokens, expires_in: 3600, refresh_token_expires_in: 7_776_000 }));
	});
	const shop = createTestShop(world);
	let appPort = 0;
	const gateway = createAdminGateway(world, {
		shop,
		mintSessionToken: ({ shop: domain, userId }) => mintSessionToken(domain, userId, Date.now() - tokenAgeMs),
		appPublicOrigin: PUBLIC_ORIGIN,
		appLocalOrigin: () => `http://127.0.0.1:${appPort}`,
		channels: [
			{ id: "shopify", name: "Shopify" },
			{ id: "woocommerce", name: "WooCommerce" },
		],
		breakages: [
			{ id: "worker", group: "Lockstep", label: "Kill the worker", explanation: "It starts again by itself.", press: () => "Killed" },
		],
	});
	await world.listen();

	let child: ChildProcess | undefined;
	const startApp = async () => {
		child = startPages({ world, database, gateway, port: appPort });
		appPort = await firstLine(child);
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
		database,
		shop,
		exchanges: () => exchanges,
		tokenAgeMs: (ms) => {
			tokenAgeMs = ms;
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
		},
	};
}

async function openPage(
	browser: Browser,
	url: string,
	{ width = 1360, height = 900, path = "" }: { width?: number; height?: number; path?: string } = {},
): Promise<Opened> {
	const context = await browser.newContext({ viewport: { width, height }, userAgent: USER_AGENT, reducedMotion: "reduce" });
	const page = await context.newPage();
	const complaints: string[] = [];
	page.on("console", (message) => {
		if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
	});
	page.on("pageerror", (error) => complaints.push(String(error)));
	page.on("requestfailed", (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
	await page.goto(path ? new URL(path, url).href : url);
	// The admin's own pages have no frame.
	const app = (await (await page.$("#app-frame"))?.contentFrame()) ?? page.mainFrame();
	return { page, app, complaints, close: () => context.close() };
}

/** A picture of the page: under docs/ when they are asked for, else where nobody commits them. */
export function picturePath(name: string): string {
	const folder = fileURLToPath(new URL(process.env.LOCKSTEP_SCREENS ? "../../docs/screens/" : "../../test-results/", import.meta.url));
	mkdirSync(folder, { recursive: true });
	return `${folder}${name}.png`;
}

/** Shopify's session token (HS256), as its documentation lists the claims. */
export function mintSessionToken(shop: string, userId: string, atMs: number): string {
	const at = Math.floor(atMs / 1000);
	const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const claims = { iss: `https://${shop}/admin`, dest: `https://${shop}`, aud: API_KEY, sub: userId, exp: at + 60, nbf: at, iat: at };
	const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ ...claims, jti: randomUUID(), sid: randomUUID() })}`;
	return `${text}.${createHmac("sha256", API_SECRET).update(text).digest("base64url")}`;
}

function startPages(stage: { world: World; database: TestDatabase; gateway: AdminGateway; port: number }): ChildProcess {
	const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
	return spawn(process.execPath, ["--import", file("../../sandbox/preload.ts"), file("./pages-process.ts")], {
		stdio: ["ignore", "pipe", "inherit"],
		env: {
			PATH: process.env.PATH ?? "",
			NODE_ENV: "test",
			PORT: String(stage.port),
			LOG_LEVEL: "silent",
			SHOPIFY_API_KEY: API_KEY,
			SHOPIFY_API_SECRET: API_SECRET,
			SHOPIFY_APP_URL: PUBLIC_ORIGIN,
			APP_BRIDGE_URL: stage.gateway.appBridgeUrl(),
			LOCKSTEP_KEYS: `test:${randomBytes(32).toString("base64")}`,
			DATABASE_URL: stage.database.url,
			SANDBOX_UPSTREAMS: stage.world.upstreams(),
		},
	});
}

function firstLine(child: ChildProcess): Promise<number> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new Error("The app's pages did not start in time")), START_TIMEOUT_MS);
		child.once("exit", (code) => reject(new Error(`The app's pages ended with ${code}`)));
		if (child.stdout) {
			createInterface(child.stdout).once("line", (line) => {
				clearTimeout(timer);
				resolve(Number(line));
			});
		}
	});
}

type TestShop = AdminShop & { edits: { sku: string; locationId: string; available: number }[] };

/** Enough of a shop for the admin's own pages: two locations, a few goods, one of them a bundle. */
function createTestShop({ books, clock }: World): TestShop {
	const variants = ["Trail jacket", "Enamel mug", "Wool socks"].map((title, n) => ({
		id: String(n),
		sku: `NW-${n}`,
		title,
		bundle: n === 2,
		available: { a: 5 + n, b: 2 } as Record<string, number>,
	}));
	const orders: ReturnType<AdminShop["orders"]>[number][] = [];
	const edits: TestShop["edits"] = [];
	const find = (id: string) => {
		const variant = variants.find((one) => one.id === id);
		if (!variant) throw new Error("No such product");
		return variant;
	};
	return {
		name: "Northwind Outdoor",
		domain: SHOP,
		edits,
		locations: () => [
			{ id: "a", name: "Main warehouse" },
			{ id: "b", name: "Harbour store" },
		],
		variants: () => variants,
		setAvailable({ variantId, locationId, available }) {
			const { sku, available: figures } = find(variantId);
			figures[locationId] = available;
			edits.push({ sku, locationId, available });
		},
		orders: (limit) => orders.slice(0, limit),
		placeOrder({ variantId, quantity }) {
			const { sku, title } = find(variantId);
			const name = `#${1001 + orders.length}`;
			orders.unshift({ name, at: clock.now(), source: "Online Store", cancelled: false, lines: [{ sku, title, quantity }] });
			books.sold({ channel: "shopify", orderId: name, sku, units: quantity });
			return { name };
		},
	};
}
