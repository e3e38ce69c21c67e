import { type Client, type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { recordAudit } from "../connections/audit.ts";
import { isRight, type Right } from "./right.ts";

export type RightChange =
	| { outcome: "changed" }
	| { outcome: "unchanged" }
	/** Nobody of that number has opened the app in this shop. */
	| { outcome: "unknown" }
	/** The one who asks may not approve (any more). */
	| { outcome: "refused" }
	/** Somebody must stay who can give rights. */
	| { outcome: "last-approver" };

/** Two approvers who take each other's right at the same moment: the shop's row lets one of them through. */
export async function changeRight(
	pool: Pool,
	shopId: number,
	change: { userId: string; right: Right; actor: string },
): Promise<RightChange> {
	return asApprover(pool, shopId, change.actor, async (tx) => {
		const members = await tx.query<{ user_id: string; granted: Right }>("SELECT user_id, granted FROM member WHERE shop_id = $1", [shopId]);
		const member = members.rows.find((row) => row.user_id === change.userId);
		if (!member) return { outcome: "unknown" };
		if (member.granted === change.right) return { outcome: "unchanged" };
		const approvers = members.rows.filter((row) => row.granted === "approve");
		if (member.granted === "approve" && approvers.length === 1) return { outcome: "last-approver" };
		await tx.query("UPDATE member SET granted = $3 WHERE shop_id = $1 AND user_id = $2", [shopId, change.userId, change.right]);
		await recordAudit(tx, shopId, {
			actor: change.actor,
			action: "right.changed",
			subject: change.userId,
			before: { right: member.granted },
			after: { right: change.right },
		});
		return { outcome: "changed" };
	});
}

const NAME_CHARS_MAX = 80;

/** What a person is called in this app. An empty name takes it away again. */
export async function nameMember(
	pool: Pool,
	shopId: number,
	change: { userId: string; name: string; actor: string },
): Promise<RightChange> {
	const name = change.name.trim().slice(0, NAME_CHARS_MAX) || null;
	return asApprover(pool, shopId, change.actor, async (tx) => {
		const known = await tx.query<{ name: string | null }>("SELECT name FROM member WHERE shop_id = $1 AND user_id = $2", [
			shopId,
			change.userId,
		]);
		const member = known.rows[0];
		if (!member) return { outcome: "unknown" };
		if (member.name === name) return { outcome: "unchanged" };
		await tx.query("UPDATE member SET name = $3 WHERE shop_id = $1 AND user_id = $2", [shopId, change.userId, name]);
		const entry = { actor: change.actor, action: "member.named", subject: change.userId };
		await recordAudit(tx, shopId, { ...entry, before: { name: member.name }, after: { name } });
		return { outcome: "changed" };
	});
}

export type NewcomerChange = Extract<RightChange, { outcome: "changed" | "unchanged" | "refused" }>;

/** Which right somebody gets who opens the app for the first time. The safest is the default (docs/decisions/012-rights.md). */
export async function newcomerRight(db: Queryable, shopId: number): Promise<Right> {
	const { rows } = await db.query<{ right: string | null }>(`SELECT settings->>'newcomerRight' AS right FROM shop WHERE id = $1`, [shopId]);
	const right = rows[0]?.right;
	return isRight(right) ? right : "look";
}

export async function setNewcomerRight(pool: Pool, shopId: number, change: { right: Right; actor: string }): Promise<NewcomerChange> {
	return asApprover<NewcomerChange>(pool, shopId, change.actor, async (tx) => {
		const before = await newcomerRight(tx, shopId);
		if (before === change.right) return { outcome: "unchanged" };
		await tx.query("UPDATE shop SET settings = settings || jsonb_build_object('newcomerRight', $2::text) WHERE id = $1", [
			shopId,
			change.right,
		]);
		const entry = { actor: change.actor, action: "newcomers.right_changed" };
		await recordAudit(tx, shopId, { ...entry, before: { right: before }, after: { right: change.right } });
		return { outcome: "changed" };
	});
}

/** The page has asked already; between its asking and this lock the right may have been taken away. */
async function asApprover<T>(
	pool: Pool,
	shopId: number,
	actor: string,
	work: (tx: Client) => Promise<T>,
): Promise<T | { outcome: "refused" }> {
	return transaction(pool, async (tx) => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const own = await tx.query<{ granted: Right }>("SELECT granted FROM member WHERE shop_id = $1 AND user_id = $2", [shopId, actor]);
		if (own.rows[0]?.granted !== "approve") return { outcome: "refused" };
		return work(tx);
	});
}
