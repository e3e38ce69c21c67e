import { describe, expect, test } from "vitest";
import { type Books, createBooks } from "../../books.ts";
import { createClock } from "../../clock.ts";
import { createRandom } from "../../random.ts";
import { bearings } from "./judge.ts";
import { planSteadySales } from "./plan.ts";
import { DOWN, LATE, LIMITED, REVOKED } from "./stores.ts";

/** Books in which so many calls stand, each [start, milliseconds, status] after the trouble's begin. */
function booksOf(channel: string, calls: readonly (readonly [number, number, number])[]): { books: Books; from: number } {
	const clock = createClock({ speed: 1 });
	const from = clock.now();
	const books = createBooks({ ...clock, now: () => now });
	let now = from;
	for (const [start, tookMs, status] of calls) {
		now = from + start + tookMs;
		books.called({ channel, operation: "GET products", status, tookMs });
	}
	return { books, from };
}
const forbidden = (channel: string, calls: readonly (readonly [number, number, number])[]) => {
	const { books, from } = booksOf(channel, calls);
	return bearings(books, [{ store: channel, from, until: from + 300_000 }])[0]?.forbidden;
};

describe("R17 R18 what the books call forbidden", () => {
	test("a call inside of a Retry-After, but for what was on its way when it was said", () => {
		expect(forbidden(LIMITED, [[0, 100, 429]])).toBe(0);
		expect(
			forbidden(LIMITED, [
				[0, 100, 429],
				[50, 300, 429],
			]),
		).toBe(0);
		expect(
			forbidden(LIMITED, [
				[0, 100, 429],
				[5_000, 100, 429],
				[30_000, 100, 429],
			]),
		).toBe(1);
	});

	test("more tries than pauses that grow would make, after the fifth failure", () => {
		const tries = (count: number, everyMs: number, from = 0) =>
			Array.from({ length: count }, (_, n) => [from + n * everyMs, 100, 502] as const);
		const five = tries(5, 1_000);
		expect(forbidden(DOWN, [...five, ...tries(35, 8_000, 10_000)])).toBe(0);
		expect(forbidden(DOWN, [...five, ...tries(20, 100, 10_000)])).toBe(0);
		expect(forbidden(DOWN, [...five, ...tries(23, 100, 10_000)])).toBe(3);
		expect(forbidden(REVOKED, [...five, ...tries(60, 1_000, 10_000)])).toBe(40);
		// Before it, and what overlaps: one failure among others that were on their way with it.
		expect(forbidden(DOWN, tries(40, 10))).toBe(0);
		// Orders are read all the same.
		const { books, from } = booksOf(DOWN, [...five, ...tries(20, 100, 10_000)]);
		for (let n = 0; n < 9; n++) books.called({ channel: DOWN, operation: "GET orders", status: 502, tookMs: 50 });
		expect(bearings(books, [{ store: DOWN, from, until: from + 300_000 }])[0]).toMatchObject({ calls: 34, forbidden: 0, which: [] });
	});

	test("a limit that was broken anywhere else", () => {
		const { books, from } = booksOf(LATE, []);
		books.violated({ channel: LATE, rule: "concurrency", detail: "3 requests in flight" });
		expect(bearings(books, [{ store: LATE, from, until: from + 1 }])[0]).toMatchObject({ forbidden: 1, why: "limits broken" });
	});
});

test("the same seed is the same day, evenly spread, and nobody buys what a store does not sell", () => {
	const sellers = [
		{ id: "a", skus: ["1", "2", "3", "4"] },
		{ id: "b", skus: ["1"] },
	];
	const plan = (seed: number) => planSteadySales(createRandom(seed), { sales: 300, lengthMs: 60_000, sellers }).steps;
	expect(plan(7)).toEqual(plan(7));
	expect(plan(7)).not.toEqual(plan(8));
	const halves = [0, 1].map((half) => plan(7).filter(({ at }) => Math.floor(at / 30_000) === half).length);
	expect(halves).toEqual([150, 150]);
	for (const step of plan(7)) if (step.kind === "buy" && step.channel === "b") expect(step.lines).toEqual([{ sku: "1", quantity: 1 }]);
});
