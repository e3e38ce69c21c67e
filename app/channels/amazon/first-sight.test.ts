import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CanonicalEvent, OrderSnapshot } from "#domain";
import type { Order } from "#ledger";
import { asOfOf, compareVersion } from "../../apply/decide/version.ts";
import { toSnapshot } from "./mapping.ts";
import { APPLICATIONS_HEADER, notifications } from "./notifications.ts";

/**
 * Why a notification is stamped with the moment of purchase: by the app's own rule of which state is newer, it counts at first sight
 * only, whatever came before it and however often it comes.
 */
const PURCHASED = Date.parse("2026-11-20T10:00:00Z");
const at = (ms: number) => new Date(PURCHASED + ms).toISOString();
type State = { status: "PENDING" | "UNSHIPPED" | "CANCELLED"; left: number; changedMs: number };
const NOTIFIED = { PENDING: "Pending", UNSHIPPED: "Unshipped", CANCELLED: "Canceled" } as const;

/** The order as the API tells it: its own clock. */
const read = ({ status, left, changedMs }: State, askedAt?: number): OrderSnapshot => ({
	...toSnapshot({
		orderId: "902-1",
		createdTime: at(0),
		lastUpdatedTime: at(changedMs),
		salesChannel: { channelName: "AMAZON", marketplaceId: "ATVPDKIKX0DER" },
		fulfillment: { fulfillmentStatus: status, fulfilledBy: "MERCHANT" },
		orderItems: [
			{
				orderItemId: "1",
				quantityOrdered: 2,
				product: { sellerSku: "A" },
				fulfillment: { quantityFulfilled: 0, quantityUnfulfilled: left },
			},
		],
	}),
	fetched: askedAt === undefined ? null : { askedAt: new Date(askedAt).toISOString(), answeredAt: new Date(askedAt + 1).toISOString() },
});
/** The notification of the same change: another clock, and nothing of a partial cancellation. */
const told = ({ status, changedMs }: State, skewMs: number): CanonicalEvent[] => {
	const payload = notifications.allowList("ORDER_CHANGE", {
		NotificationType: "ORDER_CHANGE",
		EventTime: at(changedMs + skewMs),
		Payload: {
			OrderChangeNotification: {
				NotificationLevel: "OrderLevel",
				AmazonOrderId: "902-1",
				OrderChangeType: "OrderStatusChange",
				OrderChangeTrigger: { TimeOfOrderChange: at(changedMs + skewMs) },
				Summary: {
					MarketplaceId: "ATVPDKIKX0DER",
					OrderStatus: NOTIFIED[status],
					PurchaseDate: at(0),
					FulfillmentType: "MFN",
					OrderItems: [{ OrderItemId: "1", SellerSKU: "A", Quantity: 2 }],
				},
			},
		},
		NotificationMetadata: { ApplicationId: "ours", NotificationId: `n-${changedMs}` },
	});
	return notifications.toEvents({ topic: "ORDER_CHANGE", payload, headers: { [APPLICATIONS_HEADER]: "ours" } });
};

/** The app's rules for one order: apply/decide/version.ts, and a fetch where it asks for one. */
function createBooks() {
	let known: Order | undefined;
	let clock = PURCHASED;
	let wanted = false;
	const books = {
		held: 0,
		verdicts: [] as string[],
		take(event: CanonicalEvent) {
			clock += 10;
			if (event.type === "order.hint") {
				wanted = true;
				return;
			}
			if (event.type !== "order.snapshot") throw new Error(`An order notification makes no ${event.type}`);
			const verdict = compareVersion(known, event);
			books.verdicts.push(verdict);
			if (verdict === "look-again") wanted = true;
			if (verdict !== "first" && verdict !== "newer") return;
			known = { stamp: Date.parse(event.stamp), contentHash: event.contentHash, asOf: asOfOf(event, clock) } as Order;
			books.held = event.lines.reduce((sum, line) => sum + line.held, 0);
		},
		/** The fetch that a hint asked for. */
		fetch(now: State) {
			if (!wanted) return;
			wanted = false;
			clock += 10;
			books.take(read(now, clock));
		},
	};
	return books;
}

const pending: State = { status: "PENDING", left: 2, changedMs: 0 };
const unshipped: State = { status: "UNSHIPPED", left: 2, changedMs: 1_800_000 };
const cancelled: State = { status: "CANCELLED", left: 0, changedMs: 3_600_000 };

describe("R06 a notification beside what is read", () => {
	test("the sale counts by the first notification, before anything was read; again and again it counts once", () => {
		const books = createBooks();
		for (let copy = 0; copy < 100; copy++) for (const event of told(pending, 40_000)) books.take(event);
		expect(books.held).toBe(2);
		expect(books.verdicts.filter((verdict) => verdict === "first")).toHaveLength(1);
		expect(new Set(books.verdicts)).toEqual(new Set(["first", "same"]));
	});

	test("a late one never undoes what was read, however far its clock is ahead", () => {
		const books = createBooks();
		books.take(read(cancelled));
		for (const event of told(pending, 24 * 3_600_000)) books.take(event);
		expect(books.held).toBe(0);
		expect(books.verdicts).toEqual(["first", "stale"]);
	});

	test("a cancellation that is told after the sale is looked up at once", () => {
		const books = createBooks();
		for (const event of [...told(pending, 0), ...told(cancelled, 0)]) books.take(event);
		expect(books.verdicts).toEqual(["first", "look-again"]);
		books.fetch(cancelled);
		expect(books.held).toBe(0);
	});

	test("notifications, polls and fetches in any order and number end in the order's last state", () => {
		const partly: State = { status: "UNSHIPPED", left: 1, changedMs: 2_400_000 };
		const histories = [
			[pending],
			[pending, unshipped],
			[pending, cancelled],
			[pending, unshipped, partly],
			[pending, unshipped, partly, cancelled],
		];
		const step = fc.record({
			state: fc.nat(3),
			way: fc.constantFrom("told", "polled", "fetched"),
			skewMs: fc.integer({ min: -600_000, max: 600_000 }),
		});
		fc.assert(
			fc.property(fc.constantFrom(...histories), fc.array(step, { maxLength: 12 }), (history, steps) => {
				const last = history.at(-1) as State;
				const books = createBooks();
				for (const { state, way, skewMs } of steps) {
					const then = history[state % history.length] as State;
					if (way === "fetched") books.fetch(last);
					else for (const event of way === "told" ? told(then, skewMs) : [read(then)]) books.take(event);
					expect(books.held).toBeLessThanOrEqual(2);
				}
				// The last word is told once more, as Amazon does, and looked up.
				for (const event of told(last, 0)) books.take(event);
				books.fetch(last);
				expect(books.held).toBe(last.left);
			}),
			{ numRuns: 500 },
		);
	});
});
