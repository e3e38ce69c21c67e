import { transaction } from "#app/db.server.ts";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";

/** Does another app copy this channel's orders into Shopify, and do its copies lower Shopify's stock (R43)? */
export const MIRRORED = ["no", "takes-stock", "leaves-stock", "unsure"] as const;
export type Mirrored = (typeof MIRRORED)[number];

/**
 * Keeps the merchant's answer. From then on an order and its copy count once (apply/decide/mirror.ts); orders that came before
 * are looked at again as they change. While it is "unsure" the connection neither begins to count nor goes live: each sale could
 * be taken twice, once from the channel and once by Shopify's own figure. `sources`: whom the merchant has named as the maker of
 * copies, by the name in its orders; others are learned from their first copy that carries a number.
 */
export async function answerMirrored(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ mirrored, sources = [], actor }: { mirrored: Mirrored; sources?: readonly string[]; actor: string },
): Promise<{ outcome: "kept" } | { outcome: "unknown" }> {
	return transaction(deps.pool, async (tx) => {
		const known = await tx.query<{ mirrored: Mirrored | null }>(
			`SELECT u.mirrored FROM connection c LEFT JOIN connection_setup u ON u.shop_id = c.shop_id AND u.connection_id = c.id
			 WHERE c.shop_id = $1 AND c.id = $2 AND NOT c.is_home AND c.state <> 'disconnected' FOR UPDATE OF c`,
			[shopId, connectionId],
		);
		if (!known.rows[0]) return { outcome: "unknown" };
		await tx.query(
			`INSERT INTO connection_setup (shop_id, connection_id, mirrored, mirrored_by, mirrored_at) VALUES ($1, $2, $3, $4, now())
			 ON CONFLICT (shop_id, connection_id) DO UPDATE SET mirrored = excluded.mirrored, mirrored_by = excluded.mirrored_by, mirrored_at = now()`,
			[shopId, connectionId, mirrored, actor],
		);
		const mirror = mirrored === "takes-stock" || mirrored === "leaves-stock" ? mirrored : "none";
		await tx.query(
			`UPDATE connection SET mirror = $3, updated_at = now(),
			   mirror_sources = ARRAY(SELECT DISTINCT unnest(mirror_sources || $4::text[]) ORDER BY 1)
			 WHERE shop_id = $1 AND id = $2`,
			[shopId, connectionId, mirror, mirror === "none" ? [] : sources],
		);
		await recordAudit(tx, shopId, {
			actor,
			action: "connection.mirrored_answered",
			subject: String(connectionId),
			before: { mirrored: known.rows[0].mirrored },
			after: { mirrored, ...(mirror !== "none" && sources.length > 0 ? { sources } : {}) },
		});
		return { outcome: "kept" };
	});
}
