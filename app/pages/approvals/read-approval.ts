import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { readChangeSet } from "#app/guards/index.ts";
import { listMembers } from "#app/rights/index.ts";
import { cutPage, readCursor } from "../../components/keyset.ts";
import { readShopMap } from "../shop/read-channels.ts";
import { type ApprovalPage, type ApprovalRow, ROW_STATES, type RowState } from "./approvals.ts";

const PAGE_ROWS = 50;
const TEXT_MAX = 200;

export type ApprovalRequest = { state: RowState | null; q: string; after: string | null; before: string | null };

export function readApprovalRequest(params: URLSearchParams): ApprovalRequest {
	const state = params.get("state");
	return {
		state: ROW_STATES.find((known) => known === state) ?? null,
		q: (params.get("q") ?? "").trim().slice(0, TEXT_MAX),
		after: params.get("after"),
		before: params.get("before"),
	};
}

type Found = Omit<ApprovalRow, "key" | "location" | "shows"> & { locationId: number; size: number };

/** A set of changes with its products, the biggest first; null: the shop has none of that number. */
export async function readApproval(pool: Pool, shopId: number, setId: number, request: ApprovalRequest): Promise<ApprovalPage | null> {
	return transaction(
		pool,
		async (client) => {
			const set = await readChangeSet(client, shopId, setId);
			if (!set) return null;
			const after = readCursor(request.after, CURSOR);
			const before = readCursor(request.before, CURSOR);
			const from = before ?? after;
			const backwards = before !== null;
			const { rows: found } = await client.query<Found>(rowsStatement(backwards, from !== null), [
				...[shopId, setId, request.state, request.q, PAGE_ROWS + 1],
				...(from ?? []),
			]);
			const { rows, pages } = cutPage(found, {
				size: PAGE_ROWS,
				backwards,
				startsAtCursor: after !== null,
				cursorOf: (row) => [row.size, row.itemId, row.locationId],
			});
			const { locations } = await readShopMap(client, shopId);
			const several = locations.filter(({ active }) => active).length > 1;
			const shows = await readShown(client, shopId, [...new Set(rows.map(({ itemId }) => itemId))]);
			const names = new Map((await listMembers(client, shopId)).map(({ userId, name }) => [userId, name]));
			const { rows: clock } = await client.query<{ now: Date }>("SELECT now()");
			return {
				asOf: (clock[0]?.now ?? new Date()).toISOString(),
				set: { ...set, keptByName: set.keptBy && (names.get(set.keptBy) ?? "Somebody of your staff") },
				rows: rows.map(({ size: _, locationId, ...row }) => ({
					...row,
					key: `${row.itemId}-${locationId}`,
					location: several ? (locations.find(({ id }) => id === locationId)?.name ?? "") : "",
					shows: shows.get(row.itemId) ?? [],
				})),
				pages,
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

const CURSOR = ["number", "number", "number"] as const;
/** What is at stake: what would be lost, or what would be shown instead. */
const SIZE = "CASE h.kind WHEN 'zero' THEN h.former ELSE h.to_figure END";

const rowsStatement = (backwards: boolean, fromCursor: boolean) => `
SELECT h.item_id AS "itemId", h.location_id AS "locationId", coalesce(i.title, '') AS title, coalesce(i.sku, '') AS sku, h.former,
  h.to_figure AS "toFigure", ${SIZE} AS size,
  CASE WHEN h.state <> 'held' THEN h.state WHEN h.asked IS NULL THEN 'waiting' ELSE 'deciding' END AS state
FROM held_change h JOIN item i ON i.shop_id = h.shop_id AND i.id = h.item_id
WHERE h.shop_id = $1 AND h.set_id = $2
  AND CASE $3 WHEN 'waiting' THEN h.state = 'held' WHEN 'passed' THEN h.state = 'passed' WHEN 'done' THEN h.state NOT IN ('held', 'passed') ELSE true END
  AND ($4 = '' OR strpos(lower(coalesce(i.title, '') || ' ' || coalesce(i.sku, '')), lower($4)) > 0)
  ${fromCursor ? `AND (${SIZE}, h.item_id, h.location_id) ${backwards ? ">" : "<"} ($6, $7, $8)` : ""}
ORDER BY size ${backwards ? "ASC" : "DESC"}, h.item_id ${backwards ? "ASC" : "DESC"}, h.location_id ${backwards ? "ASC" : "DESC"} LIMIT $5`;

/** What the channels that are written to show of these products, by channel's name. */
async function readShown(client: Client, shopId: number, itemIds: readonly number[]): Promise<Map<number, ApprovalRow["shows"]>> {
	const { rows } = await client.query<{ itemId: number; channel: string; figure: number | null }>(
		`SELECT l.item_id AS "itemId", c.name AS channel, greatest(l.shown, 0) AS figure
		 FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
		 WHERE l.shop_id = $1 AND l.item_id = ANY($2::bigint[]) AND l.link_state = 'linked' AND NOT c.is_home AND c.state IN ('live', 'paused')
		 ORDER BY c.name, l.id`,
		[shopId, itemIds],
	);
	const shown = new Map<number, ApprovalRow["shows"]>();
	for (const { itemId, ...one } of rows) shown.set(itemId, [...(shown.get(itemId) ?? []), one]);
	return shown;
}
