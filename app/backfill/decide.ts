import { recordAudit } from "#app/connections/audit.ts";
import { type Client, transactionWithRetry } from "#app/db.server.ts";
import { refuseRules } from "#app/guards/index.ts";
import type { Right } from "#app/rights/index.ts";
import type { Deps } from "#connections";
import { bringsAnything } from "./orders/summary.ts";
import { approvalOf, type BulkSummary } from "./summary.ts";

export type Confirmed =
	| { outcome: "confirmed" }
	/** Another change of this shop is under way: they go one after the other, so that each can be undone. */
	| { outcome: "busy" }
	/** It would change nothing. */
	| { outcome: "nothing" }
	/** Lines with something wrong are left out only by somebody who says so. */
	| { outcome: "has-problems"; problems: number }
	/** More than the shop lets through unasked, by somebody who may not approve it. */
	| { outcome: "refused"; reason: string }
	/** There is none of that number in this shop, it is not read to its end, or it was confirmed already. */
	| { outcome: "over" };

/** A person says that what the dry run saw shall be done. Pressed twice, it is confirmed once. */
export async function confirmBulk(
	deps: Deps,
	shopId: number,
	{ changeId, leaveOut, actor, right }: { changeId: number; leaveOut: boolean; actor: string; right: Right },
): Promise<Confirmed> {
	const confirmed = await transactionWithRetry(deps.pool, async (tx): Promise<Confirmed> => {
		// As whoever asks for a rule: of two at once the second sees the first.
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const { rows } = await tx.query<Draft>(
			`SELECT source, total, problems, summary FROM bulk_change WHERE shop_id = $1 AND id = $2 AND confirmed_at IS NULL AND read_at IS NOT NULL FOR UPDATE`,
			[shopId, changeId],
		);
		const [draft] = rows;
		if (!draft) return { outcome: "over" };
		if (isNothing(draft)) return { outcome: "nothing" };
		if (draft.problems > 0 && !leaveOut) return { outcome: "has-problems", problems: draft.problems };
		const reason = await refuseRules(tx, shopId, { right, ...approvalOf(draft.summary) });
		if (reason !== null) return { outcome: "refused", reason };
		if (await isBusy(tx, shopId)) return { outcome: "busy" };
		await tx.query("UPDATE bulk_change SET confirmed_at = clock_timestamp(), confirmed_by = $3 WHERE shop_id = $1 AND id = $2", [
			shopId,
			changeId,
			actor,
		]);
		return { outcome: "confirmed" };
	});
	if (confirmed.outcome === "confirmed") await deps.wake("backfill.run", { shopId });
	return confirmed;
}

type Draft = { source: string; total: number; problems: number; summary: BulkSummary | null };

/**
 * As for a file: what would change nothing is not done. A channel whose orders are all here, to the last one, is read again for nothing, and
 * what comes after the look comes in by itself; who is in doubt looks again, which is one press too.
 */
const isNothing = ({ source, total, summary }: Draft): boolean =>
	source === "orders" ? summary?.kind === "orders" && !bringsAnything(summary) : total === 0;

async function isBusy(tx: Client, shopId: number): Promise<boolean> {
	const open = await tx.query("SELECT FROM bulk_change WHERE shop_id = $1 AND confirmed_at IS NOT NULL AND done_at IS NULL LIMIT 1", [
		shopId,
	]);
	return (open.rowCount ?? 0) > 0;
}

/** A draft that nobody wants is forgotten with all its lines. False: it was confirmed, or there is none of that number in this shop. */
export async function putAway(deps: Deps, shopId: number, changeId: number): Promise<boolean> {
	const { rowCount } = await deps.pool.query("DELETE FROM bulk_change WHERE shop_id = $1 AND id = $2 AND confirmed_at IS NULL", [
		shopId,
		changeId,
	]);
	return (rowCount ?? 0) > 0;
}

export type BulkWord = "pause" | "resume" | "cancel";
export type BulkDecided = "decided" | "unchanged" | "over";

const SETS = {
	pause: "stopped_at = clock_timestamp()",
	resume: "stopped_at = NULL, refusal = NULL",
	cancel: "cancelled_at = clock_timestamp(), stopped_at = NULL",
} as const;
const MAY = {
	pause: "stopped_at IS NULL AND cancelled_at IS NULL",
	resume: "stopped_at IS NOT NULL",
	cancel: "cancelled_at IS NULL",
} as const;
const DONE = { pause: "bulk.paused", resume: "bulk.resumed", cancel: "bulk.cancelled" } as const;

/**
 * Stops a change before its next batch, lets it go on, or ends it: what is done stays, and can be rolled back. Pressed twice it is one
 * word. over: it is done, it was never confirmed, or there is none of that number in this shop.
 */
export async function decideBulk(
	deps: Deps,
	shopId: number,
	{ changeId, word, actor }: { changeId: number; word: BulkWord; actor: string },
): Promise<BulkDecided> {
	const decided = await transactionWithRetry(deps.pool, async (tx): Promise<BulkDecided> => {
		const { rows } = await tx.query<{ name: string; may: boolean }>(
			`SELECT name, ${MAY[word]} AS may FROM bulk_change WHERE shop_id = $1 AND id = $2 AND confirmed_at IS NOT NULL AND done_at IS NULL FOR UPDATE`,
			[shopId, changeId],
		);
		const [change] = rows;
		if (!change) return "over";
		if (!change.may) return "unchanged";
		await tx.query(`UPDATE bulk_change SET ${SETS[word]} WHERE shop_id = $1 AND id = $2`, [shopId, changeId]);
		await recordAudit(tx, shopId, { actor, action: DONE[word], subject: String(changeId), after: { name: change.name } });
		return "decided";
	});
	if (decided === "decided") await deps.wake("backfill.run", { shopId });
	return decided;
}
