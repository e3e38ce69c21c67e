import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import { type Client, transaction } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { type Policy, policySchema } from "#domain";
import { BULK_ACTION } from "./finish.ts";

export type Asked =
	| { outcome: "asked"; changeId: number; listings: number }
	/** Another bulk change of this shop is under way: they go one after the other, so that each can be undone. */
	| { outcome: "busy" }
	/** Nothing of it is left to do: none of these products is for sale on a channel, all are paused already, nothing stands as it was left. */
	| { outcome: "nothing" };

type Products = { itemIds: readonly number[]; channelId: number | null };

/**
 * One rule for all listings of these products (on one channel, or on all). Which listings is settled here, in one statement; what is
 * linked later is not touched. `press` is the page's own name for this press: sent twice, or by a person who presses twice, it is one.
 */
export async function askForBulkRules(
	deps: Deps,
	shopId: number,
	{ itemIds, channelId, ...change }: Products & { policy: Policy | null; actor: string; press: string },
): Promise<Asked> {
	const policy = change.policy === null ? null : policySchema.parse(change.policy);
	return ask(deps, shopId, { ...change, policy, paused: null, undoes: null }, (tx, changeId) =>
		tx.query(
			`INSERT INTO bulk_change_line (shop_id, change_id, listing_id, sets_policy, policy)
			 SELECT l.shop_id, $2, l.id, true, $5 FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
			  WHERE l.shop_id = $1 AND l.item_id = ANY($3::bigint[]) AND ($4::bigint IS NULL OR l.connection_id = $4)
			    AND l.link_state = 'linked' AND NOT c.is_home AND c.state <> 'disconnected'`,
			[shopId, changeId, itemIds, channelId, policy === null ? null : JSON.stringify(policy)],
		),
	);
}

/**
 * Pauses, or resumes, all listings of these products that are not so already; which, is settled here as well. What is not live yet
 * goes live on its channel's page, by somebody who may do that, and is not resumed here.
 */
export async function askForBulkPause(
	deps: Deps,
	shopId: number,
	{ itemIds, channelId, ...change }: Products & { paused: boolean; actor: string; press: string },
): Promise<Asked> {
	return ask(deps, shopId, { ...change, policy: null, undoes: null }, (tx, changeId) =>
		tx.query(
			`INSERT INTO bulk_change_line (shop_id, change_id, listing_id, paused)
			 SELECT l.shop_id, $2, l.id, $5 FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
			  WHERE l.shop_id = $1 AND l.item_id = ANY($3::bigint[]) AND ($4::bigint IS NULL OR l.connection_id = $4)
			    AND l.link_state = 'linked' AND NOT c.is_home AND c.state <> 'disconnected'
			    AND l.paused <> $5 AND l.paused_reason IS DISTINCT FROM $6`,
			[shopId, changeId, itemIds, channelId, change.paused, NOT_LIVE_YET],
		),
	);
}

/**
 * Takes a bulk change back that is over, whole or half done: each listing as it was before, where it still stands as the change left it,
 * and of stock the opposite of what was moved. Once only.
 */
export async function askForBulkUndo(deps: Deps, shopId: number, { changeId, actor }: { changeId: number; actor: string }): Promise<Asked> {
	const { rows } = await deps.pool.query<{
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
	if (!change) return { outcome: "nothing" };
	const { source, name, entry } = change;
	const paused = change.paused === null ? null : !change.paused;
	const wish = { policy: null, paused, actor, press: `undo-of-${changeId}`, source, name, undoes: { changeId, entry } };
	return ask(deps, shopId, wish, async (tx, undoing) => {
		const listings = await tx.query(undoListingsStatement, [shopId, undoing, changeId, NOT_LIVE_YET]);
		const quantities = await tx.query(
			`INSERT INTO bulk_change_quantity (shop_id, change_id, item_id, location_id, units)
			 SELECT shop_id, $2, item_id, location_id, -made FROM bulk_change_quantity WHERE shop_id = $1 AND change_id = $3 AND state = 'done' AND made <> 0`,
			[shopId, undoing, changeId],
		);
		return { rowCount: (listings.rowCount ?? 0) + (quantities.rowCount ?? 0) };
	});
}

const undoListingsStatement = `
INSERT INTO bulk_change_line (shop_id, change_id, listing_id, sets_policy, policy, paused, sets_link, link_item)
SELECT b.shop_id, $2, b.listing_id, s.policy, CASE WHEN s.policy THEN b.before END, CASE WHEN s.paused THEN NOT b.paused END, s.link,
  CASE WHEN s.link THEN b.before_item END
FROM bulk_change_line b JOIN listing l ON l.shop_id = b.shop_id AND l.id = b.listing_id
CROSS JOIN LATERAL (SELECT b.wrote_policy AND l.policy IS NOT DISTINCT FROM b.policy AS policy,
  b.wrote_paused AND l.paused = b.paused AND l.paused_reason IS DISTINCT FROM $4 AS paused,
  b.wrote_link AND l.item_id IS NOT DISTINCT FROM b.link_item AS link) s
WHERE b.shop_id = $1 AND b.change_id = $3 AND b.state = 'done' AND (s.policy OR s.paused OR s.link)`;

/** `paused` null: it is about rules. */
type Wish = {
	policy: Policy | null;
	paused: boolean | null;
	actor: string;
	press: string;
	source?: "rule" | "file" | "orders" | "listings";
	name?: string;
	/** `entry`: what the audit calls it; null: nothing was written there, because it changed nothing. */
	undoes: { changeId: number; entry: number | null } | null;
};

async function ask(
	deps: Deps,
	shopId: number,
	{ policy, paused, actor, press, source = "rule", name = "", undoes }: Wish,
	addLines: (tx: Client, changeId: number) => Promise<{ rowCount: number | null }>,
): Promise<Asked> {
	const asked = await transaction(deps.pool, async (tx): Promise<Asked> => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const known = await tx.query<{ id: number; total: number; press: string; over: boolean }>(
			`SELECT id, total, press, done_at IS NOT NULL AS over FROM bulk_change
			 WHERE shop_id = $1 AND (press = $2 OR done_at IS NULL AND confirmed_at IS NOT NULL) ORDER BY press = $2 DESC LIMIT 1`,
			[shopId, press],
		);
		const [row] = known.rows;
		if (row && row.press !== press) return { outcome: "busy" };
		// What was taken back is taken back.
		if (row?.over && undoes !== null) return { outcome: "nothing" };
		if (row) return { outcome: "asked", changeId: row.id, listings: row.total };
		const made = await tx.query<{ id: number }>(
			`INSERT INTO bulk_change (shop_id, actor, press, policy, paused, source, name, undoes_entry, undoes_change, total)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) RETURNING id`,
			[
				...[shopId, actor, press, policy === null ? null : JSON.stringify(policy), paused, source, name],
				...[undoes?.entry ?? null, undoes?.changeId ?? null],
			],
		);
		const changeId = made.rows[0]?.id ?? 0;
		const listings = (await addLines(tx, changeId)).rowCount ?? 0;
		if (listings === 0) {
			await tx.query("DELETE FROM bulk_change WHERE shop_id = $1 AND id = $2", [shopId, changeId]);
			return { outcome: "nothing" };
		}
		await tx.query("UPDATE bulk_change SET total = $3 WHERE shop_id = $1 AND id = $2", [shopId, changeId, listings]);
		return { outcome: "asked", changeId, listings };
	});
	if (asked.outcome === "asked") await deps.wake("backfill.run", { shopId });
	return asked;
}
