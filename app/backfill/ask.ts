import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import { type Client, transaction } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { type Policy, policySchema } from "#domain";

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
			`INSERT INTO bulk_change_line (shop_id, change_id, listing_id, policy)
			 SELECT l.shop_id, $2, l.id, $5 FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
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
			`INSERT INTO bulk_change_line (shop_id, change_id, listing_id)
			 SELECT l.shop_id, $2, l.id FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
			  WHERE l.shop_id = $1 AND l.item_id = ANY($3::bigint[]) AND ($4::bigint IS NULL OR l.connection_id = $4)
			    AND l.link_state = 'linked' AND NOT c.is_home AND c.state <> 'disconnected'
			    AND l.paused <> $5 AND l.paused_reason IS DISTINCT FROM $6`,
			[shopId, changeId, itemIds, channelId, change.paused, NOT_LIVE_YET],
		),
	);
}

/** Takes a bulk change back: each listing as it was before, where it still stands as the change left it. */
export async function askForBulkUndo(
	deps: Deps,
	shopId: number,
	{ changeId, entryId, actor }: { changeId: number; entryId: number; actor: string },
): Promise<Asked> {
	const { rows } = await deps.pool.query<{ paused: boolean | null }>("SELECT paused FROM bulk_change WHERE shop_id = $1 AND id = $2", [
		shopId,
		changeId,
	]);
	const paused = rows[0]?.paused ?? null;
	const wish = { policy: null, paused: paused === null ? null : !paused, actor, press: `undo-${entryId}`, undoes: entryId };
	return ask(deps, shopId, wish, (tx, undoing) =>
		tx.query(
			`INSERT INTO bulk_change_line (shop_id, change_id, listing_id, policy)
			 SELECT b.shop_id, $2, b.listing_id, b.before FROM bulk_change_line b JOIN listing l ON l.shop_id = b.shop_id AND l.id = b.listing_id
			  WHERE b.shop_id = $1 AND b.change_id = $3 AND b.state = 'done'
			    AND CASE WHEN $4::boolean IS NULL THEN l.policy IS NOT DISTINCT FROM b.policy
			      ELSE l.paused = $4 AND l.paused_reason IS DISTINCT FROM $5 END`,
			[shopId, undoing, changeId, paused, NOT_LIVE_YET],
		),
	);
}

/** `paused` null: it is about rules. */
type Wish = { policy: Policy | null; paused: boolean | null; actor: string; press: string; undoes: number | null };

async function ask(
	deps: Deps,
	shopId: number,
	{ policy, paused, actor, press, undoes }: Wish,
	addLines: (tx: Client, changeId: number) => Promise<{ rowCount: number | null }>,
): Promise<Asked> {
	const asked = await transaction(deps.pool, async (tx): Promise<Asked> => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const known = await tx.query<{ id: number; total: number; press: string; over: boolean }>(
			"SELECT id, total, press, done_at IS NOT NULL AS over FROM bulk_change WHERE shop_id = $1 AND (press = $2 OR done_at IS NULL) ORDER BY press = $2 DESC LIMIT 1",
			[shopId, press],
		);
		const [row] = known.rows;
		if (row && row.press !== press) return { outcome: "busy" };
		// What was taken back is taken back.
		if (row?.over && undoes !== null) return { outcome: "nothing" };
		if (row) return { outcome: "asked", changeId: row.id, listings: row.total };
		const made = await tx.query<{ id: number }>(
			"INSERT INTO bulk_change (shop_id, actor, press, policy, paused, undoes_entry, total) VALUES ($1, $2, $3, $4, $5, $6, 0) RETURNING id",
			[shopId, actor, press, policy === null ? null : JSON.stringify(policy), paused, undoes],
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
