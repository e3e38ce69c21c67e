import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../tests/kit/database.ts";
import { migrate, pendingMigrations, readMigrations } from "./migrate.ts";

let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());

/** An empty database beside the migrated one. */
const emptyDatabase = async (name: string): Promise<string> => {
	await db.pool.query(`DROP DATABASE IF EXISTS ${name}`);
	await db.pool.query(`CREATE DATABASE ${name} TEMPLATE template0`);
	return Object.assign(new URL(db.url), { pathname: `/${name}` }).href;
};
const within = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
};

test("R39 a migrated database lacks nothing, functions with bodies and the queue's schema included", async () => {
	expect(await migrate(db.url)).toEqual([]);
	const { rows } = await db.pool.query(
		"SELECT to_regproc('erase_shop') IS NOT NULL AS erase, to_regclass('bullmq.job') IS NOT NULL AS queue",
	);
	expect(rows).toEqual([{ erase: true, queue: true }]);
});

test("R39 several processes that start at once migrate once", async () => {
	const url = await emptyDatabase("lockstep_migrate_race");
	const names = (await readMigrations()).map(({ name }) => name);
	const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
	expect(applied.flat()).toEqual(names);
	await within(url, async (client) => expect(await pendingMigrations(client)).toEqual([]));
	await db.pool.query("DROP DATABASE lockstep_migrate_race WITH (FORCE)");
});

test("R39 a migration that a crash interrupted is settled by its own mark: done if it was committed, run again if not", async () => {
	const url = await emptyDatabase("lockstep_migrate_crash");
	await migrate(url);
	const [first] = await readMigrations();
	await within(url, async (client) => {
		// As a crash leaves it after the commit and before Prisma's note of it.
		await client.query(
			"UPDATE _prisma_migrations SET finished_at = NULL, applied_steps_count = 0, logs = 'committed' WHERE migration_name = $1",
			[first?.name],
		);
	});
	expect(await migrate(url)).toEqual([]);

	// And as it leaves it before the commit: the row is there, the tables are not.
	const before = await emptyDatabase("lockstep_migrate_crash2");
	await migrate(before);
	await within(before, async (client) => {
		await client.query("DROP SCHEMA public CASCADE");
		await client.query("CREATE SCHEMA public");
	});
	await within(url, async (other) => {
		const { rows } = await other.query("SELECT * FROM _prisma_migrations WHERE migration_name = $1", [first?.name]);
		await within(before, async (client) => {
			await client.query(
				`CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz,
				 migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),
				 applied_steps_count integer NOT NULL DEFAULT 0)`,
			);
			await client.query("INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)", [
				rows[0].id,
				rows[0].checksum,
				rows[0].migration_name,
			]);
		});
	});
	expect(await migrate(before)).toEqual((await readMigrations()).map(({ name }) => name));
	await db.pool.query("DROP DATABASE lockstep_migrate_crash WITH (FORCE)");
	await db.pool.query("DROP DATABASE lockstep_migrate_crash2 WITH (FORCE)");
});

test("R39 a migration that was edited after it had been applied is refused by name", async () => {
	const url = await emptyDatabase("lockstep_migrate_edited");
	await migrate(url);
	const [first] = await readMigrations();
	await within(url, (client) => client.query("UPDATE _prisma_migrations SET checksum = 'other' WHERE migration_name = $1", [first?.name]));
	await expect(migrate(url)).rejects.toThrow(`${first?.name} was changed after`);
	await db.pool.query("DROP DATABASE lockstep_migrate_edited WITH (FORCE)");
});
