import type { SetUpWork } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";

export type NamedChannel = { name: string; state: "connecting" | "watching" | "live" | "paused"; work: SetUpWork | null };

/** A guest of this shop that has ended: whoever looked on is led away rather than told that there never was one. */
export async function hasEnded(db: Queryable, shopId: number, connectionId: number): Promise<boolean> {
	const { rowCount } = await db.query("SELECT FROM connection WHERE shop_id = $1 AND id = $2 AND NOT is_home AND state = 'disconnected'", [
		shopId,
		connectionId,
	]);
	return rowCount === 1;
}

/** For the pages below a channel's own. null: the shop has no such guest, or it was disconnected. */
export async function readChannelName(db: Queryable, shopId: number, connectionId: number): Promise<NamedChannel | null> {
	const { rows } = await db.query<{ state: NamedChannel["state"]; work: SetUpWork | null }>(
		`SELECT c.state, u.work FROM connection c LEFT JOIN connection_setup u ON u.shop_id = c.shop_id AND u.connection_id = c.id
		 WHERE c.shop_id = $1 AND c.id = $2 AND NOT c.is_home AND c.state <> 'disconnected'`,
		[shopId, connectionId],
	);
	const row = rows[0];
	return row ? { ...row, name: (await readNames(db, shopId)).get(connectionId) ?? "" } : null;
}
