import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import { cutPage, readCursor } from "../../components/keyset.ts";

export const SHOWN = ["all", "to-zero", "raised", "lowered", "problems"] as const;
export type Shown = (typeof SHOWN)[number];
export type DryRunRow = {
	id: number;
	sku: string;
	title: string;
	from: number | null;
	to: number | null;
	problem: "unmanaged" | "gone" | null;
	/** Written to already, because it was chosen first. */
	isLive: boolean;
};
export type DryRunPage = { rows: DryRunRow[]; pages: { before: string | null; after: string | null } };
export type DryRunRequest = { shown: Shown; query: string; after: string | null; before: string | null };

const PAGE_SIZE = 50;
const CURSOR = ["string", "number"] as const;

export function readDryRunRequest(params: URLSearchParams): DryRunRequest {
	const shown = SHOWN.find((one) => one === params.get("shown")) ?? "all";
	return { shown, query: (params.get("q") ?? "").trim().slice(0, 100), after: params.get("after"), before: params.get("before") };
}

const WHICH: Readonly<Record<Shown, string>> = {
	all: "true",
	"to-zero": "d.to_quantity = 0",
	raised: "d.to_quantity > d.from_quantity",
	lowered: "d.to_quantity < d.from_quantity",
	problems: "d.problem IS NOT NULL",
};

type Place = { shopId: number; connectionId: number };

/** What the newest dry run found, page by page in the order of SKUs. `isLive` means something only while some are live. */
export async function readDryRun(db: Queryable, { shopId, connectionId }: Place, request: DryRunRequest): Promise<DryRunPage> {
	const [from, to] = [readCursor(request.after, CURSOR), readCursor(request.before, CURSOR)];
	const cursor = to ?? from;
	const [compare, order] = to ? ["<", "DESC"] : [">", "ASC"];
	const { rows } = await db.query<DryRunRow>(
		`${SELECT} AND ${WHICH[request.shown]}
		   AND ($3::text IS NULL OR (coalesce(l.sku, ''), l.id) ${compare} ($3, $4::bigint))
		   AND ($5 = '' OR l.sku ILIKE $5 OR l.title ILIKE $5)
		 ORDER BY coalesce(l.sku, '') ${order}, l.id ${order} LIMIT $6`,
		[
			shopId,
			connectionId,
			cursor?.[0] ?? null,
			cursor?.[1] ?? null,
			request.query && `%${request.query.replace(/[\\%_]/g, "\\$&")}%`,
			PAGE_SIZE + 1,
			NOT_LIVE_YET,
		],
	);
	return cutPage(rows, {
		size: PAGE_SIZE,
		backwards: to !== null,
		startsAtCursor: from !== null,
		cursorOf: ({ sku, id }) => [sku, id],
	});
}

/** All of them, for the file. A dry run lists each listing once at most. */
export async function readWholeDryRun(db: Queryable, { shopId, connectionId }: Place): Promise<DryRunRow[]> {
	const { rows } = await db.query<DryRunRow>(`${SELECT.replace("$7", "$3")} ORDER BY coalesce(l.sku, ''), l.id`, [
		shopId,
		connectionId,
		NOT_LIVE_YET,
	]);
	return rows;
}

const SELECT = `
SELECT l.id, coalesce(l.sku, '') AS sku, l.title, d.from_quantity AS "from", d.to_quantity AS "to", d.problem,
  NOT (l.paused AND l.paused_reason = $7) AS "isLive"
FROM dry_run_line d JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id
WHERE d.shop_id = $1 AND d.connection_id = $2`;

export const sayProblem = (problem: NonNullable<DryRunRow["problem"]>): string =>
	problem === "gone" ? "The channel does not know it any more" : "The channel keeps no stock for it: switch stock management on there";
