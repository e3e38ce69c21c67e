import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FilledShop, fillShop, sell } from "../kit/fill-shop.ts";
import { chromiumPath, openStage, picturePath, SESSION_TOKEN_SECONDS, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PERSON = "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";
const STAFF = "548380009";
const COLLEAGUE = "548380010";
const ROOT = "/store/northwind-outdoor/apps/lockstep";

describe.skipIf(!chromiumPath)("R40 rights and R37 isolation of the pages", () => {
	let stage: Stage;
	let shop: FilledShop;
	let other: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const one = async (sql: string, values: unknown[] = []) => (await query(sql, values)).rows[0] as Record<string, unknown>;
	const allow = (userId: string, granted: string) =>
		query("UPDATE member SET granted = $3 WHERE shop_id = $1 AND user_id = $2", [shop.shopId, userId, granted]);
	const headers = () => ({
		authorization: `Bearer ${stage.shopify.mintSessionToken({ shop: SHOP, userId: STAFF, seconds: SESSION_TOKEN_SECONDS })}`,
		"user-agent": PERSON,
	});
	const get = (path: string) => fetch(new URL(path, stage.appOrigin()), { headers: headers() });
	const post = (path: string, body: unknown) =>
		fetch(new URL(path, stage.appOrigin()), {
			method: "POST",
			headers: { ...headers(), ...(body instanceof URLSearchParams ? {} : { "content-type": "application/json" }) },
			body: body instanceof URLSearchParams ? body : JSON.stringify(body),
		});
	/** Everything that a press could change, of both shops. */
	const everything = async () =>
		(
			await one(`SELECT md5(concat(
				(SELECT string_agg(l::text, '|' ORDER BY id) FROM listing l), (SELECT string_agg(c::text, '|' ORDER BY id) FROM connection c),
				(SELECT string_agg(cl::text, '|' ORDER BY cl::text) FROM connection_location cl),
				(SELECT string_agg(b::text, '|' ORDER BY b::text) FROM bundle_component b), (SELECT string_agg(s.settings::text, '|' ORDER BY id) FROM shop s),
				(SELECT string_agg(a.id::text || a.action, '|' ORDER BY id) FROM audit a), (SELECT string_agg(v::text, '|' ORDER BY id) FROM saved_view v),
				(SELECT string_agg(user_id || granted || coalesce(name, ''), '|' ORDER BY shop_id, user_id) FROM member))) AS sum`)
		).sum;
	const listingOf = async (of: FilledShop, n: number) =>
		Number((await one("SELECT id FROM listing WHERE shop_id = $1 AND item_id = $2", [of.shopId, of.items[n]])).id);

	/** Every action of these pages, with ids of the given shop. */
	const presses = async (of: FilledShop): Promise<[path: string, body: unknown][]> => {
		const listingId = await listingOf(of, 0);
		const item = String(of.items[0]);
		const entry = await one(
			`INSERT INTO audit (shop_id, actor, action, subject, before, after) VALUES ($1, 'x', 'listings.paused', $2, $3, $3) RETURNING id`,
			[of.shopId, String(of.woocommerce), JSON.stringify({ listingIds: [listingId] })],
		);
		const view = await one(`INSERT INTO saved_view (shop_id, page, name, query) VALUES ($1, 'stock', $2, '') RETURNING id`, [
			of.shopId,
			`v${Math.random()}`,
		]);
		return [
			["/app/stock?index", new URLSearchParams({ intent: "pause", item })],
			["/app/stock?index", new URLSearchParams({ intent: "resume", item })],
			["/app/stock?index", new URLSearchParams({ intent: "pause", item, channel: String(of.woocommerce) })],
			["/app/stock?index", new URLSearchParams({ intent: "delete-view", id: String(view.id) })],
			["/app/stock/edit", { rules: [{ listingId, policy: { kind: "fixed", fixed: 0 } }], pauses: [] }],
			["/app/stock/edit", { rules: [], pauses: [{ listingId, paused: true }] }],
			[`/app/items/${item}`, { intent: "save", rules: [{ listingId, policy: null }], made: null }],
			[`/app/items/${item}`, { intent: "save", rules: [], made: { parts: [{ itemId: of.items[1], quantity: 2 }], was: [] } }],
			[`/app/items/${item}`, { intent: "save", rules: [{ listingId, policy: { kind: "buffer", buffer: 9 } }], made: null }],
			[`/app/items/${item}`, { intent: "save", rules: [], made: null, links: [{ listingId, was: Number(item), to: null }] }],
			[`/app/items/${item}`, { intent: "save", rules: [], made: null, links: [{ listingId, was: null, to: Number(item) }] }],
			[`/app/items/${item}`, { intent: "pause", listingIds: [listingId], paused: true }],
			["/app/activity", new URLSearchParams({ entry: String(entry.id) })],
			["/app/settings", { defaults: { policy: { kind: "buffer", buffer: 3 }, locationIds: [of.location] } }],
			["/app/settings", { people: [{ userId: of === shop ? STAFF : "stranger", right: "approve" }] }],
			["/app/settings", { people: [{ userId: of === shop ? COLLEAGUE : "stranger", name: "Renamed" }] }],
		];
	};
	const ownPresses: [string, unknown][] = [
		["/app/stock?index", new URLSearchParams({ intent: "save-view", name: "Mine", query: "" })],
		["/app/settings", { newcomers: "approve" }],
	];

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 4 });
		other = await fillShop(stage.database.pool, "somebody-else.myshopify.com", { listings: 4 });
		await sell(stage.database.pool, other, { connection: other.woocommerce, order: "777", item: other.items[0] ?? 0, units: 1 });
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());
	beforeEach(() => allow(STAFF, "approve"));

	test("the first visit writes its visitor down as the one who may approve", async () => {
		const { app, close } = await stage.open();
		await app.getByTestId("verdict").waitFor();
		await close();
		expect((await one("SELECT granted FROM member WHERE shop_id = $1 AND user_id = $2", [shop.shopId, STAFF])).granted).toBe("approve");
		await query("INSERT INTO member (shop_id, user_id, granted, installation) VALUES ($1, $2, 'approve', 1), ($3, 'stranger', 'look', 1)", [
			shop.shopId,
			COLLEAGUE,
			other.shopId,
		]);
	});

	test("R40 a person who may look changes nothing: every action is refused, in words", async () => {
		await allow(STAFF, "look");
		const all = [...(await presses(shop)), ...ownPresses];
		const before = await everything();
		for (const [path, body] of all) {
			const answer = await post(path, body);
			expect([path, String(body), answer.status]).toEqual([path, String(body), 403]);
		}
		expect(await everything()).toBe(before);
	});

	test("R40 who may operate changes rules and pauses, and no settings, rights or names", async () => {
		await allow(STAFF, "operate");
		for (const [path, body] of [...(await presses(shop)), ...ownPresses]) {
			const answer = await post(path, body);
			expect([path, answer.status]).toEqual([path, path === "/app/settings" ? 403 : 200]);
		}
		const { policy, paused } = await one("SELECT policy, paused FROM listing WHERE id = $1", [await listingOf(shop, 0)]);
		expect({ policy, paused }).toEqual({ policy: { kind: "buffer", buffer: 9 }, paused: false });
		expect((await one("SELECT settings FROM shop WHERE id = $1", [shop.shopId])).settings).toEqual({});
	});

	test("R37 with another shop's ids every action finds nothing, and changes neither shop", async () => {
		const all = await presses(other);
		const before = await everything();
		for (const [path, body] of all) expect([path, (await post(path, body)).status]).not.toEqual([path, 500]);
		expect(await everything()).toBe(before);
	});

	test("R37 with another shop's ids every page finds nothing", async () => {
		for (const path of [`/app/items/${other.items[0]}`, `/app/orders/${other.woocommerce}/777`, `/app/orders/${shop.woocommerce}/777`]) {
			expect([path, (await get(path)).status]).toEqual([path, 404]);
		}
		for (const path of [
			`/app/stock?channel=${other.woocommerce}`,
			"/app/orders?q=777",
			`/app/orders?channel=${other.woocommerce}`,
			`/app/stock/edit?item=${other.items[0]}`,
			"/app/activity?person=x",
		]) {
			const page = await get(path);
			const html = await page.text();
			expect([path, page.status, html.includes(`/app/items/${other.items[0]}"`), html.includes("#777")]).toEqual([path, 200, false, false]);
		}
		const csv = await (await get(`/app/stock/csv?channel=${other.woocommerce}`)).text();
		expect(csv.trim().split("\r\n")).toHaveLength(1);
	});

	test("what cannot be meant is refused and changes nothing: wrong ids, wrong figures, no JSON", async () => {
		const before = await everything();
		for (const [path, body] of [
			["/app/stock?index", new URLSearchParams({ intent: "pause", item: "nonsense" })],
			["/app/stock?index", new URLSearchParams({ intent: "explode" })],
			["/app/stock/edit", { rules: [{ listingId: 1, policy: { kind: "buffer", buffer: -5 } }], pauses: [] }],
			["/app/items/1", "nonsense"],
			["/app/activity", new URLSearchParams({ entry: "1e99" })],
			["/app/settings", { people: [{ userId: STAFF, right: "owner" }] }],
		] as [string, unknown][]) {
			expect([path, (await post(path, body)).status]).toEqual([path, 200]);
		}
		expect(await everything()).toBe(before);
	});

	test("R40 a page that needs another right says which, and who can give it", async () => {
		await allow(STAFF, "look");
		await query("UPDATE member SET name = 'Robin Okafor' WHERE shop_id = $1 AND user_id = $2", [shop.shopId, COLLEAGUE]);
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/stock/edit?item=${shop.items[0]}` });
		await app.getByText("You need another right for this page").waitFor();
		await app.getByText("Robin Okafor can give it to you").waitFor();
		await page.screenshot({ path: picturePath("no-right") });
		await close();
	});

	test("R40 who may look is offered nothing to press", async () => {
		await allow(STAFF, "look");
		const { app, close } = await stage.open({ path: `${ROOT}/app/items/${shop.items[0]}` });
		await app.getByText("On the sales channels").waitFor();
		expect(await app.getByRole("button", { name: /Edit rule|Pause|Resume/ }).count()).toBe(0);
		await close();
		const list = await stage.open({ path: `${ROOT}/app/stock` });
		await list.app.getByRole("row").filter({ hasText: "NW-0001" }).waitFor();
		expect(await list.app.getByRole("checkbox").count()).toBe(0);
		await list.close();
	});
});
