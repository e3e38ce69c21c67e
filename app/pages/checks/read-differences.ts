import type { Queryable } from "#app/db.server.ts";
import type { Cause } from "#reconcile";
import { cutPage, readCursor } from "../../components/keyset.ts";
import type { ShopMap } from "../shop/read-channels.ts";
import { CAUSES, DIFFERENCE_STATES, type DifferenceList, type DifferenceRow, type DifferenceState } from "./checks.ts";

const PAGE_ROWS = 50;
const SEARCH_CHARS_MAX = 100;

export type DifferencesRequest = {
	sku: string;
	channelId: number | null;
	cause: Cause | null;
	state: DifferenceState | null;
	after: string | null;
	before: string | null;
};

export function readDifferencesRequest(params: URLSearchParams): DifferencesRequest {
	const channelId = Number(params.get("channel"));
	return {
		sku: (params.get("q") ?? "").trim().slice(0, SEARCH_CHARS_MAX),
		channelId: Number.isSafeInteger(channelId) && channelId > 0 ? channelId : null,
		cause: CAUSES.find((known) => known === params.get("cause")) ?? null,
		state: DIFFERENCE_STATES.find((known) => known === params.get("state")) ?? null,
		after: params.get("after"),
		before: params.get("before"),
	};
}

/** Differences, newest first. `runId`: those whose newest check is that one. */
export async function readDifferences(
	db: Queryable,
	shopId: number,
	{ request, shop, runId }: { request: DifferencesRequest; shop: ShopMap; runId: number | null },
): Promise<DifferenceList> {
	const after = readCursor(request.after, ["number"]);
	const before = readCursor(request.before, ["number"]);
	const from = (before ?? after)?.[0];
	const values: unknown[] = [shopId];
	const value = (one: unknown) => `$${values.push(one)}`;
	const conditions = ["d.shop_id = $1"];
	if (runId !== null) conditions.push(`d.run_id = ${value(runId)}`);
	if (request.channelId !== null) conditions.push(`d.connection_id = ${value(request.channelId)}`);
	if (request.cause) conditions.push(`d.cause = ${value(request.cause)}`);
	if (request.state) conditions.push(`d.state = ${value(request.state)}`);
	if (request.sku) conditions.push(`strpos(lower(d.sku), lower(${value(request.sku)})) > 0`);
	if (from !== undefined) conditions.push(`d.id ${before ? ">" : "<"} ${value(from)}::bigint`);
	const { rows } = await db.query<DifferenceRecord>(
		`SELECT ${differenceColumns} FROM reconcile_difference d ${differenceJoins} WHERE ${conditions.join(" AND ")}
		 ORDER BY d.id ${before ? "ASC" : "DESC"} LIMIT ${value(PAGE_ROWS + 1)}`,
		values,
	);
	const cut = cutPage(rows, { size: PAGE_ROWS, backwards: before !== null, startsAtCursor: after !== null, cursorOf: ({ id }) => [id] });
	return { rows: cut.rows.map((row) => toDifferenceRow(row, shop)), pages: cut.pages };
}

export const differenceColumns = `d.id, d.kind, d.connection_id, o.name AS place, coalesce(d.item_id, l.item_id, i.id) AS item_id,
  coalesce(nullif(d.sku, ''), i.sku, '') AS sku, coalesce(nullif(d.title, ''), i.title, '') AS title, d.expected, d.found, d.cause, d.state, d.found_at, d.settled_at, d.mended_figure`;
export const differenceJoins = `
LEFT JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id
LEFT JOIN item i ON i.shop_id = d.shop_id AND i.external_id = d.external_id AND d.kind <> 'listing'
LEFT JOIN location o ON o.shop_id = d.shop_id AND o.external_id = d.place_external_id`;

export type DifferenceRecord = {
	id: number;
	kind: DifferenceRow["kind"];
	connection_id: number;
	place: string | null;
	item_id: number | null;
	sku: string;
	title: string;
	expected: number | null;
	found: number | null;
	cause: Cause;
	state: DifferenceState;
	found_at: Date;
	settled_at: Date | null;
	mended_figure: number | null;
};

export function toDifferenceRow(row: DifferenceRecord, { channels, locations }: ShopMap): DifferenceRow {
	const channel = channels.find(({ id }) => id === row.connection_id);
	return {
		id: row.id,
		kind: row.kind,
		channelId: row.connection_id,
		channel: channel?.name || "A former channel",
		isHome: channel?.isHome ?? false,
		// Of a shop with one location nobody calls it by its name.
		place: locations.length > 1 ? row.place : null,
		itemId: row.item_id,
		sku: row.sku,
		title: row.title,
		expected: row.expected,
		found: row.found,
		cause: row.cause,
		state: row.state,
		foundAt: row.found_at.toISOString(),
		settledAt: row.settled_at?.toISOString() ?? null,
		figure: row.mended_figure,
	};
}
