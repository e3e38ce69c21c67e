import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, transaction } from "#app/db.server.ts";
import { BULK_ACTION } from "./actions.ts";
import { addUndo } from "./undo.ts";

type Ended = {
	actor: string;
	source: "rule" | "file" | "orders" | "listings";
	name: string;
	connection_id: number | null;
	since: Date | null;
	policy: unknown;
	paused: boolean | null;
	entry: number | null;
	undoes: number | null;
	changed: number;
	cancelled: boolean;
	up: number;
	down: number;
	missing: number;
	rollBackBy: string | null;
};

/**
 * One entry for all of it, in the moment in which it is over; where somebody has said that it is taken back, that begins in the same moment.
 * False: something of it is still to be done, or it is over already.
 */
export async function finish(pool: Pool, shopId: number, changeId: number): Promise<boolean> {
	return transaction(pool, async (tx) => {
		const { rows } = await tx.query<Ended>(
			`UPDATE bulk_change b SET done_at = clock_timestamp(), stopped_at = NULL WHERE shop_id = $1 AND id = $2 AND done_at IS NULL
			   AND NOT EXISTS (SELECT FROM bulk_change_line n WHERE n.shop_id = $1 AND n.change_id = $2 AND n.state IN ('waiting', 'written'))
			   AND NOT EXISTS (SELECT FROM bulk_change_quantity q WHERE q.shop_id = $1 AND q.change_id = $2 AND q.state IN ('waiting', 'sent', 'moved'))
			 RETURNING coalesce(confirmed_by, actor) AS actor, source, name, connection_id, since, policy, paused, undoes_entry AS entry, undoes_change AS undoes, changed,
			   cancelled_at IS NOT NULL AS cancelled, units_up AS up, units_down AS down, units_missing AS missing, roll_back_by AS "rollBackBy"`,
			[shopId, changeId],
		);
		const [change] = rows;
		if (!change) return false;
		if (change.changed > 0) {
			const subject = String(changeId);
			await recordAudit(tx, shopId, { actor: change.actor, action: actionOf(change), subject, after: afterOf(change) });
			if (change.rollBackBy !== null) await addUndo(tx, shopId, { changeId, actor: change.rollBackBy });
		}
		return true;
	});
}

function actionOf({ source, paused, undoes }: Ended): string {
	if (source === "file") return undoes === null ? BULK_ACTION.file : BULK_ACTION.fileBack;
	if (source !== "rule") return BULK_ACTION[source];
	return paused === null ? BULK_ACTION.rules : paused ? BULK_ACTION.paused : BULK_ACTION.resumed;
}

function afterOf({ source, policy, paused, entry, changed, name, cancelled, up, down, missing, undoes, connection_id, since }: Ended) {
	switch (source) {
		case "rule":
			return { listings: changed, ...(undoes !== null ? { undoes: entry } : paused === null ? { policy } : {}) };
		case "file":
			return { name, changes: changed, cancelled, up, down, missing, ...(undoes !== null ? { undoes: entry } : {}) };
		case "orders":
		case "listings":
			return { connectionId: connection_id, since, count: changed, cancelled };
	}
}
