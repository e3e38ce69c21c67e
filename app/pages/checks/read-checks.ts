import { type Client, type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { connectionSettingsSchema } from "#connections";
import { ownWords } from "#domain";
import type { Cause } from "#reconcile";
import { readShopMap, type ShopMap } from "../shop/read-channels.ts";
import type { CauseSum, CheckedChannel, CheckRun, CheckRunPage, ChecksPage, DifferencePage } from "./checks.ts";
import {
	type DifferenceRecord,
	type DifferencesRequest,
	differenceColumns,
	differenceJoins,
	readDifferences,
	toDifferenceRow,
} from "./read-differences.ts";

/** Differences that ended longer ago are history; what is open is counted whenever it was found. */
const SUMMED_DAYS = 7;
/** More than anybody would count; what is added up is bounded by it. */
const SUMMED_MAX = 20_000;
const RUNS_SHOWN = 8;

const READ_ONLY = { begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };

export function readChecks(pool: Pool, shopId: number, request: DifferencesRequest): Promise<ChecksPage> {
	return transaction(
		pool,
		async (client) => {
			const shop = await readShopMap(client, shopId);
			const sums = await readSums(client, shopId, shop);
			const { rows } = await client.query<{ now: Date; empty: boolean }>(
				"SELECT now(), NOT EXISTS (SELECT FROM reconcile_difference WHERE shop_id = $1) AS empty",
				[shopId],
			);
			return {
				asOf: (rows[0]?.now ?? new Date()).toISOString(),
				channels: await readCheckedChannels(client, shopId, shop),
				sums,
				runs: await readRuns(client, shopId, shop, "true ORDER BY r.id DESC LIMIT $2", [RUNS_SHOWN]),
				differences: await readDifferences(client, shopId, { request, shop, runId: null }),
				isEmpty: rows[0]?.empty ?? true,
			};
		},
		READ_ONLY,
	);
}

/** null: there is none of that number in this shop. */
export function readCheckRun(pool: Pool, shopId: number, runId: number, request: DifferencesRequest): Promise<CheckRunPage | null> {
	return transaction(
		pool,
		async (client) => {
			const shop = await readShopMap(client, shopId);
			const [run] = await readRuns(client, shopId, shop, "r.id = $2", [runId]);
			if (!run) return null;
			return { asOf: await now(client), run, differences: await readDifferences(client, shopId, { request, shop, runId }) };
		},
		READ_ONLY,
	);
}

/** null: there is none of that number in this shop. */
export async function readDifference(db: Queryable, shopId: number, id: number): Promise<DifferencePage | null> {
	const { rows } = await db.query<
		DifferenceRecord & { run_id: number; times: number; by_update: boolean; listing_id: number | null; failure_id: number | null }
	>(
		`SELECT ${differenceColumns}, d.run_id, d.times, d.by_update, d.listing_id,
		   (SELECT max(f.id) FROM dead_letter f WHERE f.shop_id = $1 AND f.listing_id = d.listing_id AND f.state = 'open') AS failure_id
		 FROM reconcile_difference d ${differenceJoins} WHERE d.shop_id = $1 AND d.id = $2`,
		[shopId, id],
	);
	const [row] = rows;
	if (!row) return null;
	const shop = await readShopMap(db, shopId);
	return {
		...toDifferenceRow(row, shop),
		asOf: await now(db),
		runId: row.run_id,
		times: row.times,
		byUpdate: row.by_update,
		listingId: row.listing_id,
		failureId: row.failure_id,
	};
}

async function readCheckedChannels(client: Client, shopId: number, shop: ShopMap): Promise<CheckedChannel[]> {
	const { rows } = await client.query<{ id: number; settings: unknown; counts: boolean; waiting: number; open: number }>(
		`SELECT c.id, c.settings, c.cut_at IS NOT NULL AS counts, coalesce(d.waiting, 0)::int AS waiting, coalesce(d.open, 0)::int AS open
		 FROM connection c LEFT JOIN (
		   SELECT connection_id, count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'open') AS open
		   FROM reconcile_difference WHERE shop_id = $1 AND settled_at IS NULL GROUP BY 1) d ON d.connection_id = c.id
		 WHERE c.shop_id = $1`,
		[shopId],
	);
	const facts = new Map(rows.map((row) => [row.id, row]));
	const runs = await readRuns(
		client,
		shopId,
		shop,
		"r.id IN (SELECT max(id) FROM reconcile_run WHERE shop_id = $1 GROUP BY connection_id)",
		[],
	);
	return shop.channels.flatMap(({ id, name, isHome, state }) => {
		const fact = facts.get(id);
		if (!fact || state === "disconnected") return [];
		return [
			{
				...{ id, name, isHome, waiting: fact.waiting, open: fact.open },
				canCheck: fact.counts && (state === "live" || state === "watching"),
				tolerance: connectionSettingsSchema.parse(fact.settings).stockTolerance,
				run: runs.find(({ channelId }) => channelId === id) ?? null,
			},
		];
	});
}

async function readSums(client: Client, shopId: number, { channels }: ShopMap): Promise<CauseSum[]> {
	const { rows } = await client.query<{ channelId: number; cause: Cause; count: number; open: number }>(
		`SELECT connection_id AS "channelId", cause, count(*)::int AS count, count(*) FILTER (WHERE state IN ('open', 'waiting'))::int AS open
		 FROM (SELECT connection_id, cause, state FROM reconcile_difference
		       WHERE shop_id = $1 AND state <> 'explained' AND (settled_at IS NULL OR found_at > now() - $2 * interval '1 day') LIMIT $3) d
		 GROUP BY 1, 2 ORDER BY 4 DESC, 3 DESC, 1, 2`,
		[shopId, SUMMED_DAYS, SUMMED_MAX],
	);
	return rows.map((row) => ({ ...row, channel: channels.find(({ id }) => id === row.channelId)?.name || "A former channel" }));
}

type RunRecord = Omit<CheckRun, "channel" | "isHome" | "state" | "who" | "askedAt" | "beganAt" | "endedAt"> & {
	state: string;
	asked_by: string;
	person: string | null;
	asked_at: Date;
	began_at: Date | null;
	ended_at: Date | null;
	leased: boolean;
};

/** `where` stands in this file. */
async function readRuns(
	client: Client,
	shopId: number,
	{ channels }: ShopMap,
	where: string,
	values: readonly unknown[],
): Promise<CheckRun[]> {
	const { rows } = await client.query<RunRecord>(
		`SELECT r.id, r.connection_id AS "channelId", r.state, r.asked_by, m.name AS person, r.asked_at, r.began_at, r.ended_at, r.expected, r.read, r.compared,
		   r.explained, r.tolerated, r.found, r.mended, r.added, r.sentence AS note, r.lease_token IS NOT NULL AS leased
		 FROM reconcile_run r LEFT JOIN member m ON m.shop_id = $1 AND m.user_id = r.asked_by WHERE r.shop_id = $1 AND ${where}`,
		[shopId, ...values],
	);
	return rows.map(({ asked_by, person, asked_at, began_at, ended_at, leased, ...row }) => {
		const channel = channels.find(({ id }) => id === row.channelId);
		return {
			...row,
			channel: channel?.name || "A former channel",
			isHome: channel?.isHome ?? false,
			state: row.state === "done" || row.state === "failed" ? row.state : row.state === "asked" && !leased ? "waits" : "running",
			who: asked_by === "timer" ? null : person || "Somebody of your staff",
			askedAt: asked_at.toISOString(),
			beganAt: began_at?.toISOString() ?? null,
			endedAt: ended_at?.toISOString() ?? null,
			note: row.note === null ? null : ownWords(row.note),
		};
	});
}

async function now(db: Queryable): Promise<string> {
	const { rows } = await db.query<{ now: Date }>("SELECT now()");
	return (rows[0]?.now ?? new Date()).toISOString();
}
