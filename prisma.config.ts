import { createHash } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { defineConfig } from "prisma/config";

/**
 * Prisma keeps the schema and the history of migrations; every query of the app is SQL through `pg` (docs/decisions). Its
 * engines are not downloaded: the CLI runs its WebAssembly engine over this adapter (server/migrate.ts sets what that needs).
 */
export default defineConfig({
	schema: "prisma/schema.prisma",
	migrations: { path: "prisma/migrations" },
	experimental: { adapter: true },
	engine: "js",
	adapter: async () => adapterWithWholeScripts(process.env.DATABASE_URL ?? ""),
});

/**
 * adapter-pg cuts a migration at every semicolon, function bodies and comments included, and runs each piece on its own
 * (7.10.0, executeScript). Sent in one piece, PostgreSQL reads it rightly and makes it one transaction: all of it or nothing.
 * The same transaction marks the migration's row, so that a crash leaves no doubt (server/migrate.ts reads the mark).
 */
function adapterWithWholeScripts(connectionString: string) {
	// The CLI stays until the pool lets its idle connection go, which by default takes ten seconds.
	const factory = new PrismaPg({ connectionString, idleTimeoutMillis: 100 });
	const connect = factory.connect.bind(factory);
	factory.connect = async () => {
		const adapter = await connect();
		adapter.executeScript = (script) => executeWhole(connectionString, script);
		return adapter;
	};
	return factory;
}

async function executeWhole(connectionString: string, script: string): Promise<void> {
	const client = new pg.Client({ connectionString });
	await client.connect();
	try {
		const checksum = createHash("sha256").update(script).digest("hex");
		const mark = `UPDATE _prisma_migrations SET logs = 'committed' WHERE checksum = '${checksum}' AND finished_at IS NULL`;
		const { rows } = await client.query("SELECT to_regclass('_prisma_migrations') IS NOT NULL AS present");
		await client.query(rows[0].present ? `${script}\n;\n${mark}` : script);
	} catch (error) {
		// The engine keeps PostgreSQL's words to itself ("external connector error").
		const { message, position } = error as pg.DatabaseError;
		const line = position ? ` at line ${script.slice(0, Number(position)).split("\n").length}` : "";
		process.stderr.write(`PostgreSQL refuses the migration${line}: ${message}\n`);
		throw error;
	} finally {
		await client.end();
	}
}
