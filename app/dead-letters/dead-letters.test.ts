import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { listDeadLetters, type NewDeadLetter, openDepth, recordDeadLetter, recordDeadLetters, resolveDeadLetters } from "#dead-letters";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { makeShop, type TestShop } from "../../tests/kit/shop.ts";

let database: TestDatabase;
let shop: TestShop;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	shop = await makeShop(database.pool, { items: 1 });
});

const letter = (some: Partial<NewDeadLetter> = {}): NewDeadLetter => ({
	shopId: shop.shopId,
	direction: "out",
	connectionId: shop.guest,
	operation: "listing.write",
	errorClass: "rejected",
	error: "no",
	sourceKey: "listing:1:rejected",
	correlationId: "c",
	...some,
});
const list = () => listDeadLetters(database.pool, shop.shopId);

test("R21 the same trouble of the same thing is one letter that counts, with the newest word and both times", async () => {
	await recordDeadLetter(database.pool, letter({ payload: { desired: 4 }, attempts: 5 }));
	await recordDeadLetter(database.pool, letter({ payload: { desired: 3 }, error: "still no" }));
	const [only, ...others] = await list();
	expect(others).toEqual([]);
	expect(only).toMatchObject({ attempts: 6, error: "still no", payload: { desired: 3 }, state: "open" });
	expect(only?.lastAt.getTime()).toBeGreaterThan(only?.firstAt.getTime() ?? 0);
});

test("R21 what was closed and happens again is open again", async () => {
	await recordDeadLetter(database.pool, letter());
	await resolveDeadLetters(database.pool, shop.shopId, ["listing:1:rejected", "listing:2:rejected"]);
	expect(await list()).toEqual([]);
	await recordDeadLetter(database.pool, letter());
	expect(await list()).toHaveLength(1);
});

test("R21 they are listed newest first, page by page, and how many there are is kept", async () => {
	await recordDeadLetters(
		database.pool,
		Array.from({ length: 25 }, (_, n) => letter({ sourceKey: `listing:${n}:rejected`, error: `no ${n}` })),
	);
	const first = await listDeadLetters(database.pool, shop.shopId, { limit: 10 });
	const second = await listDeadLetters(database.pool, shop.shopId, { limit: 10, after: first.at(-1)?.id });
	const third = await listDeadLetters(database.pool, shop.shopId, { limit: 10, after: second.at(-1)?.id });
	expect([...first, ...second, ...third].map((one) => one.id)).toEqual(
		[...new Set([...first, ...second, ...third].map((one) => one.id))].sort((a, b) => b - a),
	);
	expect([first.length, second.length, third.length]).toEqual([10, 10, 5]);
	expect(await openDepth(database.pool, shop.shopId)).toEqual({ updates: 25, messages: 0 });
});

test("R37 one shop's letters are never another's, although their keys are equal", async () => {
	const other = await makeShop(database.pool, { items: 1 });
	await recordDeadLetters(database.pool, [letter(), letter({ shopId: other.shopId, connectionId: other.guest })]);
	await resolveDeadLetters(database.pool, other.shopId, ["listing:1:rejected"]);
	expect(await openDepth(database.pool, shop.shopId)).toEqual({ updates: 1, messages: 0 });
	expect(await openDepth(database.pool, other.shopId)).toEqual({ updates: 0, messages: 0 });
});

test("R32 what no text column takes is still recorded", async () => {
	await recordDeadLetter(database.pool, letter({ error: `${"x".repeat(1_999)}\u{1F600}\0` }));
	expect((await list())[0]?.error).toHaveLength(2_000);
});
