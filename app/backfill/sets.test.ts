import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readActivity } from "#app/pages/activity/read-activity.ts";
import { undoEntry } from "#app/pages/activity/undo-entry.ts";
import { linesCsv } from "#app/pages/bulk/lines-csv.ts";
import { readItem } from "#app/pages/item/read-item.ts";
import { readStockRequest } from "#app/pages/stock/read-stock.ts";
import { stockCsv } from "#app/pages/stock/stock-csv.ts";
import { createBulkKit, PACE } from "../../tests/kit/bulk-sets.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { drain } from "../../tests/kit/delivery.ts";
import { expectCoherentState } from "../../tests/kit/shop.ts";
import { askForBulkRules, askForBulkUndo, bringFile, decideBulk, findWaitingBulks, putAway, readBulk, runBulk } from "./index.ts";

let db: TestDatabase;
let kit: ReturnType<typeof createBulkKit>;
beforeAll(async () => {
	db = await freshDatabase();
	kit = createBulkKit(db);
});
afterAll(() => db.drop());

describe("R27 a file of changes", () => {
	test("R27 R45 seen before, done, told to Shopify, and rolled back as one with the sales kept", async () => {
		const { deps, open, bring, run, setOf, confirm, nets, rules, rows, sell } = kit;
		const shop = await open();
		const before = { nets: await nets(shop), rules: await rules(shop) };
		const id = await bring(
			shop,
			"SKU;Location;Quantity;Change;Channel;Buffer;Paused;Colour\nSKU-0;;25;;;;;red\nSKU-1;Location 1;;-4;;;;\nSKU-2;;;;WooCommerce;3;;\nSKU-3;;10;;;;yes;\n",
		);
		expect(await findWaitingBulks(db.pool)).toContain(shop.shopId);
		await run(shop);
		const ready = await setOf(shop, id);
		expect(ready).toMatchObject({ state: "ready", total: 4, problems: 0, linesRead: 4 });
		expect(ready.summary).toMatchObject({
			...{ lines: 4, unknown: ["Colour"], changes: 4, same: 1, unitsUp: 15, unitsDown: 4, rules: 1, paused: 1 },
			...{ figures: 3, toZero: 0, raised: 1, lowered: 2 },
		});
		// Nothing is done before it is confirmed.
		expect(await nets(shop)).toEqual(before.nets);
		expect(await findWaitingBulks(db.pool)).not.toContain(shop.shopId);
		await sell(shop, 0, 2, "a");
		expect(await confirm(shop, id)).toEqual({ outcome: "confirmed" });
		expect(await confirm(shop, id)).toEqual({ outcome: "over" });
		await run(shop);
		expect(await setOf(shop, id)).toMatchObject({ state: "done", done: 4, changed: 4, unitsUp: 15, unitsDown: 4, unitsMissing: 0 });
		// 25 as of when the file was read, and two were sold since.
		expect(await nets(shop)).toEqual(["23,10", "10,6", "10,10", "10,10"]);
		expect(await rules(shop)).toEqual(["null", "null", JSON.stringify({ kind: "buffer", buffer: 3 }), "null paused"]);
		expect(await rows("SELECT sum(delta_owed)::int AS n FROM stock WHERE shop_id = $1", shop)).toEqual([{ n: 15 - 4 - 2 }]);
		expect(await rows("SELECT delta, correlation_id AS of FROM movement WHERE shop_id = $1 AND cause = 'edit' ORDER BY id", shop)).toEqual([
			{ delta: 15, of: `bulk:${id}` },
			{ delta: -4, of: `bulk:${id}` },
		]);
		expect(await rows("SELECT desired FROM listing WHERE shop_id = $1 ORDER BY id", shop)).toEqual(
			[33, 16, 17, 20].map((desired) => ({ desired })),
		);
		await expectCoherentState(db.pool, shop.shopId);
		const story = (await readItem(db.pool, shop.shopId, shop.items[0] ?? 0, { reader: "7", before: null }))?.story.events ?? [];
		expect(story.filter(({ text }) => text.includes("bulk change")).map(({ text, link }) => [text, link])).toEqual([
			["Changed by +15 in a bulk change", `/app/bulk-changes/${id}`],
		]);

		await sell(shop, 1, 1, "b");
		const undone = await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" });
		expect(undone).toMatchObject({ outcome: "asked", listings: 4 });
		await run(shop);
		expect(await nets(shop)).toEqual(["8,10", "9,10", "10,10", "10,10"]);
		expect(await rules(shop)).toEqual(before.rules);
		await expectCoherentState(db.pool, shop.shopId);
		expect(await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" })).toEqual({ outcome: "nothing" });
		expect(await setOf(shop, id)).toMatchObject({ canRollBack: false });
		const activity = await readActivity(db.pool, shop.shopId, "1", { kind: "bulk", person: null, after: null, before: null });
		expect(activity.entries.map(({ what, after, undoable }) => [what, after, undoable])).toEqual([
			["Rolled back “stock.csv”", "4 changes, 4 units added and 15 units taken off", true],
			["Made the changes of “stock.csv”", "4 changes, 15 units added and 4 units taken off", true],
		]);
	});

	test("R45 taken back from Activity it is the same, and what was sold meanwhile is not there to be taken off: never below zero, nobody owed", async () => {
		const { deps, open, bring, run, setOf, confirm, nets, rows, sell } = kit;
		const shop = await open({ locations: 1 });
		const id = await bring(shop, "SKU,Change\nSKU-0,+5\nSKU-1,+5\n");
		await run(shop);
		await confirm(shop, id);
		await run(shop);
		await sell(shop, 0, 12, "a");
		const [entry] = await rows("SELECT id FROM audit WHERE shop_id = $1 AND action = 'bulk.applied'", shop);
		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "9" })).toEqual({ outcome: "begun", things: 2 });
		await run(shop);
		expect(await nets(shop)).toEqual(["0", "10", "10", "10"]);
		expect(await rows("SELECT count(*)::int AS n FROM oversell WHERE shop_id = $1", shop)).toEqual([{ n: 0 }]);
		const back = (await setOf(shop, id)).undoneBy;
		expect(await setOf(shop, back ?? 0)).toMatchObject({ state: "done", changed: 2, unitsDown: 8, unitsMissing: 2 });
		let file = "";
		for await (const part of linesCsv(db.pool, shop.shopId, back ?? 0)) file += part;
		expect(file).toContain("−3 done, 2 were not there any more");
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R27 every line with something wrong is told by its line, and left out only by somebody who says so", async () => {
		const { open, bring, run, setOf, confirm, problems, nets, rules } = kit;
		const shop = await open();
		await db.pool.query("UPDATE item SET sku = 'TWICE' WHERE shop_id = $1 AND id = ANY($2)", [shop.shopId, shop.items.slice(2)]);
		const id = await bring(
			shop,
			[
				"SKU,Quantity,Location,Buffer,Channel",
				"SKU-0,20,,,", // 2
				"SKU-9,1,,,", // 3
				"sku-1,1,,,", // 4
				"TWICE,1,,,", // 5
				'SKU-0,abc,"A\nB",,', // 6 and 7
				"SKU-1,5,,,", // 8
				"SKU-1,6,,2,", // 9
				"SKU-1,5,,,", // 10
				"SKU-0,20,,,", // 11: said twice alike
				",,,,",
				"SKU-0,,,1,Moon", // 13
			].join("\n"),
		);
		await run(shop);
		expect(await problems(shop, id)).toEqual([
			"3: No product in Shopify has the SKU SKU-9.",
			"4: No product in Shopify has the SKU sku-1. Did you mean SKU-1? Spreadsheets drop leading zeros.",
			"5: 2 products in Shopify have the SKU TWICE. Name this one by its “Variant ID”.",
			"6: Quantity “abc” is not a whole number.",
			"8: Line 9 says something else of the same product.",
			"9: Line 8 says something else of the same product.",
			"10: Line 8 says something else of the same product.",
			"13: There is no channel “Moon”.",
		]);
		expect(await setOf(shop, id)).toMatchObject({ state: "ready", total: 1, problems: 8 });
		expect(await confirm(shop, id)).toEqual({ outcome: "has-problems", problems: 8 });
		expect(await confirm(shop, id, { leaveOut: true })).toEqual({ outcome: "confirmed" });
		await run(shop);
		expect(await nets(shop)).toEqual(["20,10", "10,10", "10,10", "10,10"]);
		expect(await rules(shop)).toEqual(["null", "null", "null", "null"]);
	});

	test("R27 a contradiction over pages of the file is found as well", async () => {
		const { open, bring, run, setOf, problems } = kit;
		const shop = await open();
		const filler = Array.from({ length: 1_100 }, () => "SKU-1,7");
		const id = await bring(shop, ["SKU,Quantity", "SKU-0,3", ...filler, "SKU-0,4", "SKU-0,3"].join("\r\n"));
		await run(shop);
		expect(await problems(shop, id)).toEqual([
			"2: Line 1103 says something else of the same product.",
			"1103: Line 2 says something else of the same product.",
			"1104: Line 2 says something else of the same product.",
		]);
		expect(await setOf(shop, id)).toMatchObject({ total: 1, linesRead: 1_103 });
	});

	test.each([
		["Quantity\n3\n", /no column “SKU”/],
		["SKU,Quantity\n", /empty/],
		['SKU,Quantity\nSKU-0,1\n"x', /^Line 3: /],
		["", /empty/],
		["PK\u0003\u0004", /spreadsheet/],
		["SKU,\u0000", /not a text file/],
	])("R27 %j is no such file, and says why", async (text, reason) => {
		const { deps, open, run, setOf, confirm, rows } = kit;
		const shop = await open({ items: 1 });
		const bytes = Buffer.from(text);
		const brought = await bringFile(deps, shop.shopId, { bytes, name: "x", actor: "7", press: "no file" });
		if (brought.outcome === "refused") {
			expect(brought.reason).toMatch(reason);
			return;
		}
		await run(shop);
		expect(await setOf(shop, brought.changeId)).toMatchObject({ state: "refused", refusal: expect.stringMatching(reason) });
		expect(await confirm(shop, brought.changeId)).toEqual({ outcome: "over" });
		expect(await rows("SELECT FROM bulk_change_quantity WHERE shop_id = $1", shop)).toEqual([]);
	});

	test("R35 what Export in Stock saves, brought back as it is, changes nothing; edited, it changes that", async () => {
		const { deps, open, bring, run, setOf, confirm, problems, sell } = kit;
		const shop = await open({ items: 3, bundles: [[{ item: 0, quantity: 2 }]] });
		await db.pool.query(`UPDATE listing SET policy = '{"kind":"percentage","percentage":50,"maximum":9}' WHERE id = $1`, [
			shop.listings[1],
		]);
		await db.pool.query("UPDATE listing SET paused = true, paused_reason = 'by hand' WHERE id = $1", [shop.listings[2]]);
		await db.pool.query("UPDATE item SET sku = '=cmd' WHERE id = $1", [shop.items[2]]);
		await sell(shop, 0, 25, "owed");
		const file = async () => {
			let text = "";
			const request = readStockRequest(new URLSearchParams());
			for await (const part of stockCsv(db.pool, shop.shopId, request)) text += part;
			return text;
		};
		const text = await file();
		const same = await bring(shop, text);
		await run(shop);
		expect(await problems(shop, same)).toEqual([]);
		expect(await setOf(shop, same)).toMatchObject({ state: "ready", total: 0 });
		const { summary } = await setOf(shop, same);
		expect(summary?.kind === "file" && summary.same).toBeGreaterThan(6);
		expect(await confirm(shop, same)).toEqual({ outcome: "nothing" });
		expect(await putAway(deps, shop.shopId, same)).toBe(true);
		const edited = await bring(shop, text.replace("percentage,,,9,50,", "buffer,4,,9,,").replace("Location 1,10,", "Location 1,12,"));
		await run(shop);
		expect(await problems(shop, edited)).toEqual([]);
		expect((await setOf(shop, edited)).summary).toMatchObject({ changes: 2, rules: 1, unitsUp: 2, unitsDown: 0 });
	});

	test("R27 links and unlinks, and back", async () => {
		const { deps, open, bring, run, setOf, confirm, problems, rules, rows } = kit;
		const shop = await open();
		await db.pool.query("UPDATE listing SET item_id = NULL, link_state = 'unlinked', desired = NULL, dirty_since = NULL WHERE id = $1", [
			shop.listings[0],
		]);
		const before = await rules(shop);
		const id = await bring(shop, "SKU,Channel,SKU on channel,Linked,Buffer\nSKU-0,WooCommerce,SKU-0,yes,2\nSKU-1,WooCommerce,SKU-1,no,\n");
		await run(shop);
		expect(await problems(shop, id)).toEqual([]);
		expect((await setOf(shop, id)).summary).toMatchObject({ linked: 1, unlinked: 1, changes: 2 });
		await confirm(shop, id);
		await run(shop);
		expect((await rules(shop))[0]).not.toContain("unlinked");
		expect((await rules(shop))[1]).toContain("unlinked");
		expect(await rows("SELECT desired FROM listing WHERE shop_id = $1 ORDER BY id LIMIT 1", shop)).toEqual([{ desired: 18 }]);
		await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" });
		await run(shop);
		expect(await rules(shop)).toEqual(before);
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R40 more than the shop lets through unasked is confirmed only by somebody who may approve", async () => {
		const { deps, open, bring, run, setOf, confirm, nets, sell } = kit;
		const shop = await open({ items: 12, locations: 1 });
		const id = await bring(shop, `SKU,Quantity\n${shop.items.map((_, n) => `SKU-${n},0`).join("\n")}\n`);
		await run(shop);
		expect((await setOf(shop, id)).summary).toMatchObject({ toZero: 12, zeroItems: 12 });
		expect(await confirm(shop, id)).toEqual({ outcome: "refused", reason: expect.stringContaining("12 listings to zero, more than 10") });
		expect(await confirm(shop, id, { right: "approve" })).toEqual({ outcome: "confirmed" });
		await sell(shop, 0, 1, "x");
		await run(shop);
		expect(new Set(await nets(shop))).toEqual(new Set(["0"]));
		// One had been sold before it came to be done: that one was never taken off, and does not come back.
		await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" });
		await run(shop);
		expect(await nets(shop)).toEqual(["9", ...Array.from({ length: 11 }, () => "10")]);
	});

	test("R27 paused, resumed, cancelled in the middle, and the half of it rolled back", async () => {
		const { deps, open, bring, run, setOf, confirm, nets } = kit;
		const shop = await open({ items: 30, locations: 1 });
		const id = await bring(shop, `SKU,Change\n${shop.items.map((_, n) => `SKU-${n},+1`).join("\n")}\n`);
		await run(shop);
		await confirm(shop, id);
		const word = (one: "pause" | "resume" | "cancel") => decideBulk(deps, shop.shopId, { changeId: id, word: one, actor: "8" });
		// With delivery's hands full a round is one line.
		for (let n = 0; n < 20; n++) expect(await runBulk(deps, shop.shopId, { waitingMax: 0 })).toEqual({ outcome: "later" });
		expect(await setOf(shop, id)).toMatchObject({ state: "running", done: 20 });
		expect([await word("pause"), await word("pause")]).toEqual(["decided", "unchanged"]);
		expect(await runBulk(deps, shop.shopId, PACE)).toEqual({ outcome: "done" });
		expect(await findWaitingBulks(db.pool)).not.toContain(shop.shopId);
		expect(await setOf(shop, id)).toMatchObject({ state: "paused", done: 20 });
		expect(await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" })).toEqual({ outcome: "nothing" });
		expect(
			await askForBulkRules(deps, shop.shopId, { itemIds: shop.items, channelId: null, policy: null, actor: "7", press: "r" }),
		).toEqual({
			outcome: "busy",
		});
		expect([await word("resume"), await word("cancel"), await word("cancel")]).toEqual(["decided", "decided", "unchanged"]);
		await run(shop);
		expect(await setOf(shop, id)).toMatchObject({ state: "cancelled", done: 20, changed: 20, canRollBack: true });
		expect(await word("resume")).toBe("over");
		expect((await nets(shop)).filter((net) => net === "11")).toHaveLength(20);
		await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" });
		await run(shop);
		expect(new Set(await nets(shop))).toEqual(new Set(["10"]));
	});

	test("R27 sent twice it is one file; read and done by several at once, it is done once", async () => {
		const { deps, open, bring, run, setOf, confirm, nets, rows } = kit;
		const shop = await open({ items: 40, locations: 1 });
		const text = `SKU,Change\n${shop.items.map((_, n) => `SKU-${n},+3`).join("\n")}\n`;
		const ids = await Promise.all([bring(shop, text, { press: "same" }), bring(shop, text, { press: "same" })]);
		expect(new Set(ids).size).toBe(1);
		const [id = 0] = ids;
		await Promise.all(Array.from({ length: 4 }, () => run(shop)));
		expect(await setOf(shop, id)).toMatchObject({ state: "ready", total: 40, linesRead: 40 });
		const confirmed = await Promise.all([confirm(shop, id), confirm(shop, id)]);
		expect(confirmed.map(({ outcome }) => outcome).sort()).toEqual(["confirmed", "over"]);
		await Promise.all(Array.from({ length: 4 }, () => run(shop)));
		await run(shop);
		expect(new Set(await nets(shop))).toEqual(new Set(["13"]));
		expect(await setOf(shop, id)).toMatchObject({ done: 40, changed: 40, unitsUp: 120 });
		expect(await rows("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action = 'bulk.applied'", shop)).toEqual([{ n: 1 }]);
		const undone = await Promise.all([1, 2].map(() => askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" })));
		expect(new Set(undone.map((one) => JSON.stringify(one))).size).toBe(1);
	});

	test("R27 a line that could not be applied is set aside and does not hold the rest up; its message, tried again later, moves nothing", async () => {
		const { open, bring, run, setOf, confirm, nets } = kit;
		const shop = await open({ items: 2, locations: 1 });
		const id = await bring(shop, "SKU,Change\nSKU-0,+3\nSKU-1,+3\n");
		await run(shop);
		await confirm(shop, id);
		await db.pool.query("UPDATE stock SET available = 2147483646, home_quantity = 2147483646 WHERE shop_id = $1 AND item_id = $2", [
			shop.shopId,
			shop.items[0],
		]);
		await run(shop);
		expect(await setOf(shop, id)).toMatchObject({ state: "done", done: 2, changed: 1, unitsUp: 3, unitsMissing: 3 });
		await db.pool.query("UPDATE stock SET available = 10, home_quantity = 10 WHERE shop_id = $1 AND item_id = $2", [
			shop.shopId,
			shop.items[0],
		]);
		await db.pool.query("UPDATE inbox_event SET status = 'pending' WHERE shop_id = $1 AND topic = 'stock.edit'", [shop.shopId]);
		await drain(db.pool, shop);
		expect(await nets(shop)).toEqual(["10", "13"]);
	});

	test("R37 another shop's set is none", async () => {
		const { deps, open, bring, run, confirm } = kit;
		const [shop, other] = [await open(), await open()];
		const id = await bring(other, "SKU,Quantity\nSKU-0,20\n");
		await run(other);
		expect(await confirm(shop, id)).toEqual({ outcome: "over" });
		expect(await readBulk(db.pool, shop.shopId, id)).toBeNull();
		expect(await putAway(deps, shop.shopId, id)).toBe(false);
		expect(await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" })).toEqual({ outcome: "nothing" });
	});
});
