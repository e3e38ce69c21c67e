import { recordAudit } from "#app/connections/audit.ts";
import { type Queryable, transactionWithRetry } from "#app/db.server.ts";
import type { Chosen } from "#app/replay/index.ts";
import type { Deps } from "#connections";
import { ALL_FAILURES, discardDeadLetters, joins, whereOf } from "#dead-letters";

/** Rows that one transaction decides on: others wait no longer than a moment. */
const PER_STEP = 200;
/** What one press does at most; the message says so, and the next press goes on. */
const PER_PRESS_MAX = 10_000;

/** Nothing more is to be done about these; why is kept with each, and in Activity. Twice changes nothing the second time. */
export async function discard(
	deps: Deps,
	shopId: number,
	chosen: Chosen,
	decision: { reason: string; actor: string },
): Promise<{ discarded: number; more: boolean }> {
	let discarded = 0;
	const more = await inSteps(deps.pool, shopId, chosen, async (step) => {
		const ids = step.map(({ id }) => id);
		discarded += await transactionWithRetry(deps.pool, async (tx) => {
			const gone = await discardDeadLetters(tx, shopId, ids, decision);
			if (gone.length > 0)
				await recordAudit(tx, shopId, {
					actor: decision.actor,
					action: "failures.discarded",
					after: { ids: gone, reason: decision.reason },
				});
			return gone.length;
		});
	});
	return { discarded, more };
}

/** In the order of their ids, so that a step is never met again although its rows may still be open. */
async function inSteps(
	db: Queryable,
	shopId: number,
	chosen: Chosen,
	act: (step: readonly { id: number }[]) => Promise<void>,
): Promise<boolean> {
	const { where, values } = whereOf(shopId, "filter" in chosen ? chosen.filter : ALL_FAILURES);
	const only = "filter" in chosen ? `d.id <= $${values.push(chosen.throughId)}` : `d.id = ANY($${values.push(chosen.ids)})`;
	let after = 0;
	for (let seen = 0; seen < PER_PRESS_MAX; ) {
		const { rows } = await db.query<{ id: number }>(
			`SELECT d.id
			   FROM dead_letter d ${joins} WHERE ${where} AND ${only} AND d.id > $${values.length + 1} ORDER BY d.id LIMIT $${values.length + 2}`,
			[...values, after, PER_STEP],
		);
		const last = rows.at(-1);
		if (!last) return false;
		await act(rows);
		after = last.id;
		seen += rows.length;
		if (rows.length < PER_STEP) return false;
	}
	return true;
}
