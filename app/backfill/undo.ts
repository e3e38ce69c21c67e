import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import type { Client, Queryable } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { BULK_ACTION } from "./actions.ts";
import { type Asked, begin, insertChange, type Wish } from "./begin.ts";

type Of = { changeId: number; actor: string };

/**
 * Takes a bulk change back that is over, whole or half done: each listing as it was before, where it still stands as the change left it,
 * and of stock the opposite of what was moved. Once only.
 */
export async function askForBulkUndo(deps: Deps, shopId: number, of: Of): Promise<Asked> {
	const wish = await readWish(deps.pool, shopId, of);
	return wish === null ? { outcome: "nothing" } : begin(deps, shopId, wish, addOpposites(shopId, of.changeId));
}

/** The same in the transaction in which the change comes to its end. Nothing is left to take back: nothing is begun. */
export async function addUndo(tx: Client, shopId: number, of: Of): Promise<void> {
	const wish = await readWish(tx, shopId, of);
	if (wish !== null) await insertChange(tx, shopId, wish, addOpposites(shopId, of.changeId));
}

/** null: it is not over, or the shop has none of that number. */
async function readWish(db: Queryable, shopId: number, { changeId, actor }: Of): Promise<Wish | null> {
	const { rows } = await db.query<{
		paused: boolean | null;
		source: NonNullable<Wish["source"]>;
		name: string;
		entry: number | null;
	}>(
		`SELECT b.paused, b.source, b.name, (SELECT max(a.id) FROM audit a WHERE a.shop_id = b.shop_id AND a.subject = b.id::text AND a.action = ANY($3)) AS entry
		 FROM bulk_change b WHERE b.shop_id = $1 AND b.id = $2 AND b.done_at IS NOT NULL`,
		[shopId, changeId, Object.values(BULK_ACTION)],
	);
	const [change] = rows;
	if (!change) return null;
	const { source, name, entry } = change;
	const paused = change.paused === null ? null : !change.paused;
	return { policy: null, paused, actor, press: `undo-of-${changeId}`, source, name, undoes: { changeId, entry } };
}

const addOpposites = (shopId: number, changeId: number) => async (tx: Client, undoing: number) => {
	const listings = await tx.query(undoListingsStatement, [shopId, undoing, changeId, NOT_LIVE_YET]);
	const quantities = await tx.query(
		`INSERT INTO bulk_change_quantity (shop_id, change_id, item_id, location_id, units)
		 SELECT shop_id, $2, item_id, location_id, -made FROM bulk_change_quantity WHERE shop_id = $1 AND change_id = $3 AND state = 'done' AND made <> 0`,
		[shopId, undoing, changeId],
	);
	return { rowCount: (listings.rowCount ?? 0) + (quantities.rowCount ?? 0) };
};

const undoListingsStatement = `
INSERT INTO bulk_change_line (shop_id, change_id, listing_id, sets_policy, policy, paused, sets_link, link_item)
SELECT b.shop_id, $2, b.listing_id, s.policy, CASE WHEN s.policy THEN b.before END, CASE WHEN s.paused THEN NOT b.paused END, s.link,
  CASE WHEN s.link THEN b.before_item END
FROM bulk_change_line b JOIN listing l ON l.shop_id = b.shop_id AND l.id = b.listing_id
CROSS JOIN LATERAL (SELECT b.wrote_policy AND l.policy IS NOT DISTINCT FROM b.policy AS policy,
  b.wrote_paused AND l.paused = b.paused AND l.paused_reason IS DISTINCT FROM $4 AS paused,
  b.wrote_link AND l.item_id IS NOT DISTINCT FROM b.link_item AS link) s
WHERE b.shop_id = $1 AND b.change_id = $3 AND b.state = 'done' AND (s.policy OR s.paused OR s.link)`;
