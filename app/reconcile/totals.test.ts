import { afterAll, beforeAll, expect, test } from "vitest";
import { lookForAlerts } from "#alerts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { type GuestWorld, openGuestWorld, type Together } from "../../tests/kit/guest-world.ts";
import { compareTotals, findDueTotals, readTotals, readTotalsCheck } from "./index.ts";

let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

const DAY_MS = 86_400_000;

/** The store sells TEA and MUG, which are linked, and LOOSE, which is not. */
async function join(): Promise<Together> {
	const shop = await w.shop([
		{ sku: "TEA", stock: 100 },
		{ sku: "MUG", stock: 100 },
	]);
	const store = w.store(["TEA", "MUG", "LOOSE"].map((sku) => ({ sku, quantity: 100 })));
	const connectionId = await w.join(shop, store, { watch: true });
	await w.run(store);
	return { shop, store, connectionId };
}
/** In the night after so many days: the orders of today are among those of the week. */
const compare = async ({ shop, connectionId }: Together, days = 1, deps = w.deps) => {
	await w.refill();
	return compareTotals(deps, shop.shopId, connectionId, new Date(w.world.clock.now() + days * DAY_MS));
};
/** Of the night after so many days. */
async function figures({ shop }: Together) {
	const [newest] = await readTotals(w.deps.pool, shop.shopId, { weeks: 60 });
	if (!newest) throw new Error("Nothing was compared");
	return { ...newest, differences: (await readTotalsCheck(w.deps.pool, shop.shopId, newest.id))?.differences };
}

test("R26 a week in which both sides have the same: counts, units and sums, to the cent; what is not linked counts on neither side", async () => {
	const joined = await join();
	const { store } = joined;
	await w.buy(store, "TEA", 2);
	await w.buy(store, "MUG", 3);
	await w.buy(store, "LOOSE", 7);
	const cancelled = await w.buy(store, "TEA", 4);
	await store.cancelOrder(cancelled);
	await w.run(store);
	expect(await compare(joined)).toEqual({ outcome: "done", drift: 0 });
	const total = store.orders().reduce((sum, order) => sum + order.total, 0);
	const { state, figures: found, differences } = await figures(joined);
	expect({ state, differences }).toEqual({ state: "done", differences: [] });
	expect(found).toMatchObject({ orders: { there: 4, here: 4 }, units: { there: 5, here: 5 }, drift: 0 });
	expect(found?.revenue.map(({ currency, there, here }) => [currency, Number(there), Number(here)])).toEqual([["USD", total, total]]);
	// The same night again is the same.
	expect(await compare(joined)).toEqual({ outcome: "nothing" });
	expect(await w.all("SELECT FROM totals_staging")).toEqual([]);
});

test("R26 what differs is told by order: one that never came, units and sums that are wrong, one that is gone there; it is read again and agrees the night after", async () => {
	const joined = await join();
	const { store, shop, connectionId } = joined;
	const [units, sums, gone] = [await w.buy(store, "TEA", 50), await w.buy(store, "MUG", 1), await w.buy(store, "MUG", 2)];
	await w.run(store);
	const missed = await w.unheard(store, () => w.buy(store, "TEA", 3));
	const of = (id: number) => [shop.shopId, connectionId, String(id)];
	const change = (sql: string, id: number) =>
		w.deps.pool.query(`${sql} WHERE shop_id = $1 AND connection_id = $2 AND order_id = $3`, of(id));
	await change("UPDATE order_line SET held = held - 1", units);
	await change("UPDATE sales_order SET total = total + 0.01", sums);
	store.deleteOrder(gone);
	const wrong = await compare(joined);
	expect(wrong).toMatchObject({ outcome: "done" });
	expect(wrong.outcome === "done" && wrong.drift).toBeCloseTo(2 / 3, 5);
	const { figures: found, differences } = await figures(joined);
	expect(found).toMatchObject({ orders: { there: 3, here: 3 } });
	expect(
		differences?.map(({ orderId, kind, there, here }) => [Number(orderId), kind, there && Number(there), here && Number(here)]),
	).toEqual(
		expect.arrayContaining([
			[units, "units", 50, 49],
			[sums, "total", expect.any(Number), expect.any(Number)],
			[gone, "missing-there", null, 2],
			[missed, "missing-here", 3, null],
		]),
	);
	expect(differences?.length).toBe(4);

	await w.run(store);
	// What was written wrong by hand is no state that the channel ever told: reading it again does not change it. The lost one is here.
	await change("UPDATE order_line SET held = held + 1", units);
	await change("UPDATE sales_order SET total = total - 0.01", sums);
	expect(await compare(joined, 2)).toMatchObject({ outcome: "done" });
	expect((await figures(joined)).differences?.map(({ orderId, kind }) => [Number(orderId), kind])).toEqual([[gone, "missing-there"]]);
});

