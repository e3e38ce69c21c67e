import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ChannelUnavailableError, CredentialsRejectedError, RateLimitedError, RequestRejectedError } from "#app/channels/errors.ts";
import { channel } from "#channels";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { type FetchDesk, neighbour, openFetchDesk, order, reading } from "../../tests/kit/fetch-desk.ts";

let db: TestDatabase;
let desk: FetchDesk;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db?.drop());
beforeEach(async () => {
	desk = await openFetchDesk(db);
});

test("R18 what passes is tried again later, with jitter; a wish in between does not hurry it", async () => {
	await desk.wish("order", "7");
	const { client } = neighbour({ readOrder: async () => Promise.reject(new ChannelUnavailableError("maintenance", { httpStatus: 503 })) });
	const { fetched, failed, againInMs } = await desk.run(client);
	expect([fetched, failed]).toEqual([0, 1]);
	expect(againInMs).not.toBeNull();
	await db.pool.query("UPDATE fetch_request SET due_at = clock_timestamp() + interval '30 seconds'");
	await desk.wish("order", "7");
	expect(await desk.requests()).toMatchObject([{ done_seq: 0, attempts: 1, lease_token: null, last_error: "maintenance" }]);
	expect((await desk.requests())[0].due_in).toBeGreaterThan(25);
	expect(await desk.letters()).toEqual([]);
});

test("R18 Retry-After is kept, and bounded; a channel that is down is asked once, not once for each thing", async () => {
	for (let i = 0; i < 20; i++) await desk.wish("order", String(i));
	let asked = 0;
	const refusing = (retryAfterMs: number) =>
		neighbour({
			readOrder: async () => {
				asked++;
				throw new RateLimitedError("slow down", { retryAfterMs });
			},
		}).client;
	const oneAtATime = { ...channel("shopify"), limits: { ...channel("shopify").limits, concurrency: 1 } };
	expect((await desk.run(refusing(40_000), oneAtATime)).againInMs).toBeGreaterThanOrEqual(39_000);
	expect(asked).toBe(1);
	// Nothing of it is due any more, so the sweep does not ask once a second either.
	expect((await desk.requests()).filter((request) => request.due_in < 30)).toEqual([]);
	await db.pool.query("UPDATE fetch_request SET due_at = clock_timestamp(), attempts = 0");
	expect((await desk.run(refusing(86_400_000), oneAtATime)).againInMs).toBeLessThanOrEqual(15 * 60_000);
});

test("R21 what the channel refuses for good is a dead letter at once, alone among fifty; the others are read", async () => {
	for (let i = 0; i < 10; i++) await desk.wish("levels", `i${i}`);
	const { client } = neighbour({
		home: {
			readLevels: async (ids) => {
				if (ids.includes("i3")) throw new RequestRejectedError("invalid id i3", { code: "INVALID" });
				return { items: [], readings: ids.map((id) => reading(id, 1)) };
			},
		},
	});
	expect(await desk.run(client)).toMatchObject({ fetched: 9, failed: 1, againInMs: null });
	expect(await desk.letters()).toEqual([
		{ operation: "fetch.levels", error_class: "rejected", state: "open", attempts: 1, payload: { externalId: "i3", reason: "hint" } },
	]);
	expect((await desk.events()).filter((e) => e.event?.type === "home.reading")).toHaveLength(9);
});

test("R21 what fails again and again is shown among the dead letters, still tried, and closes itself when it succeeds", async () => {
	await desk.wish("order", "7");
	let broken = true;
	const { client } = neighbour({
		readOrder: async (id) => {
			if (broken) throw new ChannelUnavailableError("500 for this order");
			return order(id);
		},
	});
	for (let i = 0; i < 8; i++) {
		await desk.run(client);
		await db.pool.query("UPDATE fetch_request SET due_at = clock_timestamp()");
	}
	expect(await desk.letters()).toMatchObject([{ error_class: "unavailable", state: "open" }]);
	broken = false;
	expect(await desk.run(client)).toMatchObject({ fetched: 1 });
	expect(await desk.letters()).toMatchObject([{ state: "resolved" }]);
});

test("refused keys are the connection's trouble: nothing is lost to the dead letters, the work waits", async () => {
	await desk.wish("order", "7");
	await desk.wish("order", "8");
	const { client } = neighbour({ readOrder: async () => Promise.reject(new CredentialsRejectedError("revoked")) });
	const result = await desk.run(client);
	expect(result.againInMs).not.toBeNull();
	expect(await desk.letters()).toEqual([]);
	expect((await desk.requests()).every((request) => request.done_seq === 0)).toBe(true);
});

test("R32 an answer that does not fit our own contract is a dead letter, not an event", async () => {
	await desk.wish("order", "7");
	const { client } = neighbour({ readOrder: async (id) => order(id, { stamp: "yesterday" }) });
	expect(await desk.run(client)).toMatchObject({ failed: 1, againInMs: null });
	expect(await desk.letters()).toMatchObject([{ error_class: "unexpected-shape" }]);
	expect(await desk.events()).toEqual([]);
});
