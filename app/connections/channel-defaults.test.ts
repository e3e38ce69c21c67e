import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { quietDeps } from "../../tests/kit/deps.ts";
import { type FilledShop, fillShop } from "../../tests/kit/fill-shop.ts";
import { readChannelDefaults, setChannelDefaults } from "./channel-defaults.ts";
import { saveConnection } from "./guests/save-connection.ts";

let db: TestDatabase;
let shop: FilledShop;
let other: FilledShop;
beforeAll(async () => {
	db = await freshDatabase();
	shop = await fillShop(db.pool, "defaults-1.myshopify.com", { listings: 1 });
	other = await fillShop(db.pool, "defaults-2.myshopify.com", { listings: 1 });
});
afterAll(() => db.drop());

const connect = async (account: string) => {
	const deps = quietDeps(db.pool);
	const made = { channel: "woocommerce", account, credentials: {}, settings: { account: {} }, actor: "1" };
	const outcome = await saveConnection(deps, shop.shopId, made);
	if (outcome.outcome !== "connected") throw new Error(outcome.reason);
	const { rows } = await db.pool.query<{ policy: unknown; locations: number[] }>(
		`SELECT policy, ARRAY(SELECT location_id::int FROM connection_location l WHERE l.shop_id = c.shop_id AND l.connection_id = c.id) AS locations
		   FROM connection c WHERE id = $1`,
		[outcome.connectionId],
	);
	return rows[0];
};

test("R12 R13 a new channel begins with the shop's defaults; those that are connected keep what they have", async () => {
	expect(await connect("one.example")).toEqual({ policy: { kind: "exact" }, locations: [] });
	const defaults = { policy: { kind: "buffer" as const, buffer: 2 }, locationIds: [shop.location] };
	expect(await setChannelDefaults(db.pool, shop.shopId, { defaults, actor: "1" })).toEqual({ outcome: "changed" });
	expect(await setChannelDefaults(db.pool, shop.shopId, { defaults, actor: "1" })).toEqual({ outcome: "unchanged" });
	expect(await connect("two.example")).toEqual({ policy: { kind: "buffer", buffer: 2 }, locations: [shop.location] });
	const { rows } = await db.pool.query("SELECT policy FROM connection WHERE shop_id = $1 AND account = 'one.example'", [shop.shopId]);
	expect(rows).toEqual([{ policy: { kind: "exact" } }]);
	const audit = await db.pool.query("SELECT before, after FROM audit WHERE shop_id = $1 AND action = 'defaults.changed'", [shop.shopId]);
	expect(audit.rows).toEqual([{ before: { policy: { kind: "exact" }, locationIds: [] }, after: defaults }]);
});

test("a location that Shopify has deactivated meanwhile feeds no new channel", async () => {
	await db.pool.query("UPDATE location SET active = false WHERE id = $1", [shop.location]);
	expect((await connect("three.example"))?.locations).toEqual([]);
});

test("R37 another shop's location is none, and its defaults are its own", async () => {
	const defaults = { policy: { kind: "exact" as const }, locationIds: [other.location] };
	expect(await setChannelDefaults(db.pool, shop.shopId, { defaults, actor: "1" })).toEqual({ outcome: "unknown" });
	expect(await readChannelDefaults(db.pool, other.shopId)).toEqual({ policy: { kind: "exact" }, locationIds: [] });
});
