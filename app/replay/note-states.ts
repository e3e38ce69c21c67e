import type { Client } from "#app/db.server.ts";

const COUNTERS = ["begun", "succeeded", "failed", "nothing", "left_alone"] as const;

/** The run's counters follow its lines, in the same transaction and under the run's lock. */
export async function noteStates(
	tx: Client,
	{ shopId, runId }: { shopId: number; runId: number },
	moves: readonly { from: string; to: string }[],
): Promise<void> {
	if (moves.length === 0) return;
	const change = (name: string) => moves.filter(({ to }) => to === name).length - moves.filter(({ from }) => from === name).length;
	await tx.query(
		`UPDATE replay_run SET ${COUNTERS.map((name, index) => `${name} = ${name} + $${index + 3}`).join(", ")} WHERE shop_id = $1 AND id = $2`,
		[shopId, runId, ...COUNTERS.map(change)],
	);
}
