import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	chooseLocations,
	connectGuest,
	goLive,
	linkListings,
	proposeMatching,
	readCatalogue,
	startWatching,
} from "#app/connections/guests/index.ts";
import { loadEnv } from "#app/env.server.ts";
import type { Deps } from "#connections";
import { installUpstreams } from "../../sandbox/preload.ts";
import { violationsOf } from "./accessibility.ts";
import { type JourneyWorld, openJourneyWorld } from "./journey-world.ts";
import { appEnvironment, chromiumPath, STAGE_TIMEOUT_MS } from "./stage.ts";

const APP = "/store/northwind-outdoor/apps/lockstep/app";
const SKU = "NW-0";
const SOON = { timeout: 60_000 };

describe.skipIf(!chromiumPath)("R11 an oversell as it happens, with a shop, a store and buyers on both", () => {
	let world: JourneyWorld;
	beforeAll(async () => {
		world = await openJourneyWorld();
	}, STAGE_TIMEOUT_MS);
	afterAll(() => world?.close());

	const query = async (sql: string) => (await world.stage.database.pool.query(sql)).rows;
	const shown = () => world.store.products().find(({ sku }) => sku === SKU)?.shown;
	const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
		for (const end = Date.now() + SOON.timeout; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100)))
			if (await isSo()) return;
		throw new Error(`It never came to this: ${what}`);
	};

	/** The store is live, fed by the main warehouse alone; a person does that on its pages (journey.test.ts). */
	async function connect() {
		const upstreams = installUpstreams(world.stage.world.upstreams());
		const env = loadEnv(appEnvironment({ ...world.stage, port: 0 }));
		const deps = {
			...{ pool: world.stage.database.pool, keyRing: env.keys, env, log: pino({ level: "silent" }), wake: async () => {} },
			publicUrl: env.appUrl,
		} satisfies Deps & { publicUrl: string };
		const [shop] = await query("SELECT id FROM shop");
		const [main] = await query("SELECT id FROM location WHERE name = 'Main warehouse'");
		const { consumerKey, consumerSecret } = world.store.addKey();
		const guest = { channel: "woocommerce", account: world.store.url, credentials: { consumerKey, consumerSecret }, actor: "test" };
		const connected = await connectGuest(deps, shop.id, guest);
		if (connected.outcome !== "connected") throw new Error(connected.reason);
		const place = [deps, shop.id, connected.connectionId] as const;
		await readCatalogue(...place);
		const { exact } = await proposeMatching(deps.pool, shop.id, connected.connectionId);
		await linkListings(...place, exact, "test");
		await startWatching(...place, "test");
		await chooseLocations(...place, { locationIds: [main.id], actor: "test" });
		const live = await goLive(...place, "test");
		if (live.outcome !== "changed") throw new Error(live.reason);
		await upstreams.restore();
	}

	test.each([
		["on a desktop", { width: 1280, height: 900 }],
		["on a phone", { width: 390, height: 844 }],
	])(
		"the store tells late of what it sold, Shopify sells the same: why is said, and the other location has it (%s)",
		async (name, size) => {
			const opened = await world.stage.open({ path: APP, ...size });
			const { page } = opened;
			if (name === "on a desktop") {
				await until("the products are read", async () => (await query("SELECT FROM shop WHERE import_state = 'done'")).length === 1);
				await connect();
			}
			const main = world.stage.shop.location("Main warehouse")?.id ?? 0;
			const harbour = world.stage.shop.location("Harbour store")?.id ?? 0;
			const level = (place: number) => world.stage.shop.level(SKU, place)?.available ?? 0;
			const before = level(harbour);
			world.stage.shop.editStock({ sku: SKU, locationId: main, set: 1 });
			await until("the store shows the last one", () => shown() === 1);
			world.stage.world.faults.onWebhooks(world.store.channel, "late", 1, { kind: "late", delayMs: 6_000 });
			const product = world.store.products().find(({ sku }) => sku === SKU);
			const bought = await world.store.checkout({ lines: [{ productId: product?.productId ?? 0, quantity: 1 }] });
			expect(bought.outcome).not.toBe("refused");
			await new Promise((resolve) => setTimeout(resolve, 3_500));
			world.stage.shop.checkout({ lines: [{ sku: SKU, quantity: 1 }], via: "pos", locationId: main });
			await until("it is owed", async () => (await query("SELECT FROM oversell WHERE state = 'open'")).length === 1);
			world.stage.world.faults.clear(world.store.channel);
			await page.goto(new URL(`${APP}/oversells?state=waiting`, world.stage.gateway.url()).href);
			const frame = page.frameLocator("#app-frame");
			await frame.getByRole("link", { name: /^#/ }).first().click();
			await frame.getByTestId("reason").getByText("told of its sale late").waitFor(SOON);
			await frame.getByRole("button", { name: "Take 1 from Harbour store" }).click();
			await frame.getByText("Nothing is owed to this order any more").waitFor(SOON);
			// By Shopify's own books: the warehouse owes nothing, and the other location has one less.
			await until("Shopify has both", () => level(main) === 0 && level(harbour) === before - 1);
			expect(shown()).toBe(0);
			const inner = await (await page.waitForSelector("#app-frame")).contentFrame();
			if (inner) expect(await violationsOf(inner)).toEqual([]);
			await opened.close();
		},
		240_000,
	);
});
