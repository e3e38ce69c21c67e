import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { appendEvents, type NewInboxEvent } from "#inbox";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { type Append, createGroupCommit } from "./group-commit.ts";

let db: TestDatabase;
let statements = 0;
const append: Append = (rows) => {
	statements++;
	return appendEvents(db.pool, rows);
};
beforeAll(async () => {
	db = await freshDatabase();
	await append([row("warm")]);
});
afterAll(() => db?.drop());
beforeEach(async () => {
	await db.pool.query("TRUNCATE inbox_event, delivery_key, dead_letter");
	statements = 0;
});

const row = (deliveryKey: string, over: Partial<NewInboxEvent> = {}): NewInboxEvent => ({
	shopId: 1,
	connectionId: 1,
	topic: "orders/updated",
	source: "webhook",
	payload: { id: deliveryKey },
	event: { v: 1, type: "order.hint", orderId: deliveryKey, reason: "test" },
	deliveryKey,
	correlationId: deliveryKey,
	occurredAt: null,
	...over,
});
const unit = (deliveryKey: string, over?: Partial<NewInboxEvent>) => ({ rows: [row(deliveryKey, over)], bytes: 100 });
const kept = async () => (await db.pool.query("SELECT delivery_key, status, outcome FROM inbox_event ORDER BY id")).rows;
const committed = (inserted: number) => ({ outcome: "committed", inserted });

test("R02 a hundred deliveries of one moment are one statement, and each is answered when it is committed", async () => {
	const group = createGroupCommit({ append });
	const outcomes = await Promise.all(Array.from({ length: 100 }, (_, i) => group.add(unit(`k${i}`))));
	expect(outcomes).toEqual(Array(100).fill(committed(1)));
	expect(await kept()).toHaveLength(100);
	expect(statements).toBe(1);
	// The database's own word: every row was written by the same transaction.
	const { rows: written } = await db.pool.query("SELECT DISTINCT xmin::text FROM inbox_event");
	expect(written).toHaveLength(1);
	expect(group.waiting()).toEqual({ rows: 0, bytes: 0 });
});

test("a delivery on its own waits for no other", async () => {
	const group = createGroupCommit({ append });
	expect(await group.add(unit("alone"))).toEqual(committed(1));
	expect(statements).toBe(1);
});

test("R05 of one delivery ten times at once, one is inserted and nine are duplicates", async () => {
	const group = createGroupCommit({ append });
	const outcomes = await Promise.all(Array.from({ length: 10 }, () => group.add(unit("same"))));
	expect(outcomes.filter((o) => o.outcome === "committed" && o.inserted === 1)).toHaveLength(1);
	expect(outcomes.filter((o) => o.outcome === "committed" && o.inserted === 0)).toHaveLength(9);
	expect(await kept()).toHaveLength(1);
});

test("R02 one row that the database refuses harms only itself: it is parked as it came, the others go in", async () => {
	const group = createGroupCommit({ append });
	const outcomes = await Promise.all([unit("a"), unit("bad", { occurredAt: "no time" }), unit("c")].map((u) => group.add(u)));
	expect(outcomes).toEqual(Array(3).fill(committed(1)));
	expect(await kept()).toEqual([
		{ delivery_key: "a", status: "pending", outcome: null },
		{ delivery_key: "bad", status: "parked", outcome: "unstorable" },
		{ delivery_key: "c", status: "pending", outcome: null },
	]);
	const { rows } = await db.pool.query("SELECT payload, error_class FROM dead_letter");
	expect(rows).toEqual([{ payload: { unstorable: '{"id":"bad"}' }, error_class: "unstorable" }]);
});

test("R02 a NUL byte harms nobody, not even its own row", async () => {
	const group = createGroupCommit({ append });
	const outcomes = await Promise.all([unit("a"), unit("nul", { payload: { note: "a\0b" } })].map((u) => group.add(u)));
	expect(outcomes).toEqual(Array(2).fill(committed(1)));
	expect(statements).toBe(1);
	expect((await kept()).map((r) => r.status)).toEqual(["pending", "pending"]);
});

test("R02 without a database every delivery is told so, at once, and nothing is tried row by row", async () => {
	let calls = 0;
	const group = createGroupCommit({
		append: () => {
			calls++;
			return Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
		},
	});
	const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => group.add(unit(`k${i}`))));
	expect(outcomes.map((o) => o.outcome)).toEqual(Array(50).fill("failed"));
	expect(calls).toBe(1);
	expect(group.waiting()).toEqual({ rows: 0, bytes: 0 });
});

test("R02 a commit that takes too long is answered as late; what only waited is not inserted any more", async () => {
	const release: (() => void)[] = [];
	const group = createGroupCommit({
		commitTimeoutMs: 100,
		append: async (rows) => {
			await new Promise<void>((resolve) => release.push(resolve));
			return append(rows);
		},
	});
	const held = ["a", "b"].map(async (key) => {
		await new Promise((resolve) => setTimeout(resolve, key === "b" ? 20 : 0));
		return group.add(unit(key));
	});
	while (release.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
	const waiting = group.add(unit("c"));
	expect(await Promise.all([...held, waiting])).toEqual(Array(3).fill({ outcome: "late" }));
	for (const go of release.splice(0)) go();
	await group.close();
	expect((await kept()).map((r) => r.delivery_key).toSorted()).toEqual(["a", "b"]);
	expect(group.waiting()).toEqual({ rows: 0, bytes: 0 });
});

test("R02 the queue is bounded by rows and by bytes: over it a delivery is refused at once and the others are kept", async () => {
	const group = createGroupCommit({ append, queueRowsMax: 3, queueBytesMax: 1_000 });
	const outcomes = await Promise.all(["a", "b", "c", "d"].map((key) => group.add(unit(key))));
	expect(outcomes.map((o) => o.outcome)).toEqual(["committed", "committed", "committed", "full"]);
	const heavy = await Promise.all([group.add({ rows: [row("e")], bytes: 900 }), group.add({ rows: [row("f")], bytes: 200 })]);
	expect(heavy.map((o) => o.outcome)).toEqual(["committed", "full"]);
	expect((await kept()).map((r) => r.delivery_key)).toEqual(["a", "b", "c", "e"]);
});

test("closing waits for what is in hand and takes nothing more", async () => {
	const group = createGroupCommit({ append });
	const inHand = group.add(unit("a"));
	const closing = group.close();
	expect(await group.add(unit("b"))).toEqual({ outcome: "full" });
	expect(await inHand).toEqual(committed(1));
	await closing;
	expect((await kept()).map((r) => r.delivery_key)).toEqual(["a"]);
});
