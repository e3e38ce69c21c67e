import { randomBytes } from "node:crypto";
import { Session } from "@shopify/shopify-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KeyRing } from "#app/crypto.server.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { createSessionStorage } from "./session-storage.ts";

/** What @shopify/shopify-app-session-storage-test-utils checks of a storage, and what ours promises beyond it. */
let database: TestDatabase;
const keyRing: KeyRing = [{ id: "k1", key: randomBytes(32) }];
const storage = (ring: KeyRing = keyRing) => createSessionStorage({ pool: database.pool, keyRing: ring });
const HOUR = 3_600_000;
const inMs = (ms: number) => new Date(Math.floor((Date.now() + ms) / 1000) * 1000);

beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

const offline = (more: Partial<ConstructorParameters<typeof Session>[0]> = {}) =>
	new Session({
		id: "offline_a.myshopify.com",
		shop: "a.myshopify.com",
		state: "",
		isOnline: false,
		scope: "read_products",
		accessToken: "shpat_1",
		...more,
	});

test.each([
	["without an expiry", {}],
	["with one", { expires: inMs(HOUR) }],
	["with an expiry that is null", { expires: null as unknown as Date }],
	["with an expiry that is undefined", { expires: undefined as unknown as Date }],
	["with a refresh token", { expires: inMs(HOUR), refreshToken: "shprt_1", refreshTokenExpires: inMs(90 * 24 * HOUR) }],
	["without any token", { accessToken: undefined as unknown as string }],
	["with scopes longer than 255 characters", { scope: "read_products,".repeat(30) }],
])("a session %s is stored, loaded equal, and deleted", async (_, more) => {
	const session = offline({ id: "test_session", ...more });
	expect(await storage().storeSession(session)).toBe(true);
	const loaded = await storage().loadSession("test_session");
	expect(session.equals(loaded)).toBe(true);
	expect(loaded?.isActive(undefined)).toBe(session.isActive(undefined));
	expect(await storage().deleteSession("test_session")).toBe(true);
	expect(await storage().loadSession("test_session")).toBeUndefined();
	expect(await storage().deleteSession("test_session")).toBe(true);
});

test("an online session keeps its user", async () => {
	const user = {
		id: 123,
		first_name: "A",
		last_name: "B",
		email: "a@b.example",
		account_owner: true,
		locale: "en",
		collaborator: false,
		email_verified: true,
	};
	const session = new Session({
		id: "online",
		shop: "a.myshopify.com",
		state: "",
		isOnline: true,
		onlineAccessInfo: { associated_user: user } as never,
	});
	await storage().storeSession(session);
	expect(session.equals(await storage().loadSession("online"))).toBe(true);
	await storage().deleteSession("online");
});

test("fields that the library does not know of survive", async () => {
	const session = offline({ id: "more" });
	(session as unknown as Record<string, unknown>).someField = "x";
	await storage().storeSession(session);
	expect(session.equals(await storage().loadSession("more"))).toBe(true);
	await storage().deleteSession("more");
});

test("R37 a shop's sessions are found and deleted, another shop's are not", async () => {
	const of = (id: string, shop: string) => offline({ id, shop });
	for (const [id, shop] of [
		["1", "one"],
		["2", "two"],
		["3", "one"],
	] as const)
		await storage().storeSession(of(id, `${shop}.myshopify.com`));
	expect((await storage().findSessionsByShop("one.myshopify.com")).map((s) => s.id)).toEqual(["1", "3"]);
	expect(await storage().findSessionsByShop("nobody.myshopify.com")).toEqual([]);
	expect(await storage().deleteSessions(["1", "3"])).toBe(true);
	expect(await storage().findSessionsByShop("one.myshopify.com")).toEqual([]);
	expect((await storage().findSessionsByShop("two.myshopify.com")).map((s) => s.id)).toEqual(["2"]);
	await storage().deleteSession("2");
});

test("an older pair never replaces a newer one, whichever arrives last", async () => {
	const older = offline({ accessToken: "old", expires: inMs(HOUR) });
	const newer = offline({ accessToken: "new", expires: inMs(HOUR + 2_000) });
	await storage().storeSession(newer);
	expect(await storage().storeSession(older)).toBe(true);
	expect((await storage().loadSession(older.id))?.accessToken).toBe("new");
	// One without an expiry cannot say that it is newer.
	await storage().storeSession(offline({ accessToken: "endless" }));
	expect((await storage().loadSession(older.id))?.accessToken).toBe("new");
	// The library blanks a token that Shopify refused: the same pair, changed.
	await storage().storeSession(offline({ accessToken: undefined as unknown as string, expires: newer.expires as Date, refreshToken: "r" }));
	expect(await storage().loadSession(older.id)).toMatchObject({ refreshToken: "r" });
	expect((await storage().loadSession(older.id))?.accessToken).toBeUndefined();
	await storage().deleteSession(older.id);
});

test("R36 nothing of a token, a user or a scope list's session stands in clear in the row", async () => {
	await storage().storeSession(offline({ accessToken: "shpat_SECRET", refreshToken: "shprt_SECRET", expires: inMs(HOUR) }));
	const { rows } = await database.pool.query("SELECT * FROM session");
	expect(rows).toHaveLength(1);
	expect(JSON.stringify(rows)).not.toContain("SECRET");
	await storage().deleteSession("offline_a.myshopify.com");
});

test("R36 after a key rotation old rows open, new ones are sealed with the new key; a lost key is as no session", async () => {
	await storage().storeSession(offline({ expires: inMs(HOUR) }));
	const rotated: KeyRing = [{ id: "k2", key: randomBytes(32) }, ...keyRing];
	expect((await storage(rotated).loadSession("offline_a.myshopify.com"))?.accessToken).toBe("shpat_1");
	await storage(rotated).storeSession(offline({ accessToken: "shpat_2", expires: inMs(2 * HOUR) }));
	expect((await storage(rotated).loadSession("offline_a.myshopify.com"))?.accessToken).toBe("shpat_2");
	expect(await storage().loadSession("offline_a.myshopify.com")).toBeUndefined();
	expect(await storage().findSessionsByShop("a.myshopify.com")).toEqual([]);
	await storage().deleteSession("offline_a.myshopify.com");
});

test("R37 a sealed session copied into another shop's row does not open", async () => {
	await storage().storeSession(offline({ expires: inMs(HOUR) }));
	await database.pool.query(
		`INSERT INTO session (id, shop_domain, is_online, sealed) SELECT 'stolen', 'b.myshopify.com', false, sealed FROM session`,
	);
	expect(await storage().loadSession("stolen")).toBeUndefined();
	await storage().deleteSessions(["stolen", "offline_a.myshopify.com"]);
});
