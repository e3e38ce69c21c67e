import { describe, expect, test } from "vitest";
import { applyOwnOrder } from "./desired.ts";
import type { Listing } from "./types.ts";

const RESOLUTION_MS = 1_000;
const READ_AT = 100_000;
/** Read at READ_AT, when the channel showed 10. */
const listing = {
	shown: 10,
	unseen: 0,
	readAt: READ_AT,
	writtenAt: READ_AT,
	ownChanges: 0,
	recheck: false,
	nextAttemptAt: null,
} as Listing;
const ordered = (change: number, at: number, some: Partial<Listing> = {}) =>
	applyOwnOrder({ ...listing, ...some }, { change, from: at, to: at }, RESOLUTION_MS);

describe("R41 what an order of the channel itself does to the figure that it is believed to show", () => {
	test("surely after the reading, the figure has moved with it: a sale lowers it, a cancellation raises it", () => {
		expect(ordered(2, READ_AT + 2_000)).toMatchObject({ shown: 8, recheck: false });
		expect(ordered(-2, READ_AT + 2_000)).toMatchObject({ shown: 12, recheck: false });
	});

	test("surely before it, the reading held it already; a sale pays off what was missed", () => {
		expect(ordered(2, READ_AT - 2_000, { unseen: 3 })).toMatchObject({ shown: 10, unseen: 1, recheck: false });
		expect(ordered(-2, READ_AT - 2_000)).toMatchObject({ shown: 10, unseen: 0, recheck: false });
	});

	test("either, the lower figure is believed and looked at: raised by a cancellation, the next reading would miss units for good", () => {
		expect(ordered(2, READ_AT)).toMatchObject({ shown: 8, recheck: true });
		expect(ordered(3, READ_AT, { unseen: 1 })).toMatchObject({ shown: 8, unseen: 0, recheck: true });
		expect(ordered(-2, READ_AT)).toMatchObject({ shown: 10, unseen: 0, recheck: true });
	});
});
