import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readActivity } from "#app/pages/activity/read-activity.ts";
import type { Right } from "#app/rights/index.ts";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { drain } from "../../tests/kit/delivery.ts";
import { quietDeps } from "../../tests/kit/deps.ts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { at, expectCoherentState, makeShop, order, put, reading, type ShopOptions, type TestShop } from "../../tests/kit/shop.ts";
import { decideChanges, keepFormer, readChangeSet, readOpenSets, refuseRules, saveGuards } from "./index.ts";

let db: TestDatabase;
let deps: Deps;
beforeAll(async () => {
	db = await freshDatabase();
	deps = quietDeps(db.pool);
});
afterAll(() => db.drop());

/** Three units are on sale everywhere, and person 7 may approve. */
async function open(options: ShopOptions & { zero?: number } = {}): Promise<TestShop> {
	const shop = await makeShop(db.pool, { opening: 3, ...options });
	await drainAll(shop);
	await db.pool.query(
		"INSERT INTO member (shop_id, user_id, granted, installation) VALUES ($1, '7', 'approve', 1), ($1, '8', 'operate', 1)",
		[shop.shopId],
	);
	if (options.zero !== undefined)
		await saveGuards(db.pool, shop.shopId, { guards: { zero: { products: options.zero, percent: 100 }, raise: null }, actor: "7" });
	return shop;
}
const drainAll = async (shop: TestShop) => {
	while ((await db.pool.query("SELECT FROM inbox_event WHERE shop_id = $1 AND status = 'pending' LIMIT 1", [shop.shopId])).rowCount !== 0)
		await drain(db.pool, shop);
};
const rows = async (shop: TestShop, sql: string) => (await db.pool.query(sql, [shop.shopId])).rows;
/** "5 show 3": how many listings must show what. */
const figures = async (shop: TestShop) =>
	(await rows(shop, "SELECT desired, count(*)::int AS n FROM listing WHERE shop_id = $1 GROUP BY 1 ORDER BY 1")).map(
		({ desired, n }) => `${n} show ${desired}`,
	);
const set = async (shop: TestShop) => (await readOpenSets(db.pool, shop.shopId))[0];
const feed = (shop: TestShop, items: readonly number[], quantity = 0, time = "11:00:00") =>
	put(
		db.pool,
		shop,
		items.map((n) => reading(n, quantity, at(time))),
		{ connection: "home" },
	);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
const approve = (shop: TestShop, over: Partial<Parameters<typeof decideChanges>[2]> & { pool?: Deps["pool"] } = {}) => {
	const { pool = db.pool, ...word } = over;
	return decideChanges({ ...deps, pool }, shop.shopId, { setId: 0, choice: "all", verdict: "approve", actor: "7", ...word });
};
const approveAll = async (shop: TestShop) => {
	const decided = await approve(shop, { setId: (await set(shop))?.id ?? 0 });
	await drainAll(shop);
	return decided;
};

