import { expect, test } from "vitest";
import { apiCalendar, VERSION_WARNING_DAYS } from "./calendar.ts";
import { channel, channels } from "./index.ts";

const ending = (id: string, sunsetAt: string | null) => ({
	...channel("woocommerce"),
	id,
	apiVersion: { pinned: "v1", sunsetAt, source: "x" },
});
const day = (text: string) => new Date(`${text}T12:00:00Z`);

test("R33 a version is warned of from 60 days before its end, and is over from its day on; the soonest end comes first", () => {
	const of = [ending("none", null), ending("far", "2027-10-01"), ending("near", "2027-04-01")];
	const states = (now: string) => apiCalendar(day(now), of).map(({ channel: id, state, daysLeft }) => [id, state, daysLeft]);
	expect(states("2026-11-30")).toEqual([
		["near", "supported", 121],
		["far", "supported", 304],
		["none", "open-ended", null],
	]);
	expect(states("2027-01-29")[0]).toEqual(["near", "supported", VERSION_WARNING_DAYS + 1]);
	expect(states("2027-01-30")[0]).toEqual(["near", "ends-soon", VERSION_WARNING_DAYS]);
	expect(states("2027-03-31")[0]).toEqual(["near", "ends-soon", 0]);
	expect(states("2027-04-01")[0]).toEqual(["near", "ended", -1]);
	expect(() => apiCalendar(day("2026-11-30"), [ending("wrong", "next year")])).toThrow("no date");
});

test("R33 every channel names its version, when that ends, and where this was looked up", () => {
	for (const { name, apiVersion } of channels()) {
		expect([name, apiVersion.pinned.length > 0, apiVersion.source.length > 10]).toEqual([name, true, true]);
		// Without an end the source says on which day none was announced.
		if (apiVersion.sunsetAt === null) expect(apiVersion.source).toMatch(/20\d\d-\d\d-\d\d/);
		else expect(apiVersion.sunsetAt).toMatch(/^20\d\d-\d\d-\d\d$/);
	}
	expect(apiCalendar(new Date()).length).toBe(channels().length);
});
