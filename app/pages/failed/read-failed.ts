import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { type FailureFilter, foldProblemsOf, isReadable, joins, listProblems, whereOf } from "#dead-letters";
import { ownWords } from "#domain";
import { cutPage, readCursor } from "../../components/keyset.ts";
import { readShopMap } from "../shop/read-channels.ts";
import { type FailedPage, type FailedRow, type ProblemRow, SIDES } from "./failed.ts";

const PAGE_ROWS = 50;
const SKU_CHARS_MAX = 200;
const DAY_MS = 86_400_000;
/** Past this the exact number helps nobody. */
const COUNTED_MAX = 10_000;

export type FailedRequest = FailureFilter & { after: string | null; before: string | null };

export function readFailedRequest(params: URLSearchParams): FailedRequest {
	const channelId = Number(params.get("channel"));
	return {
		side: SIDES.find((known) => known === params.get("side")) ?? null,
		channelId: Number.isSafeInteger(channelId) && channelId > 0 ? channelId : null,
		errorClass: params.get("kind")?.slice(0, 100) || null,
		operation: params.get("what")?.slice(0, 200) || null,
		sku: (params.get("q") ?? "").trim().slice(0, SKU_CHARS_MAX),
		order: (params.get("order") ?? "").trim().slice(0, SKU_CHARS_MAX),
		from: momentOf(params.get("from"), 0),
		until: momentOf(params.get("until"), DAY_MS),
		after: params.get("after"),
		before: params.get("before"),
	};
}

/** A day, in UTC: its beginning, or with `wholeMs` its end; or a moment. Anything else is none. */
function momentOf(text: string | null, wholeMs: number): string | null {
	const time = text ? Date.parse(text) : Number.NaN;
	if (Number.isNaN(time)) return null;
	return new Date(time + (/^\d{4}-\d\d-\d\d$/.test(text ?? "") ? wholeMs : 0)).toISOString();
}

/** What could not be delivered or counted and waits for a person, newest first. */
export async function readFailed(pool: Pool, shopId: number, request: FailedRequest): Promise<FailedPage> {
	await foldProblemsOf(pool, shopId);
	return transaction(
		pool,
		async (client) => {
			const shop = await readShopMap(client, shopId);
			const nameOf = (id: number) => shop.channels.find((channel) => channel.id === id)?.name || "A former channel";
			const after = readCursor(request.after, ["number"]);
			const before = readCursor(request.before, ["number"]);
			const { where, values } = whereOf(shopId, request);
			const from = before ?? after;
			const backwards = before !== null;
			const found = await client.query<FailedRecord>(
				`SELECT ${failedColumns} FROM dead_letter d ${joins}
				  WHERE ${where} ${from ? `AND d.id ${backwards ? ">" : "<"} $${values.length + 2}` : ""}
				  ORDER BY d.id ${backwards ? "ASC" : "DESC"} LIMIT $${values.length + 1}`,
				[...values, PAGE_ROWS + 1, ...(from ? [from[0]] : [])],
			);
			const { rows, pages } = cutPage(found.rows, {
				size: PAGE_ROWS,
				backwards,
				startsAtCursor: after !== null,
				cursorOf: (row) => [row.id],
			});
			const problems = await readProblems(client, shopId, nameOf);
			return {
				asOf: await now(client),
				channels: shop.channels.map(({ id, name }) => ({ id, name })),
				problems,
				rows: rows.map((row) => toFailedRow(row, nameOf)),
				pages,
				matching: await countMatching(client, where, values),
				isEmpty: problems.length === 0,
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

export const failedColumns = `
d.id, d.direction, d.connection_id, d.event_id, d.listing_id, d.operation, d.error_class, d.error, d.attempts, d.first_at, d.last_at, d.state,
coalesce(i.id, l.item_id) AS item_id, coalesce(i.sku, l.sku, '') AS sku, coalesce(i.title, l.title, '') AS title,
(d.listing_id IS NOT NULL OR (d.delta_batch_id IS NOT NULL AND d.payload ? 'locationId')
 OR (${isReadable})) AS can_try_again`;

export type FailedRecord = {
	id: number;
	direction: "in" | "out";
	connection_id: number;
	event_id: number | null;
	listing_id: number | null;
	operation: string;
	error_class: string;
	error: string;
	attempts: number;
	first_at: Date;
	last_at: Date;
	state: "open" | "replayed" | "resolved" | "discarded";
	item_id: number | null;
	sku: string;
	title: string;
	can_try_again: boolean;
};

export const toFailedRow = (row: FailedRecord, nameOf: (id: number) => string): FailedRow => ({
	id: row.id,
	side: row.direction === "out" ? "updates" : "messages",
	channelId: row.connection_id,
	channel: nameOf(row.connection_id),
	subject: row.title || row.sku || (row.direction === "in" ? `Message “${row.operation}”` : "Several stock figures"),
	sku: row.sku,
	itemId: row.item_id,
	errorClass: row.error_class,
	error: ownWords(row.error),
	attempts: row.attempts,
	firstAt: row.first_at.toISOString(),
	lastAt: row.last_at.toISOString(),
	canTryAgain: row.can_try_again,
});

async function countMatching(client: Client, where: string, values: readonly unknown[]): Promise<FailedPage["matching"]> {
	const { rows } = await client.query<{ count: number; through: number | null }>(
		`SELECT count(*)::int AS count, max(id) AS through
		   FROM (SELECT d.id FROM dead_letter d ${joins} WHERE ${where} ORDER BY d.id DESC LIMIT $${values.length + 1}) matching`,
		[...values, COUNTED_MAX + 1],
	);
	const { count, through } = rows[0] ?? { count: 0, through: null };
	return { count: Math.min(count, COUNTED_MAX), more: count > COUNTED_MAX, throughId: through ?? 0 };
}

/** The problems that are not over, as they are shown. */
async function readProblems(client: Client, shopId: number, nameOf: (id: number) => string): Promise<ProblemRow[]> {
	const problems = await listProblems(client, shopId);
	const { rows: members } = await client.query<{ user_id: string; name: string }>(
		"SELECT user_id, name FROM member WHERE shop_id = $1 AND user_id = ANY($2)",
		[shopId, problems.flatMap(({ decidedBy }) => decidedBy ?? [])],
	);
	const names = new Map(members.map(({ user_id, name }) => [user_id, name]));
	return problems.map((problem) => ({
		id: problem.id,
		side: problem.direction === "out" ? "updates" : "messages",
		channelId: problem.connectionId,
		channel: nameOf(problem.connectionId),
		operation: problem.operation,
		errorClass: problem.errorClass,
		count: problem.failures,
		state: problem.state === "resolved" ? "open" : problem.state,
		isBack: problem.times > 1,
		beganAt: problem.beganAt.toISOString(),
		lastAt: problem.lastAt.toISOString(),
		error: ownWords(problem.error),
		decided:
			problem.decidedBy && problem.decidedAt && (problem.state === "acknowledged" || problem.state === "ignored")
				? { who: names.get(problem.decidedBy) || "Somebody of your staff", at: problem.decidedAt.toISOString() }
				: null,
	}));
}

async function now(client: Client): Promise<string> {
	const { rows } = await client.query<{ now: Date }>("SELECT now()");
	return (rows[0]?.now ?? new Date()).toISOString();
}
