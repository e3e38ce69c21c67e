import { afterAll, beforeAll, expect, test } from "vitest";
import { CommitUnknownError, isConnectionError, transaction, transactionWithRetry } from "#app/db.server.ts";
import { freshDatabase, type TestDatabase } from "../tests/kit/database.ts";

let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
	await db.pool.query("CREATE TABLE jar (id bigint PRIMARY KEY, coins bigint NOT NULL)");
	await db.pool.query("INSERT INTO jar VALUES (1, 10), (2, 10)");
});
afterAll(() => db.drop());

const coins = async (id: number) => (await db.pool.query<{ coins: number }>("SELECT coins FROM jar WHERE id = $1", [id])).rows[0]?.coins;

test("an exception rolls the whole transaction back, and the pool is whole afterwards", async () => {
	const failing = transaction(db.pool, async (client) => {
		await client.query("UPDATE jar SET coins = 0 WHERE id = 1");
		throw new Error("no");
	});
	await expect(failing).rejects.toThrow("no");
	expect(await coins(1)).toBe(10);
});

test("a statement that failed and was swallowed makes the commit fail instead of rolling back in silence", async () => {
	const failing = transaction(db.pool, async (client) => {
		await client.query("UPDATE jar SET coins = 0 WHERE id = 1");
		await client.query("SELECT 1 / 0").catch(() => {});
	});
	await expect(failing).rejects.toThrow("rolled back at COMMIT");
	expect(await coins(1)).toBe(10);
});

test("two transactions that lock in opposite order both happen, because the deadlock's loser tries again", async () => {
	const move = (from: number, to: number) =>
		transactionWithRetry(db.pool, async (client) => {
			await client.query("UPDATE jar SET coins = coins - 1 WHERE id = $1", [from]);
			await client.query("SELECT pg_sleep(0.2)");
			await client.query("UPDATE jar SET coins = coins + 1 WHERE id = $1", [to]);
		});
	await Promise.all([move(1, 2), move(2, 1)]);
	expect([await coins(1), await coins(2)]).toEqual([10, 10]);
});

test("a session that the server ends before COMMIT is tried again and counts once", async () => {
	let attempts = 0;
	await transactionWithRetry(db.pool, async (client) => {
		await client.query("UPDATE jar SET coins = coins + 5 WHERE id = 2");
		if (++attempts === 1) await client.query("SELECT pg_terminate_backend(pg_backend_pid())");
	});
	expect(attempts).toBe(2);
	expect(await coins(2)).toBe(15);
});

test("a connection that breaks during COMMIT is an unknown outcome: not tried again unless the work may happen twice", async () => {
	let attempts = 0;
	const breakAtCommit = (repeatable: boolean) =>
		transactionWithRetry(
			db.pool,
			async (client) => {
				if (++attempts % 2 === 0) return;
				const query = client.query.bind(client);
				client.query = ((text: string) => {
					if (text === "COMMIT") (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
					return query(text);
				}) as typeof client.query;
			},
			{ repeatable },
		);
	await expect(breakAtCommit(false)).rejects.toBeInstanceOf(CommitUnknownError);
	expect(attempts).toBe(1);
	attempts = 0;
	await breakAtCommit(true);
	expect(attempts).toBe(2);
});

test("bigint comes as an exact number, and one that a number does not hold is refused", async () => {
	const { rows } = await db.pool.query("SELECT 9007199254740991::bigint AS edge");
	expect(rows[0].edge).toBe(9007199254740991);
	await expect(db.pool.query("SELECT 9007199254740992::bigint")).rejects.toThrow("9007199254740992");
});

test("a server that is not there is told apart from a refused statement", async () => {
	const refused = await db.pool.query("SELECT nothing").catch((error: unknown) => error);
	expect(isConnectionError(refused)).toBe(false);
	const { createPool } = await import("#app/db.server.ts");
	const away = createPool({ url: "postgres://x:y@127.0.0.1:9/none", max: 1, name: "test" });
	const unreachable = await away.query("SELECT 1").catch((error: unknown) => error);
	expect(isConnectionError(unreachable)).toBe(true);
	await away.end();
});