describe("R40 a mass change in Shopify waits for approval", () => {
	test("R16 R40 10,000 zeros in batches of 100 do not pass: at most the limit goes out, and approved all do, once", async () => {
		const shop = await open({ items: 10_000 });
		// By a hand that is slower than the drain, each alone: none of these is many.
		for (let start = 0; start < 100; start += 20) {
			await feed(shop, range(start, start + 20));
			await drainAll(shop);
		}
		expect(await figures(shop)).toEqual(["50 show 0", "9950 show 3"]);
		for (let start = 100; start < 10_000; start += 100) {
			await feed(shop, range(start, start + 100));
			// The first are applied batch by batch, by two at once; the others together, when they have piled up.
			if (start < 1_000) await Promise.all([drainAll(shop), drainAll(shop)]);
		}
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["50 show 0", "9950 show 3"]);
		const standing = await set(shop);
		expect(standing).toMatchObject({ kind: "zero", allowed: 50, passed: 50, waiting: 9_950, deciding: 0 });
		await expectCoherentState(db.pool, shop.shopId);

		const presses = await Promise.all([approve(shop, { setId: standing?.id ?? 0 }), approve(shop, { setId: standing?.id ?? 0 })]);
		expect(presses).toEqual(expect.arrayContaining([{ outcome: "decided", products: 9_950 }, { outcome: "nothing" }]));
		expect(await set(shop)).toMatchObject({ waiting: 0, deciding: 9_950 });
		await Promise.all([drainAll(shop), drainAll(shop)]);
		expect(await figures(shop)).toEqual(["10000 show 0"]);
		expect(await set(shop)).toBeUndefined();
		expect(await readChangeSet(db.pool, shop.shopId, standing?.id ?? 0)).toMatchObject({ approved: 9_950, passed: 50, waiting: 0 });
		expect(await rows(shop, "SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action = 'changes.approved'")).toEqual([{ n: 1 }]);
		// It was meant: what the same hand does next is counted from nothing.
		await feed(shop, [0], 5, "11:10:00");
		await feed(shop, [0], 0, "11:11:00");
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["10000 show 0"]);
		await expectCoherentState(db.pool, shop.shopId);
	}, 240_000);

	test("R40 a shop of five products that sells out, or is emptied by hand, is asked nothing", async () => {
		const shop = await open({ items: 5 });
		await feed(shop, range(0, 5));
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["5 show 0"]);
		expect(await set(shop)).toBeUndefined();
		const sold = await open({ items: 200 });
		await put(
			db.pool,
			sold,
			range(0, 200).map((n) => order(`o${n}`, [{ item: n, held: 3 }])),
		);
		// Shopify's own sales: the figure comes first, its order a moment later.
		await drainAll(sold);
		expect(await figures(sold)).toEqual(["200 show 0"]);
		expect(await set(sold)).toBeUndefined();
	});

	test("R40 home sells out forty products, figure first and order after: sales count towards nothing", async () => {
		const shop = await open({ items: 60, zero: 10 });
		for (const n of range(0, 40)) {
			await feed(shop, [n], 0, "11:00:05");
			const homeOrder = order(`h${n}`, [{ item: n, held: 3, external: `variant:${n}` }], { created: at("11:00:05") });
			await put(db.pool, shop, [homeOrder], { connection: "home" });
			await drainAll(shop);
		}
		expect(await figures(shop)).toEqual(["40 show 0", "20 show 3"]);
		expect(await set(shop)).toBeUndefined();
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R40 while it waits, sales count, lower figures go out, and the feed mended ends it", async () => {
		const shop = await open({ items: 8, zero: 2 });
		await feed(shop, range(0, 8));
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["2 show 0", "6 show 3"]);
		await put(db.pool, shop, [order("1", [{ item: 7, held: 2 }], { created: at("11:01:00") })]);
		await feed(shop, [6], 1, "11:02:00");
		await feed(shop, [5], 900, "11:02:00");
		await drainAll(shop);
		const shows = () =>
			rows(shop, "SELECT desired FROM listing WHERE shop_id = $1 ORDER BY id").then((all) => all.map((row) => row.desired));
		expect(await shows()).toEqual([0, 0, 3, 3, 3, 3, 1, 1]);
		expect(await set(shop)).toMatchObject({ waiting: 5, passed: 2, mended: 1 });
		// The ones that had gone out come back with it, and those that waited end.
		await feed(shop, [0, 1, 2, 3, 4, 5], 3, "11:03:00");
		await drainAll(shop);
		expect(await shows()).toEqual([3, 3, 3, 3, 3, 3, 1, 1]);
		expect(await set(shop)).toMatchObject({ waiting: 1 });
		expect(await approveAll(shop)).toEqual({ outcome: "decided", products: 1 });
		// The sale stands, and what Shopify was told of it does too: it owes two.
		expect(await shows()).toEqual([3, 3, 3, 3, 3, 3, 1, 0]);
		expect(
			await rows(shop, "SELECT available, short, delta_owed AS owed FROM stock WHERE shop_id = $1 ORDER BY item_id DESC LIMIT 1"),
		).toEqual([{ available: 0, short: 2, owed: -2 }]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R40 the former figures are written back to Shopify as what it lacks, and no figure on a channel moves", async () => {
		const shop = await open({ items: 6, zero: 2 });
		await feed(shop, range(0, 6));
		await drainAll(shop);
		const { id = 0 } = (await set(shop)) ?? {};
		expect(
			await decideChanges(deps, shop.shopId, { setId: id, choice: { itemIds: shop.items.slice(2, 4) }, verdict: "write-back", actor: "7" }),
		).toEqual({
			outcome: "decided",
			products: 2,
		});
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["2 show 0", "4 show 3"]);
		expect(await rows(shop, "SELECT delta_owed AS owed, withheld FROM stock WHERE shop_id = $1 ORDER BY item_id")).toEqual([
			...[
				{ owed: 0, withheld: 0 },
				{ owed: 0, withheld: 0 },
				{ owed: 3, withheld: 0 },
				{ owed: 3, withheld: 0 },
			],
			...[
				{ owed: 0, withheld: 3 },
				{ owed: 0, withheld: 3 },
			],
		]);
		expect(await set(shop)).toMatchObject({ waiting: 2, writtenBack: 2 });
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R16 R40 a feed that raises everything: a hundred pass, the others show what they showed until it is approved", async () => {
		const shop = await open({ items: 130 });
		for (let start = 0; start < 130; start += 26) {
			await feed(shop, range(start, start + 26), 9_000);
			await drainAll(shop);
		}
		expect(await figures(shop)).toEqual(["30 show 3", "100 show 9000"]);
		expect(await set(shop)).toMatchObject({ kind: "raise", allowed: 100, passed: 100, waiting: 30 });
		await put(db.pool, shop, [order("1", [{ item: 129, held: 3 }], { created: at("11:01:00") })]);
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["1 show 0", "29 show 3", "100 show 9000"]);
		await approveAll(shop);
		expect(await figures(shop)).toEqual(["1 show 8997", "129 show 9000"]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R40 of two places the emptied one waits with the others once it is many, makes no mass change by itself, and comes back with the feed", async () => {
		const shop = await open({ items: 10, locations: 2, zero: 2 });
		const at2 = (items: readonly number[], location: number, quantity: number, time: string) =>
			put(
				db.pool,
				shop,
				items.map((n) => reading(n, quantity, at(time), location)),
				{ connection: "home" },
			);
		await at2(range(0, 6), 0, 0, "11:00:00");
		await drainAll(shop);
		expect([await figures(shop), await set(shop)]).toEqual([["6 show 3", "4 show 6"], undefined]);
		await at2(range(0, 4), 1, 0, "11:01:00");
		await at2([8, 9], 0, 0, "11:02:00");
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["2 show 0", "4 show 3", "4 show 6"]);
		expect(await set(shop)).toMatchObject({ waiting: 4, passed: 2 });
		for (const place of [0, 1]) await at2(range(0, 10), place, 3, "11:03:00");
		await drainAll(shop);
		expect([await figures(shop), await set(shop)]).toEqual([["10 show 6"], undefined]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R11 while it waits a figure below zero in Shopify is no shortage; approved it is one", async () => {
		const shop = await open({ items: 3, zero: 1 });
		await feed(shop, range(0, 3));
		await feed(shop, [2], -2, "11:01:00");
		await drainAll(shop);
		// Not for a moment either: nobody is told of one that is covered in the next.
		const owed = () => rows(shop, "SELECT sum(units)::int AS units FROM oversell WHERE shop_id = $1");
		expect(await owed()).toEqual([{ units: null }]);
		await approveAll(shop);
		expect(await owed()).toEqual([{ units: 2 }]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R40 only who may approve can; what changed since it was shown waits on; another shop's set is none; keeping asks no more until something joins", async () => {
		const [shop, other] = [await open({ items: 5, zero: 1 }), await open({ items: 5, zero: 1 })];
		await feed(shop, range(0, 5));
		await feed(other, range(0, 5));
		await drainAll(shop);
		await drainAll(other);
		const { id = 0 } = (await set(shop)) ?? {};
		const word = { setId: id, choice: "all" as const, verdict: "approve" as const };
		expect(await decideChanges(deps, shop.shopId, { ...word, actor: "8" })).toEqual({ outcome: "refused" });
		expect(await decideChanges(deps, other.shopId, { ...word, actor: "7" })).toEqual({ outcome: "nothing" });
		expect(await keepFormer(deps, shop.shopId, { setId: id, actor: "8" })).toEqual({ outcome: "refused" });
		expect(await keepFormer(deps, other.shopId, { setId: id, actor: "7" })).toEqual({ outcome: "nothing" });
		expect(await keepFormer(deps, shop.shopId, { setId: id, actor: "7" })).toEqual({ outcome: "decided", products: 4 });
		expect(await keepFormer(deps, shop.shopId, { setId: id, actor: "7" })).toEqual({ outcome: "nothing" });
		expect(await set(shop)).toMatchObject({ keptBy: "7", waiting: 4 });
		// The press was on 0; before it is applied home says something else.
		await feed(shop, [4], 700, "11:04:00");
		expect(await decideChanges(deps, shop.shopId, { ...word, actor: "7" })).toEqual({ outcome: "decided", products: 4 });
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["4 show 0", "1 show 3"]);
		expect(await set(shop)).toMatchObject({ waiting: 1, keptAt: null });
		const { entries } = await readActivity(db.pool, shop.shopId, "7", { kind: "approvals", person: null, after: null, before: null });
		expect(entries.map(({ who, what, url }) => [who, what, url])).toEqual([
			["You", "Approved what Shopify says of 4 products", `/app/approvals/${id}`],
			["You", "Kept the former figures of 4 products on the channels", `/app/approvals/${id}`],
			["You", "Changed which mass changes wait for approval", null],
		]);
	});

	test("R12 R40 a rule that takes more listings to zero than the limit is saved by who may approve alone; switched off, by anybody", async () => {
		const shop = await open({ items: 4, zero: 2 });
		await db.pool.query("UPDATE member SET name = 'Ann' WHERE shop_id = $1 AND user_id = '7'", [shop.shopId]);
		const refused = (toZero: number, right: Right = "operate") => refuseRules(db.pool, shop.shopId, { right, toZero });
		expect(await Promise.all([refused(0), refused(2), refused(3, "approve")])).toEqual([null, null, null]);
		expect(await refused(3)).toBe("This takes 3 listings to zero, more than 2. It needs the right “Approve and connect”. Ask Ann.");
		await saveGuards(db.pool, shop.shopId, { guards: { zero: null, raise: null }, actor: "7" });
		expect(await refused(3)).toBeNull();
	});

	test("R08 R40 killed before or after any statement of an approval, the next press and drain bring it to the same end, once", async () => {
		const run = async (place: number, moment: "before" | "after") => {
			const shop = await open({ items: 4, zero: 1 });
			await feed(shop, range(0, 4));
			await drainAll(shop);
			const { id = 0 } = (await set(shop)) ?? {};
			const dying = dyingPool(db.pool, { at: place, moment });
			await approve(shop, { setId: id, pool: dying.pool }).catch((error: unknown) => {
				if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
			});
			await approve(shop, { setId: id });
			await drainAll(shop);
			expect([place, moment, await figures(shop)]).toEqual([place, moment, ["4 show 0"]]);
			expect(await rows(shop, "SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action = 'changes.approved'")).toEqual([
				{ n: 1 },
			]);
			expect(await rows(shop, "SELECT count(*)::int AS n FROM movement WHERE shop_id = $1 AND cause = 'held'")).toEqual([{ n: 6 }]);
			await expectCoherentState(db.pool, shop.shopId);
			return dying.statements();
		};
		const statements = await run(Number.POSITIVE_INFINITY, "before");
		expect(statements).toBeGreaterThan(6);
		for (const { at: place, moment } of placesToDie(statements)) await run(place, moment);
	}, 120_000);

	test("R40 the first import, and one after a reinstallation, are asked nothing; what waits stays what it was", async () => {
		const shop = await open({ items: 6, zero: 2 });
		await put(
			db.pool,
			shop,
			range(0, 4).map((n) => reading(n, 0, at("11:00:00"))),
			{ connection: "home", source: "import" },
		);
		await drainAll(shop);
		expect(await figures(shop)).toEqual(["4 show 0", "2 show 3"]);
		expect(await set(shop)).toBeUndefined();
	});
});
