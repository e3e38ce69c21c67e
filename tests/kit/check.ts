import { setTimeout as sleep } from "node:timers/promises";
import type { Deps } from "#connections";
import { askForCheck, type CheckOutcome, runCheck, settleDifferences } from "#reconcile";

type Open = NonNullable<Parameters<typeof runCheck>[3]>["open"];
/** Far more than a run waits for. */
const TURNS_MAX = 200;

/** A channel's stock is compared now, to the run's end; what it would wait for is due at once. */
export async function checkNow(deps: Deps, shopId: number, connectionId: number, open?: Open): Promise<CheckOutcome> {
	const asked = await askForCheck(deps, shopId, connectionId, "548380009");
	return asked.outcome === "closed" ? { outcome: "none" } : finishCheck(deps, shopId, connectionId, open);
}

/** The run that is under way, to its end. */
export async function finishCheck(deps: Deps, shopId: number, connectionId: number, open?: Open): Promise<CheckOutcome> {
	for (let turn = 0; turn < TURNS_MAX; turn++) {
		const { rowCount } = await deps.pool.query(
			"UPDATE reconcile_run SET next_at = now(), lease_until = NULL WHERE shop_id = $1 AND connection_id = $2 AND ended_at IS NULL",
			[shopId, connectionId],
		);
		if (rowCount === 0) return { outcome: "none" };
		const outcome = await runCheck(deps, shopId, connectionId, open ? { open } : {});
		if (outcome.outcome !== "again" && outcome.outcome !== "none") return outcome;
		await sleep(5);
	}
	throw new Error(`The run of connection ${connectionId} does not end`);
}

/** What was found is looked at now, whenever its turn would be. */
export async function settleNow(deps: Deps, shopId: number): Promise<number> {
	await deps.pool.query("UPDATE reconcile_difference SET next_look_at = now() WHERE shop_id = $1 AND settled_at IS NULL", [shopId]);
	return settleDifferences(deps, { shopId });
}

export type FoundRow = {
	sku: string;
	expected: number | null;
	found: number | null;
	cause: string;
	state: string;
	mended: number | null;
};

export async function foundIn(deps: Pick<Deps, "pool">, shopId: number): Promise<FoundRow[]> {
	const { rows } = await deps.pool.query<FoundRow>(
		"SELECT coalesce(sku, '') AS sku, expected, found, cause, state, mended_figure AS mended FROM reconcile_difference WHERE shop_id = $1 ORDER BY id",
		[shopId],
	);
	return rows;
}
