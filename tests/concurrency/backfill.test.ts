import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askForBulkUndo, bringFile, confirmBulk, readBulk } from "#app/backfill/index.ts";
import type { Deps } from "#connections";
import { type Child, startChild } from "../kit/child.ts";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { drain } from "../kit/delivery.ts";
import { expectCoherentState, makeShop, order, put, type TestShop } from "../kit/shop.ts";

const PROCESS = fileURLToPath(new URL("backfill-process.ts", import.meta.url));
/** Each with a figure at two places, and a rule for its listing on the half of them: 100,000 lines. */
const ITEMS = 40_000;
const RULES = 20_000;
const KILLS = 20;
/** Of them one at a time is sold, on and on. */
const HOT = 25;
const OPENING = 1_000;
/** Filling the tables, and a run to and fro on a machine that is busy otherwise. */
const LONG_MS = 900_000;

let db: TestDatabase;
let shop: TestShop;
let deps: Deps;
beforeAll(async () => {
	db = await freshDatabase();
	deps = {
		pool: db.pool,
		keyRing: [{ id: "k", key: randomBytes(32) }],
		env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
		log: pino({ level: "silent" }),
		wake: async () => {},
	};
	shop = await makeShop(db.pool, { items: HOT, locations: 2, opening: OPENING, guestState: "watching" });
	await drain(db.pool, shop);
	await fill();
}, LONG_MS);
afterAll(() => db?.drop());

/** The rest of the catalogue, with what its import would have written. */
async function fill(): Promise<void> {
	const query = (sql: string) => db.pool.query(sql, [shop.shopId]);
	await query(`INSERT INTO item (shop_id, external_id, variant_id, product_id, sku, title)
	  SELECT $1, 'item-' || n, n::text, n::text, 'SKU-' || n, 'SKU-' || n FROM generate_series(${HOT}, ${ITEMS - 1}) n`);
	const rest =
		"SELECT i.id FROM item i WHERE i.shop_id = $1 AND NOT EXISTS (SELECT FROM stock s WHERE s.shop_id = $1 AND s.item_id = i.id)";
	await db.pool.query(
		`WITH rest AS (${rest}), made AS (
		   INSERT INTO stock (shop_id, item_id, location_id, available, home_quantity, home_read_at)
		   SELECT $1, r.id, l, ${OPENING}, ${OPENING}, now() FROM rest r, unnest($2::bigint[]) AS l RETURNING item_id, location_id
		 )
		 INSERT INTO movement (shop_id, item_id, location_id, delta, after, cause, correlation_id, source_key, occurred_at)
		 SELECT $1, item_id, location_id, ${OPENING}, ${OPENING}, 'opening', 'fill', 'fill:' || item_id || ':' || location_id, now() FROM made`,
		[shop.shopId, shop.locations],
	);
	await db.pool.query(
		`INSERT INTO listing (shop_id, connection_id, external_id, sku, item_id, link_state, desired, shown, read_at)
		 SELECT $1, $2, 'listing-' || substr(sku, 5), sku, id, 'linked', ${2 * OPENING}, ${2 * OPENING}, now() FROM item
		 WHERE shop_id = $1 AND substr(sku, 5)::int BETWEEN ${HOT} AND ${RULES - 1}`,
		[shop.shopId, shop.guest],
	);
	for (const table of ["item", "stock", "movement", "listing"]) await db.pool.query(`ANALYZE ${table}`);
}

/** Never what is there: what sells is raised by far, the others are raised or lowered. */
const figureOf = (n: number, place: number) => {
	const figure = n < HOT ? OPENING + 500 + n : OPENING - 300 + ((n * 7 + place * 3) % 600);
	return figure === OPENING ? OPENING + 1 : figure;
};

const file = () => {
	const lines = ["SKU,Location,Quantity,Buffer"];
	for (let n = 0; n < ITEMS; n++) {
		for (const place of [0, 1]) lines.push(`SKU-${n},Location ${place},${figureOf(n, place)},`);
		if (n < RULES) lines.push(`SKU-${n},,,${1 + (n % 9)}`);
	}
	return Buffer.from(`${lines.join("\n")}\n`);
};

let sold = 0;
/** Sales go on until told to stop. Each is a message in the inbox that waits for at most one batch of the change. */
async function sellOn(isOver: () => boolean): Promise<{ ahead: number; waits: number[] }> {
	const seen = { ahead: 0, waits: [] as number[] };
	while (!isOver()) {
		await put(db.pool, shop, [order(`s${++sold}`, [{ item: sold % HOT, held: 1 }])]);
		const { rows } = await db.pool.query<{ n: number }>(
			"SELECT count(*)::int AS n FROM inbox_event WHERE shop_id = $1 AND lane = 'stock' AND status = 'pending' AND topic = 'stock.edit'",
			[shop.shopId],
		);
		seen.ahead = Math.max(seen.ahead, rows[0]?.n ?? 0);
		const at = performance.now();
		await drain(db.pool, shop);
		seen.waits.push(performance.now() - at);
		await new Promise((resolve) => setTimeout(resolve, 40));
	}
	return seen;
}

const setOf = async (id: number) => {
	const set = await readBulk(db.pool, shop.shopId, id);
	if (!set) throw new Error("no such set");
	return set;
};

