import type { Pool } from "#app/db.server.ts";
import { listReplays, type ReplayEnded, type ReplayStanding, readReplay } from "#app/replay/index.ts";
import { ownWords } from "#domain";
import { readShopMap } from "../shop/read-channels.ts";

export type RunView = Omit<ReplayStanding, "askedAt" | "doneAt" | "actor" | "press"> & {
	who: string;
	askedAt: string;
	doneAt: string | null;
};
export type RunPage = RunView & { ended: (ReplayEnded & { channel: string })[] };

const RECENT_MAX = 5;

/** The newest runs of the shop, as the list of failures shows them. */
export async function readRuns(pool: Pool, shopId: number): Promise<RunView[]> {
	const runs = await listReplays(pool, shopId, { limit: RECENT_MAX });
	const nameOf = await readNames(pool, shopId, runs);
	return runs.map((run) => toView(run, nameOf));
}

/** One run with what of it a person may have to look at; null: there is none of that number in this shop. */
export async function readRun(pool: Pool, shopId: number, runId: number): Promise<RunPage | null> {
	const run = await readReplay(pool, shopId, runId);
	if (!run) return null;
	const { channels } = await readShopMap(pool, shopId);
	const { ended, ...standing } = run;
	return {
		...toView(standing, await readNames(pool, shopId, [run])),
		ended: ended.map((line) => ({
			...line,
			error: ownWords(line.error),
			channel: channels.find(({ id }) => id === line.connectionId)?.name || "A former channel",
		})),
	};
}

async function readNames(pool: Pool, shopId: number, runs: readonly { actor: string }[]): Promise<(actor: string) => string> {
	const { rows } = await pool.query<{ user_id: string; name: string }>(
		"SELECT user_id, name FROM member WHERE shop_id = $1 AND user_id = ANY($2)",
		[shopId, runs.map(({ actor }) => actor)],
	);
	const names = new Map(rows.map(({ user_id, name }) => [user_id, name]));
	return (actor) => (actor === "flow" ? "Shopify Flow" : names.get(actor) || "Somebody of your staff");
}

const toView = ({ askedAt, doneAt, actor, press, ...run }: ReplayStanding, nameOf: (actor: string) => string): RunView => ({
	...run,
	who: nameOf(actor),
	askedAt: askedAt.toISOString(),
	doneAt: doneAt?.toISOString() ?? null,
});
