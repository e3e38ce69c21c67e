import { readFailedRequest } from "#app/pages/failed/read-failed.ts";
import { askForReplay, type Chosen, readReplay, runReplays } from "#app/replay/index.ts";
import type { TestDatabase } from "./database.ts";
import { drain } from "./delivery.ts";
import { openFailures } from "./failures.ts";

let presses = 0;

/** A shop with a store that refuses what it is told to, and whoever tries it again. */
export async function openReplayDesk({ pool }: Pick<TestDatabase, "pool">, wake: () => Promise<void>, items = 3) {
	const failures = await openFailures(pool, { items, wake });
	const { shop, store, push, depsOf, list } = failures;
	const all = async (query = ""): Promise<Chosen> => ({
		filter: readFailedRequest(new URLSearchParams(query)),
		throughId: (await list(query)).matching.throughId,
	});
	const ask = (chosen: Chosen, { press = `press-${++presses}`, shopId = shop.shopId, pool: of = pool } = {}) =>
		askForReplay(depsOf(of), shopId, chosen, { name: "Refused ones", reason: "Mended at the store", actor: "user-1", press });
	const round = () => runReplays(depsOf(), shop.shopId);
	const standing = async (runId: number) => readReplay(pool, shop.shopId, runId);
	return {
		...failures,
		all,
		ask,
		round,
		standing,
		async begun(chosen: Chosen) {
			const asked = await ask(chosen);
			if (asked.outcome !== "asked") throw new Error("nothing to try again");
			return asked.runId;
		},
		/** As workers do it: rounds, pushes and drains until nothing is left to do. */
		async toItsEnd(runId: number) {
			for (let n = 0; n < 200; n++) {
				await round();
				await push();
				await drain(pool, shop);
				if ((await standing(runId))?.doneAt) break;
			}
			const { total, succeeded, failed, nothing, leftAlone, state } = (await standing(runId)) ?? {};
			return { total, succeeded, failed, nothing, leftAlone, state };
		},
		events: async () =>
			(
				await pool.query("SELECT source, correlation_id FROM inbox_event WHERE shop_id = $1 AND source = 'replay' ORDER BY id", [
					shop.shopId,
				])
			).rows,
		entries: async () =>
			(await pool.query("SELECT actor, action, after FROM audit WHERE shop_id = $1 AND action LIKE 'replay.%' ORDER BY id", [shop.shopId]))
				.rows,
		writes: (id = "listing-0") => store.calls.filter(({ operation, ids }) => operation === "write" && ids.includes(id)).length,
	};
}
export type ReplayDesk = Awaited<ReturnType<typeof openReplayDesk>>;
