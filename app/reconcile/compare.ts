import { followRules } from "#app/connections/guests/index.ts";
import { type Deps, readConnection } from "#connections";
import { requestFetch } from "#inbox";

/** Rows of one statement: its locks are held no longer than a drain of the shop can well wait. */
const CHUNK = 1_000;

export type CompareOutcome = { outcome: "asked"; rows: number } | { outcome: "closed" };

/**
 * Looks at a connection's stock as a whole, in its simple form (R25 acts on it later): home is asked for the levels of every
 * item, a guest's listings are computed anew and marked to be read. What differs is mended by the ways that exist: a reading
 * through apply, a listing through delivery. It waits behind live traffic: wishes and reads share the account's budget, newest
 * sales first. Twice is harmless: a wish that stands is the same wish, a mark that stands the same mark. Killed halfway it is
 * due again.
 */
export async function compareStock(deps: Deps, shopId: number, connectionId: number): Promise<CompareOutcome> {
	const connection = await readConnection(deps.pool, shopId, connectionId);
	if (connection?.shopState !== "installed" || connection.state === "disconnected") return { outcome: "closed" };
	// A guest that has no cut yet shows figures that nobody compares.
	if (connection.state === "connecting" && !connection.isHome) return { outcome: "closed" };
	// A rule that was changed by a process that died before its listings followed (guests/rules.ts).
	if (!connection.isHome) await followRules(deps, shopId, connectionId);
	const rows = connection.isHome ? await askHome(deps, shopId, connectionId) : await markListings(deps, shopId, connectionId);
	await deps.pool.query("UPDATE connection SET compared_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId]);
	if (rows > 0) await deps.wake(connection.isHome ? "ingest.fetch" : "delivery.push", { shopId, connectionId });
	return { outcome: "asked", rows };
}

async function askHome(deps: Deps, shopId: number, connectionId: number): Promise<number> {
	let rows = 0;
	for (let after = 0; ; ) {
		const items = await deps.pool.query<{ id: number; external_id: string }>(
			"SELECT id, external_id FROM item WHERE shop_id = $1 AND id > $2 AND deleted_at IS NULL AND tracked AND NOT is_home_bundle ORDER BY id LIMIT $3",
			[shopId, after, CHUNK],
		);
		const last = items.rows.at(-1);
		if (!last) return rows;
		after = last.id;
		rows += items.rows.length;
		const reason = "regular check";
		const wishes = items.rows.map((item) => ({
			shopId,
			connectionId,
			kind: "levels" as const,
			externalId: item.external_id,
			reason,
			correlationId: "",
		}));
		await requestFetch(deps.pool, wishes);
	}
}

/** Paused ones are left: they are looked at when they go on. */
async function markListings(deps: Deps, shopId: number, connectionId: number): Promise<number> {
	let rows = 0;
	for (let after = 0; ; ) {
		const marked = await deps.pool.query<{ id: number }>(markStatement, [shopId, connectionId, after, CHUNK]);
		if (marked.rows.length === 0) return rows;
		rows += marked.rows.length;
		after = marked.rows.reduce((last, { id }) => Math.max(last, id), after);
	}
}

/**
 * In id order, as apply and delivery lock them. Only the mark that it waits, not `recheck`: that one says that we are not sure
 * of what the channel shows, and then a figure that somebody raised is no difference (delivery/judge-reading.ts). What waits
 * already is read anyway. A mark that apply takes away, because an order came in that moment, is set again an hour later.
 */
const markStatement = `
UPDATE listing l SET dirty_since = now(), updated_at = now()
FROM (SELECT id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND id > $3 AND link_state = 'linked' AND desired IS NOT NULL
    AND NOT parked AND NOT paused AND dirty_since IS NULL ORDER BY id LIMIT $4 FOR UPDATE) these
WHERE l.shop_id = $1 AND l.id = these.id
RETURNING l.id`;
