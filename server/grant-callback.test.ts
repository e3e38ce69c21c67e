import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../tests/kit/database.ts";
import { quietDeps } from "../tests/kit/deps.ts";
import { send } from "../tests/kit/senders.ts";
import { createGrantCallback } from "./grant-callback.ts";
import { startWeb, type Web } from "./web.ts";

const PATH = "/connect/woocommerce/callback";
let db: TestDatabase;
let web: Web;
let dataDir: string;
let shopId: number;

beforeAll(async () => {
	db = await freshDatabase();
	dataDir = await mkdtemp(join(tmpdir(), "lockstep-grant-"));
	const deps: Deps = quietDeps(db.pool);
	shopId = (await db.pool.query("INSERT INTO shop (domain) VALUES ('a.myshopify.com') RETURNING id")).rows[0].id;
	web = await startWeb(deps, { port: 0, host: "127.0.0.1", dataDir, endpoints: { [PATH]: createGrantCallback(deps) } });
});
afterAll(async () => {
	await web?.close();
	await db?.drop();
	await rm(dataDir, { recursive: true, force: true });
});

const request = (nonce: string, expires = "1 hour") =>
	db.pool.query(
		`INSERT INTO connect_request (shop_id, nonce, user_id, channel, account, expires_at)
		 VALUES ($1, $2, 'u', 'woocommerce', 'store.example', now() + $3::interval)`,
		[shopId, nonce, expires],
	);
const grant = (nonce: string) => ({
	key_id: 1,
	user_id: nonce,
	consumer_key: "ck_0123456789abcdef0123456789abcdef01234567",
	consumer_secret: "cs_0123456789abcdef0123456789abcdef01234567",
	key_permissions: "read_write",
});
const post = async (body: unknown) =>
	(
		await send(web.port, {
			path: PATH,
			headers: { "content-type": "application/json" },
			body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
		})
	).status;
const kept = async (nonce: string) => (await db.pool.query("SELECT state, sealed FROM connect_request WHERE nonce = $1", [nonce])).rows[0];

test("R36 keys that were asked for are kept sealed, once", async () => {
	await request("nonce-1");
	expect(await post(grant("nonce-1"))).toBe(200);
	const first = await kept("nonce-1");
	expect(first.state).toBe("granted");
	expect(first.sealed).not.toMatch(/ck_|cs_/);
	expect(await post({ ...grant("nonce-1"), consumer_key: `ck_${"f".repeat(40)}` })).toBe(403);
	expect(await kept("nonce-1")).toEqual(first);
});

test("R01 keys that nobody asked for, or asked for too long ago, are refused", async () => {
	await request("nonce-2", "-1 minute");
	expect(await post(grant("nonce-2"))).toBe(403);
	expect(await post(grant("never-asked"))).toBe(403);
	expect(await kept("nonce-2")).toEqual({ state: "asked", sealed: null });
});

test("what is no grant at all is refused: other JSON, no JSON, too much, another method", async () => {
	expect(await post({})).toBe(403);
	expect(await post("<html>")).toBe(403);
	expect(await post("x".repeat(20_000))).toBe(413);
	expect((await send(web.port, { path: PATH, headers: {}, body: Buffer.alloc(0) }, { method: "GET" })).status).toBe(405);
});
