import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalEventSchema } from "#domain";
import { UnexpectedShapeError } from "../errors.ts";
import { heldBy, type OrderLine, stockOf, toSnapshot } from "./mapping.ts";
import { orderKept, webhooks } from "./webhooks.ts";

type Json = Record<string, unknown>;
const fixture = (name: string): Json => JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8"));
const order = fixture("order").body as Json;
const withLine = (line: Json, over: Json = {}) => ({ ...order, ...over, line_items: [{ ...(order.line_items as Json[])[0], ...line }] });
const reduced = (value: unknown) => [{ key: "_reduced_stock", value }];

describe("units held", () => {
	const held = (status: string, meta: { key: string; value: unknown }[], orderMeta: { key: string; value: unknown }[] = []) =>
		heldBy({ status, meta_data: orderMeta } as never, { id: 1, meta_data: meta } as Pick<OrderLine, "id" | "meta_data">);

	test.each([
		["processing", "2", 2],
		["on-hold", "2", 2],
		["completed", "2", 2],
		["refunded", "2", 2],
		["processing", "0", 0],
		["processing", "-6", -6],
		["processing", 3, 3],
		["pending", "2", 0],
		["failed", "2", 0],
		["cancelled", "2", 0],
	])("R07 %s with _reduced_stock %j holds %i", (status, value, units) => {
		expect(held(status, reduced(value))).toBe(units);
	});

	test("nothing is held where the store took nothing (an unmanaged product, or before it got there)", () => {
		expect(held("processing", [])).toBe(0);
		expect(held("completed", reduced(""))).toBe(0);
	});

	test("in the trash an order keeps what it kept before, and a cancelled one keeps nothing there either", () => {
		const from = (status: string) => [{ key: "_wp_trash_meta_status", value: `wc-${status}` }];
		expect(held("trash", reduced("3"), from("processing"))).toBe(3);
		expect(held("trash", reduced("3"), from("cancelled"))).toBe(0);
		expect(held("trash", reduced("3"), from("pending"))).toBe(0);
		expect(held("trash", reduced("3"))).toBe(3);
		expect(() => held("trash", reduced("3"), from("packed"))).toThrow(/unknown status packed/);
	});

	test.each(["1.5", "many", "1e3", " 2", {}, [2], true, Number.NaN, 2 ** 60, "99999999999999999999"])(
		"R32 %j is no number of units",
		(value) => {
			expect(() => held("processing", reduced(value))).toThrow(UnexpectedShapeError);
		},
	);

	test("whatever stands there: a whole number, or a refusal; never NaN, never a guess", () => {
		const statuses = ["processing", "on-hold", "completed", "refunded", "trash", "pending", "cancelled", "failed"];
		let numbers = 0;
		let refusals = 0;
		fc.assert(
			fc.property(
				fc.constantFrom(...statuses),
				fc.oneof(fc.integer().map(String), fc.integer(), fc.double(), fc.string(), fc.jsonValue(), fc.constant(undefined)),
				(status, value) => {
					try {
						const units = held(status, reduced(value));
						expect(Number.isSafeInteger(units)).toBe(true);
						expect(Object.is(units, -0)).toBe(false);
						numbers++;
					} catch (error) {
						expect(error).toBeInstanceOf(UnexpectedShapeError);
						refusals++;
					}
				},
			),
			{ numRuns: 500 },
		);
		expect(numbers).toBeGreaterThan(50);
		expect(refusals).toBeGreaterThan(50);
	});
});

