import { transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { hasManyDrafts } from "./drafts.ts";

/** How far back orders are read again: what is older is shipped, and a channel's list of it is long. */
export const ORDERS_DAYS_MAX = 90;

export type AskedChannel =
	| { outcome: "asked"; changeId: number }
	/** The shop has no such channel, it is disconnected, or its orders do not count yet. */
	| { outcome: "unknown" }
	/** The day lies in the future, or further back than orders are read. */
	| { outcome: "too-far" }
	/** Many drafts wait to be looked at. */
	| { outcome: "too-many" };

type Wish = { connectionId: number; actor: string; press: string };

/** A draft that reads a channel's orders again that changed since a moment. A worker looks at them first; nothing is counted by that. */
export async function askForOrders(deps: Deps, shopId: number, { since, ...wish }: Wish & { since: Date }): Promise<AskedChannel> {
	const daysAgo = (Date.now() - since.getTime()) / 86_400_000;
	if (!(daysAgo >= 0 && daysAgo <= ORDERS_DAYS_MAX)) return { outcome: "too-far" };
	return ask(deps, shopId, { ...wish, source: "orders", since });
}

/** A draft that has every linked listing of a channel read. */
export const askForListings = (deps: Deps, shopId: number, wish: Wish): Promise<AskedChannel> =>
	ask(deps, shopId, { ...wish, source: "listings", since: null });

async function ask(
	deps: Deps,
	shopId: number,
	{ connectionId, actor, press, source, since }: Wish & { source: "orders" | "listings"; since: Date | null },
): Promise<AskedChannel> {
	const asked = await transactionWithRetry(deps.pool, async (tx): Promise<AskedChannel> => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const known = await tx.query<{ id: number }>("SELECT id FROM bulk_change WHERE shop_id = $1 AND press = $2", [shopId, press]);
		if (known.rows[0]) return { outcome: "asked", changeId: known.rows[0].id };
		if (await hasManyDrafts(tx, shopId)) return { outcome: "too-many" };
		const made = await tx.query<{ id: number }>(
			`INSERT INTO bulk_change (shop_id, actor, press, source, connection_id, since, total, confirmed_at, read_at)
			 SELECT $1, $3, $4, $5, c.id, $6, 0, NULL, CASE WHEN $5 = 'listings' THEN clock_timestamp() END FROM connection c
			 WHERE c.shop_id = $1 AND c.id = $2 AND NOT c.is_home AND c.state IN ('watching', 'live', 'paused') AND c.cut_at IS NOT NULL RETURNING id`,
			[shopId, connectionId, actor, press, source, since],
		);
		const changeId = made.rows[0]?.id;
		if (changeId === undefined) return { outcome: "unknown" };
		if (source === "listings") {
			const lines = await tx.query(
				`INSERT INTO bulk_change_line (shop_id, change_id, listing_id)
				 SELECT shop_id, $2, id FROM listing WHERE shop_id = $1 AND connection_id = $3 AND link_state = 'linked'`,
				[shopId, changeId, connectionId],
			);
			await tx.query("UPDATE bulk_change SET total = $3 WHERE shop_id = $1 AND id = $2", [shopId, changeId, lines.rowCount ?? 0]);
		}
		return { outcome: "asked", changeId };
	});
	if (asked.outcome === "asked" && source === "orders") await deps.wake("backfill.run", { shopId });
	return asked;
}