test("R26 R29 a difference over the limit is told of, and is over with the first night that agrees", async () => {
	const joined = await join();
	const { store, shop, connectionId } = joined;
	await w.unheard(store, () => w.buy(store, "TEA", 1));
	await compare(joined);
	const turns = async () =>
		(await lookForAlerts(w.deps.pool, { appUrlOf: () => "https://admin.example" })).flatMap(({ kind, turn, subject, detail }) =>
			kind === "totals" && subject === String(connectionId) ? [{ turn, detail }] : [],
		);
	const { id } = await figures(joined);
	expect(await turns()).toEqual([{ turn: "opened", detail: { perMille: 1000, check: id } }]);
	expect(await turns()).toEqual([]);
	await w.run(store);
	await compare(joined, 2);
	expect(await turns()).toEqual([{ turn: "over", detail: expect.anything() }]);
	expect(await readTotalsCheck(w.deps.pool, shop.shopId + 1, id)).toBeNull();
});

test("R26 a list that breaks off says nothing, and is read again; of two at once one is made", async () => {
	const joined = await join();
	await w.buy(joined.store, "TEA", 1);
	await w.run(joined.store);
	w.world.faults.next(joined.store.channel, 1, { kind: "status", status: 500 }, (operation) => operation === "GET orders");
	expect(await compare(joined)).toMatchObject({ outcome: "failed" });
	expect(await figures(joined)).toMatchObject({ state: "failed", figures: null });
	const both = await Promise.all([compare(joined), compare(joined)]);
	expect(both.map(({ outcome }) => outcome).sort()).toEqual(["done", "nothing"]);
	expect(await figures(joined)).toMatchObject({ state: "done", error: null });
});

test("R08 R26 killed before and after every statement, the next one ends right and nothing is left behind", async () => {
	const joined = await join();
	await w.buy(joined.store, "TEA", 1);
	await w.run(joined.store);
	const clean = dyingPool(w.deps.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
	await compare(joined, 1, { ...w.deps, pool: clean.pool });
	let night = 1;
	let killed = 0;
	for (const place of placesToDie(clean.statements())) {
		night++;
		const { pool } = dyingPool(w.deps.pool, place);
		const end = await compare(joined, night, { ...w.deps, pool }).catch((error: unknown) => error);
		if (end instanceof Killed) killed++;
		// Hours later it is nobody's any more.
		await w.deps.pool.query("UPDATE totals_check SET started_at = started_at - interval '7 hours' WHERE shop_id = $1", [
			joined.shop.shopId,
		]);
		await compare(joined, night);
		expect(await figures(joined)).toMatchObject({ state: "done", figures: { drift: 0 } });
		expect(await w.all("SELECT FROM totals_staging WHERE shop_id = $1", [joined.shop.shopId])).toEqual([]);
	}
	expect(killed).toBeGreaterThan(10);
});

test("R26 it is due at night where the shop is, once, and after a night that was missed", async () => {
	const joined = await join();
	const due = async () => (await findDueTotals(w.deps.pool)).filter(({ connectionId }) => connectionId === joined.connectionId).length;
	const set = (cut: string, totals: string | null, zoneHour: number) =>
		Promise.all([
			w.deps.pool.query("UPDATE connection SET cut_at = now() - $2::interval, totals_at = now() - $3::interval WHERE id = $1", [
				joined.connectionId,
				cut,
				totals,
			]),
			// A zone in which it is about that hour now, whatever the time of the test.
			w.deps.pool.query(
				`INSERT INTO mail_setting (shop_id, time_zone) SELECT $1, 'Etc/GMT' || to_char(CASE WHEN h > 12 THEN h - 24 WHEN h < -12 THEN h + 24 ELSE h END, 'FMSG99')
				 FROM (SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::int - $2 AS h) utc ON CONFLICT (shop_id) DO UPDATE SET time_zone = excluded.time_zone`,
				[joined.shop.shopId, zoneHour],
			),
		]);
	await set("5 days", "23 hours", 3);
	expect(await due()).toBe(1);
	await set("5 days", "2 hours", 3);
	expect(await due()).toBe(0);
	await set("5 days", "23 hours", 12);
	expect(await due()).toBe(0);
	await set("5 days", "31 hours", 12);
	expect(await due()).toBe(1);
	await set("5 days", null, 12);
	expect(await due()).toBe(1);
	await set("10 minutes", null, 3);
	expect(await due()).toBe(0);
});
