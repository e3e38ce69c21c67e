import { type Deps, readConnection } from "#connections";
import { requestFetch } from "#inbox";

/** Wishes written in one statement. */
const CHUNK = 1_000;

/**
 * Looks at a connection's stock as a whole, in its simple form (R25 acts on it later): home is asked for the levels of every
 * item, a guest's listings are marked to be read. What differs is mended by the ways that exist: a reading through apply, a
 * listing through delivery. It waits behind live traffic: wishes and reads share the account's budget, newest sales first.
 * Twice is harmless: a wish that stands is the same wish, a mark that stands the same mark.
 */
export async function compareStock(deps: Deps, shopId: number, connectionId: number): Promise<{ outcome: "asked"; rows: number } | { outcome: "closed" }> {
	const connection = await readConnection(deps.pool, shopId, connectionId);
	if (!connection || connection.shopState !== "installed" || connection.state === "disconnected") return { outcome: "closed" };
	// A guest that has no cut yet shows figures that nobody compares.
	if (connection.state === "connecting" && !connection.isHome) return { outcome: "closed" };
	const rows = connection.isHome ? await askHome(deps, shopId, connectionId) : await markListings(deps, shopId, connectionId);
	await deps.pool.query("UPDATE connection SET compared_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId]);
	if (rows > 0) await deps.wake(connection.isHome ? "ingest.fetch" : "delivery.push", { shopId, connectionId });
	return { outcome: "asked", rows };
}

async function askHome(deps: Deps, shopId: number, connectionId: number): Promise<number> {
	let after = 0;
	let rows = 0;
	for (;;) {
		const items = await deps.pool.query<{ id: number; external_id: string }>(
			"SELECT id, external_id FROM item WHERE shop_id = $1 AND id > $2 AND deleted_at IS NULL AND tracked AND NOT is_home_bundle ORDER BY id LIMIT $3",
			[shopId, after, CHUNK],
		);
		const last = items.rows.at(-1);
		if (!last) return rows;
		after = last.id;
		rows += items.rows.length;
		await requestFetch(
			deps.pool,
			items.rows.map((item) => ({ shopId, connectionId, kind: "levels" as const, externalId: item.external_id, reason: "regular check", correlationId: "" })),
		);
	}
}

async function markListings(deps: Deps, shopId: number, connectionId: number): Promise<number> {
	const marked = await deps.pool.query(
		`UPDATE listing SET recheck = true, dirty_since = coalesce(dirty_since, now()), updated_at = now()
		 WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked' AND desired IS NOT NULL AND NOT parked AND NOT recheck`,
		[shopId, connectionId],
	);
	return marked.rowCount ?? 0;
}
