import type { Queryable } from "#app/db.server.ts";
import { allows, approversOf, RIGHT_WORDS, type Right } from "#app/rights/index.ts";
import { limitsOf } from "#domain";
import { readShopGuards } from "./settings.ts";

/**
 * A rule that somebody edits here takes listings to nothing at once, and on purpose: it is theirs to save as long as these are few.
 * Beyond the number that Shopify may change unasked it takes the right to approve. The same of a change that raises figures (`raised`: products). Returns the sentence that says so, null: it is theirs.
 */
export async function refuseRules(
	db: Queryable,
	shopId: number,
	{ right, toZero, raised = 0 }: { right: Right; toZero: number; raised?: number },
): Promise<string | null> {
	if (allows(right, "approve") || (toZero === 0 && raised === 0)) return null;
	const sold = await db.query<{ items: number }>(
		`SELECT count(DISTINCT l.item_id)::int AS items FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
		 WHERE l.shop_id = $1 AND l.link_state = 'linked' AND NOT c.is_home AND c.state IN ('live', 'paused')`,
		[shopId],
	);
	const { zero, raise } = limitsOf(await readShopGuards(db, shopId), sold.rows[0]?.items ?? 0);
	const empties = zero !== null && toZero > zero;
	const raises = raise !== null && raised > raise;
	if (!empties && !raises) return null;
	const who = (await approversOf(db, shopId)).join(" or ");
	const ask = who === "" ? "" : ` Ask ${who}.`;
	const said = (count: number) => count.toLocaleString("en");
	const what = empties
		? `This takes ${said(toZero)} listings to zero, more than ${said(zero)}.`
		: `This raises ${said(raised)} products on the channels, more than ${said(raise ?? 0)}.`;
	return `${what} It needs the right “${RIGHT_WORDS.approve.name}”.${ask}`;
}
