import { type Pool, transaction } from "#app/db.server.ts";
import { listMembers } from "#app/rights/index.ts";
import { cutPage, readCursor } from "../../components/keyset.ts";
import { ACTIONS, type AuditRow, ENTRY_KINDS, type Entry, type EntryKind } from "./entry.ts";
import { readWords } from "./read-words.ts";
import { sayEntry } from "./say-entry.ts";

const PAGE_ROWS = 50;
const TEXT_MAX = 100;

export type ActivityRequest = { kind: EntryKind | null; person: string | null; after: string | null; before: string | null };

export type ActivityPage = {
	asOf: string;
	entries: Entry[];
	people: { userId: string; name: string }[];
	pages: { before: string | null; after: string | null };
	/** Nobody has done anything yet, whatever the filters. */
	isEmpty: boolean;
};

export function readActivityRequest(params: URLSearchParams): ActivityRequest {
	const kind = params.get("kind");
	return {
		kind: ENTRY_KINDS.find((known) => known === kind) ?? null,
		person: params.get("person")?.slice(0, TEXT_MAX) || null,
		after: params.get("after"),
		before: params.get("before"),
	};
}

/** Who did what, newest first. The audit's key is its order. */
export async function readActivity(pool: Pool, shopId: number, reader: string, request: ActivityRequest): Promise<ActivityPage> {
	return transaction(
		pool,
		async (client) => {
			const older = readCursor(request.after, ["number"])?.[0] ?? null;
			const newer = readCursor(request.before, ["number"])?.[0] ?? null;
			const { rows: found } = await client.query<AuditRow>(
				`SELECT id, actor, action, subject, before, after, at FROM audit
				  WHERE shop_id = $1 AND ($2::text[] IS NULL OR action = ANY($2)) AND ($3::text IS NULL OR actor = $3)
				    AND ($4::bigint IS NULL OR id < $4) AND ($5::bigint IS NULL OR id > $5)
				  ORDER BY id ${newer === null ? "DESC" : "ASC"} LIMIT $6`,
				[shopId, request.kind && ACTIONS[request.kind], request.person, older, newer, PAGE_ROWS + 1],
			);
			const { rows, pages } = cutPage(found, {
				size: PAGE_ROWS,
				backwards: newer !== null,
				startsAtCursor: older !== null,
				cursorOf: (row) => [row.id],
			});
			const words = await readWords(client, shopId, reader, rows);
			const shop = await client.query<{ as_of: Date; empty: boolean }>(
				"SELECT now() AS as_of, NOT EXISTS (SELECT FROM audit WHERE shop_id = $1) AS empty",
				[shopId],
			);
			const members = await listMembers(client, shopId);
			return {
				asOf: (shop.rows[0]?.as_of ?? new Date()).toISOString(),
				entries: rows.map((row) => sayEntry(row, words)),
				people: ["system", ...members.map(({ userId }) => userId)].map((userId) => ({ userId, name: words.person(userId) })),
				pages,
				isEmpty: shop.rows[0]?.empty ?? true,
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}
