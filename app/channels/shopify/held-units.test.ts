import fc from "fast-check";
import { expect, test } from "vitest";
import { heldUnits, toSnapshot } from "./held-units.ts";
import { snapshotOfPayload } from "./webhooks/order-payload.ts";

const line = { id: "1", variantId: "7", sku: "A", quantity: 3, currentQuantity: 3, refundedWithoutRestock: 0 };

test("R07 a line holds what is still ordered", () => {
	expect(heldUnits(line)).toBe(3);
});

test("R07 a refund with restock frees its units, one without frees none", () => {
	expect(heldUnits({ ...line, currentQuantity: 1 })).toBe(1);
	expect(heldUnits({ ...line, currentQuantity: 1, refundedWithoutRestock: 2 })).toBe(3);
	expect(heldUnits({ ...line, currentQuantity: 0, refundedWithoutRestock: 1 })).toBe(1);
});

test("R07 a refund line that stands before its units left current_quantity is not held twice", () => {
	expect(heldUnits({ ...line, refundedWithoutRestock: 2 })).toBe(3);
});

test("R07 what is held never exceeds what was ordered and never falls below what is still ordered", () => {
	const anyLine = fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50)).map(([quantity, removed, refundedWithoutRestock]) => ({
		...line,
		quantity,
		currentQuantity: Math.max(0, quantity - removed),
		refundedWithoutRestock,
	}));
	fc.assert(
		fc.property(anyLine, (l) => {
			expect(heldUnits(l)).toBeLessThanOrEqual(l.quantity);
			expect(heldUnits(l)).toBeGreaterThanOrEqual(l.currentQuantity);
		}),
	);
});

const restockTypes = ["no_restock", "cancel", "return", "legacy_restock"] as const;

test("R06 the same state by webhook and by GraphQL is the same snapshot, hash included", () => {
	const anyOrder = fc.record({
		cancelled: fc.boolean(),
		pos: fc.boolean(),
		lines: fc.uniqueArray(
			fc.record({
				id: fc.integer({ min: 1, max: 1e6 }),
				variant: fc.option(fc.integer({ min: 1, max: 1e6 })),
				sku: fc.constantFrom(null, "", "A-1"),
				refunds: fc.array(fc.record({ units: fc.integer({ min: 1, max: 3 }), type: fc.constantFrom(...restockTypes) }), { maxLength: 3 }),
				left: fc.nat(5),
				removedByEdit: fc.nat(2),
			}),
			{ selector: (l) => l.id, maxLength: 5 },
		),
	});
	let withHeldRefunds = 0;
	fc.assert(
		fc.property(anyOrder, (order) => {
			const lines = order.lines.map((l) => {
				const refunded = l.refunds.reduce((sum, r) => sum + r.units, 0);
				return { ...l, quantity: l.left + refunded + l.removedByEdit };
			});
			const webhook = snapshotOfPayload({
				id: 99,
				name: "#1001",
				created_at: "2026-11-20T10:00:00-05:00",
				updated_at: "2026-11-20T10:00:01-05:00",
				cancelled_at: order.cancelled ? "2026-11-20T10:00:01-05:00" : null,
				location_id: order.pos ? 5 : null,
				source_name: order.pos ? "pos" : "580111",
				source_identifier: order.pos ? null : "111-98567-54",
				line_items: lines.map((l) => ({ id: l.id, variant_id: l.variant, sku: l.sku, quantity: l.quantity, current_quantity: l.left })),
				refunds: lines.flatMap((l) =>
					l.refunds.map((r) => ({ refund_line_items: [{ line_item_id: l.id, quantity: r.units, restock_type: r.type }] })),
				),
			});
			const graphql = toSnapshot(
				{
					id: "99",
					name: "#1001",
					createdAt: "2026-11-20T15:00:00.000Z",
					updatedAt: "2026-11-20T15:00:01.000Z",
					cancelledAt: order.cancelled ? "2026-11-20T15:00:01.000Z" : null,
					retailLocationId: order.pos ? "5" : null,
					sourceName: order.pos ? "pos" : "580111",
					sourceIdentifier: order.pos ? null : "111-98567-54",
					total: null,
					// GraphQL lists them in another order.
					lines: [...lines].reverse().map((l) => ({
						id: String(l.id),
						variantId: l.variant === null ? null : String(l.variant),
						sku: l.sku === "" ? null : l.sku,
						quantity: l.quantity,
						currentQuantity: l.left,
						refundedWithoutRestock: l.refunds.filter((r) => r.type === "no_restock").reduce((sum, r) => sum + r.units, 0),
					})),
				},
				null,
			);
			withHeldRefunds += Number(webhook.lines.some((l, index) => l.held > (lines[index]?.left ?? 0)));
			expect({ ...graphql, lines: [...graphql.lines].reverse() }).toEqual(webhook);
		}),
	);
	expect(withHeldRefunds).toBeGreaterThan(5);
});

test("R07 other units held, another cancellation or place is another hash; another SKU is not", () => {
	const order = {
		id: "9",
		name: "#9",
		createdAt: "2026-11-20T15:00:00.000Z",
		updatedAt: "2026-11-20T15:00:01.000Z",
		cancelledAt: null,
		retailLocationId: null,
		sourceName: "web",
		sourceIdentifier: null,
		total: null,
		lines: [line],
	};
	const hash = (change: object) => toSnapshot({ ...order, ...change }, null).contentHash;
	expect(hash({ lines: [{ ...line, currentQuantity: 2 }] })).not.toBe(hash({}));
	expect(hash({ cancelledAt: "2026-11-20T15:00:01.000Z" })).not.toBe(hash({}));
	expect(hash({ retailLocationId: "4" })).not.toBe(hash({}));
	expect(hash({ lines: [{ ...line, variantId: "8" }] })).not.toBe(hash({}));
	expect(hash({ lines: [{ ...line, sku: "B" }], name: "#10", updatedAt: "2026-11-20T16:00:00.000Z" })).toBe(hash({}));
});
