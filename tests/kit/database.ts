import type pg from "pg";
import { inject } from "vitest";
import { createPool } from "#app/db.server.ts";
import { askDesk } from "./desk.ts";

/** Enough for a test that lets twenty buyers strike at once; the embedded server has 300 connections for the whole run. */
const POOL_MAX = 24;

export type TestDatabase = { url: string; pool: pg.Pool; drop(): Promise<void> };

/** A database of the test's own with the app's schema and nothing in it. `pool` is made as the app makes its own. */
export async function freshDatabase(): Promise<TestDatabase> {
	const desk = inject("databaseDesk");
	const url = await askDesk(desk, "create");
	const pool = createPool({ url, max: POOL_MAX, name: "lockstep test" });
	return {
		url,
		pool,
		async drop() {
			await pool.end();
			await askDesk(desk, `drop ${new URL(url).pathname.slice(1)}`);
		},
	};
}
