import { type BulkSet, readListedOrders } from "#app/backfill/index.ts";
import { toCsv } from "#app/connections/guests/index.ts";
import type { Pool } from "#app/db.server.ts";

const HEAD = ["Order", "Number on the channel", "Placed", "What", "Units"];
const WHAT = { missing: "Missing", changed: "Known, and changed since" } as const;
/** More than are kept of one draft (app/backfill/orders/summary.ts). */
const READ_MAX = 10_000;

/** The orders that the look found missing or changed; its last line says how many there is no room for. */
export async function* ordersCsv(pool: Pool, shopId: number, { id, summary }: BulkSet): AsyncGenerator<string> {
	const listed = await readListedOrders(pool, shopId, { changeId: id, limit: READ_MAX });
	const rows = listed.map(({ id: number, name, placedAt, kind, units }) => [
		name,
		number,
		placedAt,
		WHAT[kind],
		kind === "missing" ? units : "",
	]);
	const left = (summary?.kind === "orders" ? summary.missing + summary.changed : 0) - listed.length;
	yield toCsv([HEAD, ...rows, ...(left > 0 ? [[`And ${left} older ones, which are not listed`, "", "", "", ""]] : [])]);
}
