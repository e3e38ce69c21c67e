import { describe, expect, test } from "vitest";
import { ago, counted, duration, listed, listedFew, plural } from "./words.ts";

describe("figures as a merchant reads them", () => {
	test("a duration is as exact as it matters to somebody who waits", () => {
		expect([0, 420, 9_949, 12_400, 180_000, 5 * 3_600_000, 49 * 3_600_000].map(duration)).toEqual([
			"0.0 s",
			"0.4 s",
			"9.9 s",
			"12 s",
			"3 min",
			"5 h",
			"2 days",
		]);
	});

	test("a time ago is never in the future, whatever the clocks say", () => {
		const now = "2026-11-21T12:00:00.000Z";
		expect(ago("2026-11-21T12:00:30.000Z", now)).toBe("just now");
		expect(ago("2026-11-21T11:59:59.000Z", now)).toBe("just now");
		expect(ago("2026-11-21T11:59:22.500Z", now)).toBe("37 s ago");
		expect(ago("2026-11-21T11:58:00.000Z", now)).toBe("2 min ago");
	});

	test("counts say when they stop counting", () => {
		expect(counted({ count: 10_000, more: true })).toBe("10,000+");
		expect(counted({ count: 3, more: false })).toBe("3");
		expect([plural(1, "unit"), plural(1_200, "unit")]).toEqual(["1 unit", "1,200 units"]);
	});

	test("names are listed as in a sentence", () => {
		expect([listed([]), listed(["A"]), listed(["A", "B"]), listed(["A", "B", "C"])]).toEqual(["", "A", "A and B", "A, B and C"]);
	});

	test("of many names the first are said, and how many more there are", () => {
		const names = ["A", "B", "C", "D", "E", "F"];
		expect([listedFew([]), listedFew(names.slice(0, 4)), listedFew(names.slice(0, 5)), listedFew(names)]).toEqual([
			"",
			"A, B, C and D",
			"A, B, C and 2 more",
			"A, B, C and 3 more",
		]);
	});
});
