import { expect, test } from "vitest";
import { readWatch } from "#app/pages/channels/read-watch.ts";
import { expectCoherentState } from "../kit/shop.ts";
import { OVERSELLS, type Product, planWeek } from "./watch-week-plan.ts";
import { openWatchWeek, type WatchWeek } from "./watch-week-world.ts";

const SEEDS = [1, 2, 3];
/** A sale is shown elsewhere after ten seconds at the latest. */
const DELAY_MS = 10_000;
const LEAST_OF_A_KIND = 3;

test.each(SEEDS)(
	"R42 of a week with twelve oversells of the old way it names exactly those it would have prevented (seed %i)",
	{
		timeout: 180_000,
	},
	async (seed) => {
		const { products, acts } = planWeek(seed);
		const week = await openWatchWeek({ seed, products });
		try {
			let corrections = 0;
			for (const act of acts) {
				await week.play(act);
				// Before the sync levels out, the store shows what is wrong: just that would have been sent, and nothing else.
				if (act.act === "sync-reads" && week.isHeard()) corrections += await expectUpdatesNotSent(week, products);
			}
			expect(corrections).toBeGreaterThanOrEqual(LEAST_OF_A_KIND);
			await week.end();
			const oversold = oversellsOf(week, products);
			const preventable = oversold.filter(({ prevented }) => prevented);
			expect(oversold, JSON.stringify(oversold)).toHaveLength(OVERSELLS);
			expect(preventable.length).toBeGreaterThanOrEqual(LEAST_OF_A_KIND);
			expect(oversold.length - preventable.length).toBeGreaterThanOrEqual(LEAST_OF_A_KIND);

			const watch = await readWatch(week.kit.database.pool, week.shopId, week.connectionId);
			const named = watch.prevented.map(({ order, sku, units, wouldHaveShown }) => ({ order, sku, units, wouldHaveShown }));
			expect(named.sort(byOrder)).toEqual(
				preventable.map(({ order, sku, units, wouldHaveShown }) => ({ order, sku, units, wouldHaveShown })).sort(byOrder),
			);

			// No figure of ours reached the store; what would have, and how well its own figures were foretold.
			const { books } = week.kit.world;
			const writes = books.calls(week.store.channel).filter(({ at, operation }) => at > week.beganAt && !operation.startsWith("GET"));
			expect(writes).toEqual([]);
			const wrong = products.filter(({ sku }) => books.shown(week.store.channel, sku) !== books.sellable(sku));
			const { wouldChangeNow, prediction } = watch;
			expect({ wouldChangeNow, prediction }).toEqual({
				wouldChangeNow: wrong.length,
				prediction: {
					compared: products.length,
					met: products.length,
					unexplained: 0,
					raisedElsewhere: week.synced.raised,
					loweredElsewhere: week.synced.lowered,
				},
			});
			await expectCoherentState(week.kit.database.pool, week.shopId);
		} finally {
			await week.close();
		}
	},
);

/**
 * How many figures of the store are wrong by the goods that there are; the report says the same of each. With the updates that were not
 * sent, less what the store sold by itself since, it would show what there is.
 */
async function expectUpdatesNotSent({ kit, store, shopId, connectionId }: WatchWeek, products: readonly Product[]): Promise<number> {
	const { books } = kit.world;
	const wrong = products.filter(({ sku }) => books.shown(store.channel, sku) !== books.sellable(sku));
	const { wouldChangeNow, newest } = await readWatch(kit.database.pool, shopId, connectionId);
	expect(wouldChangeNow).toBe(wrong.length);
	const { rows } = await kit.database.pool.query<{ sku: string; figure: number }>(
		"SELECT sku, greatest(0, shown + watched_ahead) AS figure FROM listing WHERE shop_id = $1 AND connection_id = $2",
		[shopId, connectionId],
	);
	for (const { sku } of wrong) {
		const there = books.sellable(sku);
		expect([sku, rows.find((row) => row.sku === sku)?.figure]).toEqual([sku, there]);
		expect(newest.find((update) => update.sku === sku)?.quantity, sku).toBeGreaterThanOrEqual(there);
	}
	return wrong.length;
}

const byOrder = (a: { order: string }, b: { order: string }) => (a.order < b.order ? -1 : 1);

type Oversold = { order: string; sku: string; units: number; wouldHaveShown: number; prevented: boolean };

/**
 * The world's own verdict. A sale is oversold when the goods did not cover it. A store that is told of every sale elsewhere ten
 * seconds after it was heard of, and counts its own by itself, would have refused it when it would have shown fewer. What
 * Shopify itself sold, no figure on the store hinders.
 */
function oversellsOf({ kit: { world }, store }: WatchWeek, products: readonly Product[]): Oversold[] {
	const { books } = world;
	const opening = new Map(products.map(({ sku, opening, story }) => [story === "bundle" ? `${sku}-PART` : sku, opening]));
	const sales = books.sales();
	const short = new Set(sales.filter(({ shortBy }) => shortBy > 0).map(({ channel, orderId }) => `${channel} ${orderId}`));
	return [...short].map((key): Oversold => {
		const [channel = "", orderId = ""] = key.split(" ");
		if (channel !== store.channel) {
			const sale = sales.find((s) => s.channel === channel && s.orderId === orderId);
			return { order: `home ${orderId}`, sku: sale?.sku ?? "", units: sale?.units ?? 0, wouldHaveShown: 0, prevented: false };
		}
		const order = store.orders().find(({ id }) => String(id) === orderId);
		const line = order?.lines[0];
		if (!order || !line) throw new Error(`The store has no order ${orderId}`);
		const sku = store.products().find(({ productId }) => productId === line.productId)?.sku ?? "";
		const boughtAt = order.createdAt * 1000;
		const left = books.componentsOf(sku).map((part) => {
			let units = opening.get(part.sku) ?? 0;
			for (const sale of sales) {
				if (sale.sku !== part.sku || sale.orderId === orderId) continue;
				const own = sale.channel === store.channel;
				if (own ? sale.at < boughtAt - 1_000 : heardOf(sale) < boughtAt - DELAY_MS) units -= sale.units;
			}
			return Math.floor(units / part.quantity);
		});
		const wouldHaveShown = Math.max(0, Math.min(...left));
		return { order: `#${orderId}`, sku, units: line.quantity, wouldHaveShown, prevented: wouldHaveShown < line.quantity };
	});

	function heardOf({ channel, orderId, at }: { channel: string; orderId: string; at: number }): number {
		const told = books.deliveries(channel).filter((d) => d.resourceId === orderId && d.topic.startsWith("orders/") && d.at >= at);
		return Math.min(...told.map((delivery) => delivery.at));
	}
}
