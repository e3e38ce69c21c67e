import { recordAudit } from "#app/connections/audit.ts";
import { transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";

export const REPLAY_WORDS = ["pause", "resume", "cancel"] as const;
export type ReplayWord = (typeof REPLAY_WORDS)[number];
export type ReplayDecided = "decided" | "unchanged" | "over";

const SETS = {
	pause: "paused_at = clock_timestamp()",
	resume: "paused_at = NULL",
	cancel: "cancelled_at = clock_timestamp(), paused_at = NULL",
} as const;
const MAY = {
	pause: "paused_at IS NULL AND cancelled_at IS NULL",
	resume: "paused_at IS NOT NULL",
	cancel: "cancelled_at IS NULL",
} as const;
const DONE = { pause: "replay.paused", resume: "replay.resumed", cancel: "replay.cancelled" } as const;

/**
 * Stops a run before its next lines, lets it go on, or ends it: what has begun is brought to its end either way, the rest stays as it
 * is. Pressed twice it is one word. over: it is done, or there is none of that number in this shop.
 */
export async function decideReplay(
	deps: Deps,
	shopId: number,
	{ runId, word, actor }: { runId: number; word: ReplayWord; actor: string },
): Promise<ReplayDecided> {
	const decided = await transactionWithRetry(deps.pool, async (tx): Promise<ReplayDecided> => {
		const { rows } = await tx.query<{ name: string; may: boolean }>(
			`SELECT name, ${MAY[word]} AS may FROM replay_run WHERE shop_id = $1 AND id = $2 AND done_at IS NULL FOR UPDATE`,
			[shopId, runId],
		);
		const [run] = rows;
		if (!run) return "over";
		if (!run.may) return "unchanged";
		await tx.query(`UPDATE replay_run SET ${SETS[word]} WHERE shop_id = $1 AND id = $2`, [shopId, runId]);
		await recordAudit(tx, shopId, { actor, action: DONE[word], subject: String(runId), after: { name: run.name } });
		return "decided";
	});
	if (decided === "decided") await deps.wake("replay.run", { shopId });
	return decided;
}
