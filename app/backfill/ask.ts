import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import type { Deps } from "#connections";
import { type Policy, policySchema } from "#domain";
import { type Asked, begin } from "./begin.ts";

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
	return begin(deps, shopId, { ...change, policy, paused: null, undoes: null }, (tx, changeId) =>
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
	return begin(deps, shopId, { ...change, policy: null, undoes: null }, (tx, changeId) =>
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
