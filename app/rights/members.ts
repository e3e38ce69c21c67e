import type { Queryable } from "#app/db.server.ts";
import type { Right } from "./right.ts";

export type Member = { userId: string; name: string | null; right: Right; firstSeenAt: string; lastSeenAt: string };

/** A shop's staff is tens of people; the largest plan of Shopify has no more seats that matter here. */
const LISTED_MAX = 500;
const NAMED_MAX = 3;

export async function listMembers(db: Queryable, shopId: number): Promise<Member[]> {
	const { rows } = await db.query<{ user_id: string; name: string | null; granted: Right; first_seen_at: Date; last_seen_at: Date }>(
		`SELECT user_id, name, granted, first_seen_at, last_seen_at FROM member WHERE shop_id = $1
		  ORDER BY first_seen_at, user_id LIMIT $2`,
		[shopId, LISTED_MAX],
	);
	return rows.map((row) => ({
		userId: row.user_id,
		name: row.name,
		right: row.granted,
		firstSeenAt: row.first_seen_at.toISOString(),
		lastSeenAt: row.last_seen_at.toISOString(),
	}));
}

/** Who can be asked for a right: those seen last first. */
export async function approversOf(db: Queryable, shopId: number): Promise<string[]> {
	const { rows } = await db.query<{ user_id: string; name: string | null }>(
		"SELECT user_id, name FROM member WHERE shop_id = $1 AND granted = 'approve' ORDER BY last_seen_at DESC, user_id LIMIT $2",
		[shopId, NAMED_MAX],
	);
	return rows.map((row) => row.name ?? `the person with the Shopify user number ${row.user_id}`);
}
