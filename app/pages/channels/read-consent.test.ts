import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { type FilledShop, fillShop } from "../../../tests/kit/fill-shop.ts";
import { readConsent } from "./read-consent.ts";
import { readRenewalForm } from "./read-renewal.ts";

let database: TestDatabase;
let shop: FilledShop;
let other: FilledShop;
let amazon: number;
const NOW = Date.parse("2026-05-10T12:00:00Z");
beforeAll(async () => {
	database = await freshDatabase();
	shop = await fillShop(database.pool, "consents.myshopify.com", { listings: 1 });
	other = await fillShop(database.pool, "others.myshopify.com", { listings: 1 });
	const { rows } = await database.pool.query<{ id: number }>(
		`INSERT INTO connection (shop_id, channel, account, name, state, webhook_token, consented_at, settings)
		 VALUES ($1, 'amazon', 'A2NORTHWIND0001', 'A2NORTHWIND0001', 'live', 't', '2026-05-03T09:00:00Z', '{"chosen":{"region":"NA-US"}}') RETURNING id`,
		[shop.shopId],
	);
	amazon = Number(rows[0]?.id);
});
afterAll(() => database.drop());

const read = (now: number) => readConsent(database.pool, shop.shopId, amazon, now);
const DAY_MS = 86_400_000;

test("R31 a consent's end is known all year, told a month ahead, and told when it is over", async () => {
	const endsAt = "2027-05-03T09:00:00.000Z";
	const fresh = { endsAt, isEnding: false, hasEnded: false, isRefused: false };
	expect(await read(NOW)).toEqual(fresh);
	expect(await read(Date.parse(endsAt) - 29 * DAY_MS)).toEqual({ ...fresh, isEnding: true });
	expect(await read(Date.parse(endsAt) + 1)).toEqual({ ...fresh, isEnding: true, hasEnded: true });
});

test("R31 a refused access is the owner's to renew; this server's own registration is not", async () => {
	const problem = (text: string | null) => database.pool.query("UPDATE connection SET access_problem = $2 WHERE id = $1", [amazon, text]);
	await problem("Amazon no longer accepts Lockstep's access to this account. Renew the connection to agree again.");
	expect(await read(NOW)).toMatchObject({ isRefused: true });
	await problem(
		"Amazon does not accept this server's own registration; its secret may have expired. Whoever runs Lockstep has to renew it.",
	);
	expect(await read(NOW)).toMatchObject({ isRefused: false });
	await problem(null);
});

test("R37 keys are typed in again, a consent is agreed to again, and another shop's channel is nobody's", async () => {
	const deps = { env: { appSettings: {} } } as unknown as Parameters<typeof readRenewalForm>[1];
	const form = (shopId: number, connectionId: number) => readRenewalForm(database.pool, deps, shopId, connectionId);
	expect(await form(shop.shopId, shop.woocommerce)).toMatchObject({
		way: "keys",
		kind: "WooCommerce",
		fields: [{ key: "consumerKey" }, { key: "consumerSecret" }],
		hasOneClick: true,
	});
	expect(await form(shop.shopId, shop.shopify)).toBeNull();
	expect(await form(other.shopId, shop.woocommerce)).toBeNull();
	expect(await form(other.shopId, amazon)).toBeNull();
	expect(await form(shop.shopId, amazon)).toMatchObject({
		way: "consent",
		kind: "Amazon",
		name: "Amazon",
		account: "A2NORTHWIND0001",
		choices: [],
		isAvailable: false,
	});
	// Brought in by the operator: nobody chose where it signs in.
	await database.pool.query("UPDATE connection SET settings = '{}' WHERE id = $1", [amazon]);
	const choosing = await form(shop.shopId, amazon);
	expect(choosing?.way === "consent" && choosing.choices.map(({ key }) => key)).toEqual(["region"]);
});
