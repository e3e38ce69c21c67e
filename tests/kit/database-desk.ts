import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../server/embedded/postgres.ts";
import { migrate } from "../../server/migrate.ts";
import { type Desk, openDesk } from "./desk.ts";

const TEMPLATE = `lockstep_template_${process.pid}`;

/**
 * Hands out databases: `create` clones the migrated template and answers its URL, `drop <name>` removes one. The server is an
 * embedded one of this run, or the one that DATABASE_URL_TEST names (a role that may create databases).
 */
export async function startDatabaseDesk(): Promise<Desk> {
	let prepared: Promise<Prepared> | undefined;
	let count = 0;
	// One after the other: CREATE DATABASE needs the template to itself.
	let last: Promise<unknown> = Promise.resolve();
	const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
		const mine = last.then(task);
		last = mine.catch(() => {});
		return mine;
	};

	return openDesk(
		async (ask) => {
			prepared ??= prepare();
			const { admin, urlOf } = await prepared;
			const [verb, name = ""] = ask.split(" ");
			if (verb === "drop") {
				await inTurn(() => admin.query(`DROP DATABASE IF EXISTS ${admin.escapeIdentifier(name)} WITH (FORCE)`));
				return "";
			}
			const clone = `lockstep_test_${process.pid}_${++count}`;
			await inTurn(() => admin.query(`CREATE DATABASE ${clone} TEMPLATE ${TEMPLATE}`));
			return urlOf(clone);
		},
		async () => {
			const done = await prepared?.catch(() => undefined);
			await done?.close();
		},
	);
}

type Prepared = { admin: pg.Client; urlOf: (database: string) => string; close: () => Promise<void> };

async function prepare(): Promise<Prepared> {
	const server = await startServer();
	try {
		return await prepareOn(server);
	} catch (error) {
		await server.stop();
		throw error;
	}
}

async function prepareOn({ url, stop }: { url: string; stop: () => Promise<void> }): Promise<Prepared> {
	const urlOf = (database: string) => Object.assign(new URL(url), { pathname: `/${database}` }).href;
	const admin = new pg.Client({ connectionString: url });
	admin.on("error", () => {});
	await admin.connect();
	await admin.query(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
	await admin.query(`CREATE DATABASE ${TEMPLATE}`);
	await migrate(urlOf(TEMPLATE));
	return {
		admin,
		urlOf,
		async close() {
			const { rows } = await admin.query<{ datname: string }>("SELECT datname FROM pg_database WHERE datname LIKE $1 OR datname = $2", [
				`lockstep_test_${process.pid}_%`,
				TEMPLATE,
			]);
			if (process.env.DATABASE_URL_TEST)
				for (const { datname } of rows) await admin.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
			await admin.end();
			await stop();
		},
	};
}

async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
	if (process.env.DATABASE_URL_TEST) return { url: process.env.DATABASE_URL_TEST, stop: async () => {} };
	const directory = await mkdtemp(path.join(tmpdir(), "lockstep-test-"));

	let server: EmbeddedPostgres;
	try {
		server = await startEmbeddedPostgres({ directory, durable: false });
	} catch (error) {
		await rm(directory, { recursive: true, force: true });
		throw error;
	}
	return {
		url: server.url,
		async stop() {
			await server.stop();
			await rm(directory, { recursive: true, force: true });
		},
	};
}