/** Runs workers, killing each when the work has come to a random place, until `isThere`. */
async function withKills(progress: () => Promise<number>, { total, kills }: { total: number; kills: number }): Promise<number> {
	const places = Array.from({ length: kills }, () => Math.floor(Math.random() * 0.9 * total)).sort((a, b) => a - b);
	let killed = 0;
	let worker: Child | undefined;
	try {
		for (;;) {
			worker ??= await startChild(PROCESS, [db.url, String(shop.shopId)]);
			const done = await progress();
			if (done >= total) return killed;
			if (killed < kills && done >= (places[killed] ?? 0)) {
				await worker.kill();
				worker = undefined;
				killed++;
			} else await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
		}
	} finally {
		await worker?.kill();
	}
}

it(
	"R27 R45 100,000 lines, killed at twenty random places, done and rolled back while sales go on: as before, plus the sales, row for row",
	async () => {
		await db.pool.query("CREATE TABLE stock_before AS SELECT * FROM stock");
		await db.pool.query("CREATE TABLE listing_before AS SELECT * FROM listing");
		const startedAt = performance.now();
		const took: string[] = [];
		const lap = (what: string) => took.push(`${what} ${Math.round((performance.now() - startedAt) / 1_000)} s`);
		const brought = await bringFile(deps, shop.shopId, { bytes: file(), name: "stock.csv", actor: "7", press: "big" });
		if (brought.outcome !== "kept") throw new Error(brought.reason);
		const id = brought.changeId;
		let over = false;
		const selling = sellOn(() => over);
		try {
			const LINES = 2 * ITEMS + RULES;
			const readKills = await withKills(async () => ((await setOf(id)).state === "ready" ? LINES : (await setOf(id)).linesRead - 1), {
				total: LINES,
				kills: 4,
			});
			lap("read");
			const ready = await setOf(id);
			expect(ready).toMatchObject({ total: LINES, problems: 0, linesRead: LINES });
			expect((await confirmBulk(deps, shop.shopId, { changeId: id, leaveOut: false, actor: "7", right: "approve" })).outcome).toBe(
				"confirmed",
			);
			const doneOf = async (set: number) => {
				const { state, done } = await setOf(set);
				return state === "done" ? LINES : done - 1;
			};
			const doKills = await withKills(() => doneOf(id), { total: LINES, kills: KILLS / 2 - 2 });
			lap("done");
			expect(await setOf(id)).toMatchObject({ state: "done", done: LINES, unitsMissing: 0 });
			const undone = await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "7" });
			if (undone.outcome !== "asked") throw new Error(undone.outcome);
			expect(undone.listings).toBe((await setOf(id)).changed);
			const backKills = await withKills(() => doneOf(undone.changeId), { total: LINES, kills: KILLS / 2 - 2 });
			lap("rolled back");
			expect(readKills + doKills + backKills).toBe(KILLS);
			expect(await setOf(undone.changeId)).toMatchObject({ state: "done", unitsMissing: 0 });
		} finally {
			over = true;
		}
		const { ahead, waits } = await selling;
		// A sale finds one batch before it at the most.
		expect(ahead).toBeLessThanOrEqual(250);
		expect(sold).toBeGreaterThan(100);
		waits.sort((a, b) => a - b);
		process.stdout.write(
			`backfill: ${took.join(", ")}; ${sold} sales meanwhile, a sale's way through the lane p50 ${Math.round(waits[waits.length >> 1] ?? 0)} ms, longest ${Math.round(waits.at(-1) ?? 0)} ms\n`,
		);
		await drain(db.pool, shop);
		const wrong = await db.pool.query(
			`SELECT s.item_id, s.location_id, s.available - s.short AS net, b.available - b.short AS was, coalesce(m.units, 0)::int AS sold
			 FROM stock s JOIN stock_before b USING (shop_id, item_id, location_id)
			 LEFT JOIN (SELECT item_id, location_id, sum(quantity) AS units FROM order_line_allocation WHERE shop_id = $1 GROUP BY 1, 2) m USING (item_id, location_id)
			 WHERE s.shop_id = $1 AND s.available - s.short <> b.available - b.short - coalesce(m.units, 0)`,
			[shop.shopId],
		);
		expect(wrong.rows).toEqual([]);
		const units = await db.pool.query(
			"SELECT sum(quantity)::int AS n, (SELECT count(*)::int FROM sales_order WHERE shop_id = $1) AS orders FROM order_line_allocation WHERE shop_id = $1",
			[shop.shopId],
		);
		expect(units.rows).toEqual([{ n: sold, orders: sold }]);
		const others = await db.pool.query(
			`SELECT l.id FROM listing l JOIN listing_before b ON b.id = l.id WHERE l.shop_id = $1
			   AND (l.policy IS DISTINCT FROM b.policy OR l.paused <> b.paused OR l.item_id IS DISTINCT FROM b.item_id)`,
			[shop.shopId],
		);
		expect(others.rows).toEqual([]);
		const edits = await db.pool.query("SELECT sum(delta)::int AS n FROM movement WHERE shop_id = $1 AND cause = 'edit'", [shop.shopId]);
		expect(edits.rows).toEqual([{ n: 0 }]);
		await expectCoherentState(db.pool, shop.shopId);
	},
	LONG_MS,
);
