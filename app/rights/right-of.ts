import { type Pool, transaction } from "#app/db.server.ts";
import { recordAudit } from "../connections/audit.ts";
import { newcomerRight } from "./change-right.ts";
import type { Right } from "./right.ts";

/** How exact "last seen" is; in between, a page costs one read and no write. */
const SEEN_EVERY = "1 hour";

/** What this person may do. At their first sight they are written down: the first of an installation may approve, later ones as the shop chose. */
export async function rightOf(pool: Pool, shopId: number, userId: string): Promise<Right> {
	const { rows } = await pool.query<{ granted: Right }>(
		`SELECT m.granted FROM member m JOIN shop s ON s.id = m.shop_id
		  WHERE m.shop_id = $1 AND m.user_id = $2 AND m.installation = s.installation AND m.last_seen_at > now() - $3::interval`,
		[shopId, userId, SEEN_EVERY],
	);
	return rows[0]?.granted ?? noteSight(pool, shopId, userId);
}

/**
 * To install an app again somebody needs Shopify's own right to do so, which is how a shop whose last approver has left gets
 * back in. The shop's row is the lock: of two people who open the app at the same moment, one is the first.
 */
async function noteSight(pool: Pool, shopId: number, userId: string): Promise<Right> {
	return transaction(pool, async (tx) => {
		const shop = await tx.query<{ installation: number }>("SELECT installation FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const installation = shop.rows[0]?.installation;
		if (installation === undefined) throw new Error(`Shop ${shopId} was authenticated and is not there`);
		const known = await tx.query<{ user_id: string; granted: Right; installation: number }>(
			"SELECT user_id, granted, installation FROM member WHERE shop_id = $1",
			[shopId],
		);
		const own = known.rows.find((row) => row.user_id === userId);
		const isFirst = !known.rows.some((row) => row.installation === installation);
		const granted = isFirst ? "approve" : (own?.granted ?? (await newcomerRight(tx, shopId)));
		await tx.query(
			`INSERT INTO member (shop_id, user_id, granted, installation) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (shop_id, user_id) DO UPDATE SET granted = excluded.granted, installation = excluded.installation, last_seen_at = now()`,
			[shopId, userId, granted, installation],
		);
		if (granted !== own?.granted) {
			const before = own ? { right: own.granted } : null;
			const after = { right: granted, reason: isFirst ? "first" : "newcomer" };
			await recordAudit(tx, shopId, { actor: "system", action: "right.changed", subject: userId, before, after });
		}
		return granted;
	});
}