describe("an order's snapshot", () => {
	test("R32 a plugin's status fails by its name", () => {
		expect(() => toSnapshot({ ...order, status: "wholesale-shipped" })).toThrow(/status "wholesale-shipped"/);
	});

	test.each(["id", "status", "date_created_gmt", "date_modified_gmt", "line_items"])("R32 without %s it fails", (field) => {
		const { [field]: _, ...rest } = order;
		expect(() => toSnapshot(rest)).toThrow(UnexpectedShapeError);
	});

	test.each([{ quantity: 1.5 }, { quantity: "2" }, { meta_data: undefined }, { product_id: null }, { id: 0 }])(
		"R32 a line with %j fails",
		(line) => {
			expect(() => toSnapshot(withLine(line))).toThrow(UnexpectedShapeError);
			expect(() => toSnapshot(orderKept(withLine(line)))).toThrow(UnexpectedShapeError);
		},
	);

	test("R32 a line that is none, or a _reduced_stock of another kind, is not left out in silence", () => {
		expect(() => toSnapshot(orderKept({ ...order, line_items: ["?"] }))).toThrow(UnexpectedShapeError);
		expect(() => toSnapshot(orderKept(withLine({ meta_data: reduced({ units: 2 }) })))).toThrow(UnexpectedShapeError);
		expect(() => toSnapshot(orderKept(withLine({ meta_data: reduced("two of Jane's") })))).toThrow(UnexpectedShapeError);
	});

	test("a product that is deleted for good leaves a line without a listing", () => {
		const snapshot = toSnapshot(withLine({ product_id: 0, variation_id: 0, sku: null }));
		expect(snapshot?.lines[0]).toMatchObject({ listingExternalId: null, sku: null, held: 3 });
	});

	test("the hash follows what can change units, and nothing else", () => {
		const hash = (over: Json) => toSnapshot({ ...order, ...over })?.contentHash;
		const same = hash({});
		for (const over of [{ number: "X" }, { date_modified_gmt: "2026-12-01T00:00:00" }, { billing: {} }]) expect(hash(over)).toBe(same);
		expect(toSnapshot(withLine({ sku: "RENAMED" }))?.contentHash).toBe(toSnapshot(withLine({}))?.contentHash);
		const others = [
			hash({ status: "completed" }),
			...[{ quantity: 4 }, { product_id: 43 }, { variation_id: 9 }, { meta_data: reduced("2") }, { meta_data: [] }].map(
				(line) => toSnapshot(withLine(line))?.contentHash,
			),
			toSnapshot(withLine({}))?.contentHash,
			same,
		];
		expect(new Set(others).size).toBe(others.length);
	});

	test("webhook, read and list of one state give one hash", () => {
		const read = toSnapshot(orderKept(order));
		const [seen] = webhooks.toEvents({ topic: "order.updated", payload: webhooks.allowList("order.updated", order), headers: {} });
		expect(seen).toEqual(read);
		expect(canonicalEventSchema.parse(read)).toEqual(read);
	});
});

describe("a product's figure", () => {
	test.each([
		[{ manage_stock: true, stock_quantity: 7 }, 7, true],
		[{ manage_stock: true, stock_quantity: -2 }, -2, true],
		[{ manage_stock: true, stock_quantity: 2.7 }, 2, true],
		[{ manage_stock: true, stock_quantity: "3.9" }, 3, true],
		[{ manage_stock: true, stock_quantity: null }, null, false],
		[{ manage_stock: false, stock_quantity: 12 }, null, false],
		[{ manage_stock: "parent" as const, stock_quantity: 12 }, null, false],
	])("%j reads as %j", (product, quantity, managed) => {
		expect(stockOf({ id: 1, ...product })).toEqual({ quantity, managed });
	});
});

describe("R04 nothing personal is kept", () => {
	const MARK = "PERSONAL-7f3a";
	const kept = new Set([
		"id",
		"number",
		"status",
		"date_created_gmt",
		"date_modified_gmt",
		"line_items",
		"meta_data",
		"parent_id",
		"type",
		"sku",
		"manage_stock",
		"stock_quantity",
		"product_id",
		"variation_id",
		"quantity",
		"key",
		"value",
		"code",
	]);
	const personal: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
		value: fc.oneof(
			{ depthSize: "small" },
			fc.string().map((text) => `${text}${MARK}`),
			fc.array(tie("value"), { maxLength: 3 }),
			tie("object"),
		),
		object: fc.dictionary(
			fc.string().filter((name) => !kept.has(name)),
			tie("value"),
			{ maxKeys: 4 },
		),
	})).value;

	test("whatever else a store or its plugins put beside, around and inside", () => {
		let withPersonal = 0;
		fc.assert(
			fc.property(
				fc.constantFrom("order.created", "order.updated", "order.restored", "order.deleted", "product.updated", "product.deleted"),
				fc.dictionary(
					fc
						.oneof(fc.constantFrom("billing", "shipping", "customer_note", "customer_ip_address", "payment_url"), fc.string())
						.filter((name) => !kept.has(name)),
					personal,
					{ maxKeys: 6 },
				),
				personal,
				(topic, extra, inside) => {
					const meta = [...reduced(inside), { key: "gift message", value: inside }, { key: "_reduced_stock_note", value: `${MARK}` }];
					const body = {
						...order,
						...extra,
						meta_data: [{ key: "_billing_vat", value: inside }],
						line_items: [{ ...(order.line_items as Json[])[0], ...extra, meta_data: meta, name: `${MARK}` }],
						// Odd kinds in the fields that are kept.
						manage_stock: inside,
						stock_quantity: inside,
						type: { inside },
					};
					if (JSON.stringify(body).includes(MARK)) withPersonal++;
					expect(JSON.stringify(webhooks.allowList(topic, body))).not.toContain(MARK);
				},
			),
			{ numRuns: 300 },
		);
		expect(withPersonal).toBeGreaterThan(200);
	});

	test("the recorded order loses its buyer and keeps what counts", () => {
		const text = JSON.stringify(webhooks.allowList("order.updated", order));
		for (const word of ["buyer@example.com", "Buyer", "leave at door", "10001", "X-1", "wc_order_"]) {
			expect(JSON.stringify(order)).toContain(word);
			expect(text).not.toContain(word);
		}
		expect(text).toContain("_reduced_stock");
	});
});
