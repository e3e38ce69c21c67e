import { expect, test } from "vitest";
import { appSettingName, EnvironmentError, loadEnv } from "#app/env.server.ts";
import type { Channel } from "#channels";
import { enlist } from "./channels/registry.ts";

const key = Buffer.alloc(32, 7).toString("base64");
const good = {
	SHOPIFY_API_KEY: "api-key",
	SHOPIFY_API_SECRET: "secret",
	SHOPIFY_APP_URL: "https://lockstep.example.com/",
	LOCKSTEP_KEYS: `2026:${key},2025:${Buffer.alloc(32, 8).toString("base64")}`,
};

const problemsOf = (source: Record<string, string | undefined>): string[] => {
	try {
		loadEnv(source);
	} catch (error) {
		if (error instanceof EnvironmentError) return error.problems;
		throw error;
	}
	return [];
};

test("a small environment is enough, and what is not set has its default", () => {
	const env = loadEnv({ ...good, REDIS_URL: "", DATABASE_URL: "  " });
	expect(env).toMatchObject({
		mode: "development",
		host: "127.0.0.1",
		port: 4000,
		dataDir: ".lockstep",
		appUrl: "https://lockstep.example.com",
	});
	expect(env.databaseUrl).toBeUndefined();
	expect(env.redisUrl).toBeUndefined();
	expect(env.keys.map(({ id }) => id)).toEqual(["2026", "2025"]);
});

test("R01 while Shopify's secret rotates, the one before it is accepted too", () => {
	expect(loadEnv(good).shopifyApiSecrets).toEqual(["secret"]);
	expect(loadEnv({ ...good, SHOPIFY_API_SECRET_PREVIOUS: "old" }).shopifyApiSecrets).toEqual(["secret", "old"]);
});

test("everything that is wrong is said at once, in sentences", () => {
	expect(problemsOf({ PORT: "http", SHOPIFY_APP_URL: "lockstep", LOCKSTEP_KEYS: "2026:short", REDIS_URL: "localhost" })).toEqual([
		"PORT must be a whole number.",
		"SHOPIFY_API_KEY is missing.",
		"SHOPIFY_API_SECRET is missing.",
		"SHOPIFY_APP_URL must be a URL such as https://lockstep.example.com.",
		"LOCKSTEP_KEYS must be id:key pairs separated by commas, each key 32 bytes in base64 (openssl rand -base64 32); entry 1 is not.",
		"REDIS_URL must be a URL such as redis://host:6379.",
	]);
});

test("R30 a key that was given without its id does not end up in the message", () => {
	expect(problemsOf({ ...good, LOCKSTEP_KEYS: key }).join()).not.toContain(key.slice(0, 8));
});

test("the sandbox's ways in are refused in production", () => {
	const production = { ...good, NODE_ENV: "production", HOST: "0.0.0.0" };
	expect(problemsOf(production)).toEqual([]);
	expect(
		problemsOf({ ...production, APP_BRIDGE_URL: "http://127.0.0.1/bridge.js", SANDBOX_UPSTREAMS: "a=b", SHOPIFY_APP_URL: "http://x" }),
	).toHaveLength(3);
	expect(problemsOf({ ...good, HOST: "0.0.0.0" })).toHaveLength(1);
});

test("several processes need a database that is not embedded in one of them", () => {
	expect(problemsOf({ ...good, WORKER_PROCESSES: "2" })).toHaveLength(1);
	expect(problemsOf({ ...good, WORKER_PROCESSES: "2", DATABASE_URL: "postgres://u:p@db/lockstep" })).toEqual([]);
});

test("R38 what the operator registers with a channel is taken whole or not at all, and all that is missing is named at once", () => {
	enlist({
		id: "corner-shop",
		name: "Corner shop",
		appSettings: [
			{ key: "applicationId", secret: false, help: "" },
			{ key: "lwaClientSecret", secret: true, help: "" },
			{ key: "queueUrlEU", secret: false, help: "", optional: true },
		],
	} as unknown as Channel);
	expect(appSettingName("corner-shop", "queueUrlEU")).toBe("CORNER_SHOP_QUEUE_URL_EU");
	expect(loadEnv(good).appSettings).toEqual({});
	const whole = { ...good, CORNER_SHOP_APPLICATION_ID: " app-1 ", CORNER_SHOP_LWA_CLIENT_SECRET: "s" };
	expect(loadEnv(whole).appSettings).toEqual({ "corner-shop": { applicationId: "app-1", lwaClientSecret: "s" } });
	expect(loadEnv({ ...whole, CORNER_SHOP_QUEUE_URL_EU: "q" }).appSettings["corner-shop"]).toHaveProperty("queueUrlEU", "q");
	expect(problemsOf({ ...good, CORNER_SHOP_QUEUE_URL_EU: "q", CORNER_SHOP_APPLICATION_ID: "", SHOPIFY_API_KEY: undefined })).toEqual([
		"SHOPIFY_API_KEY is missing.",
		"CORNER_SHOP_APPLICATION_ID is missing: Corner shop is set up halfway (CORNER_SHOP_QUEUE_URL_EU).",
		"CORNER_SHOP_LWA_CLIENT_SECRET is missing: Corner shop is set up halfway (CORNER_SHOP_QUEUE_URL_EU).",
	]);
});
