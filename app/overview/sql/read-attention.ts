import type { Queryable } from "#app/db.server.ts";
import { listProblems, openDepth, type Problem } from "#dead-letters";
import { ownWords } from "#domain";
import type { AttentionLine, NameOf, Overview } from "../overview.ts";

const LISTED_MAX = 5;

type Newest = { id: number; listing_title: string | null; listing_sku: string | null; attempts: number };

/** What was set aside and needs somebody, by kind: those that a person has told to be ignored need nobody. */
export async function readAttention(client: Queryable, shopId: number, nameOf: NameOf): Promise<Overview["attention"]> {
	const depth = await openDepth(client, shopId, { needing: true });
	const problems = (await listProblems(client, shopId)).filter(({ state }) => state !== "ignored");
	const listed = problems.slice(0, LISTED_MAX);
	const { rows } = await client.query<Newest>(
		`SELECT d.id, l.title AS listing_title, l.sku AS listing_sku, d.attempts
		 FROM dead_letter d LEFT JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id WHERE d.shop_id = $1 AND d.id = ANY($2::bigint[])`,
		[shopId, listed.flatMap(({ newestId }) => newestId ?? [])],
	);
	return {
		updates: exactly(depth.updates),
		messages: exactly(depth.messages),
		problems: exactly(problems.length),
		newest: listed.flatMap((problem) => {
			const newest = rows.find(({ id }) => id === problem.newestId);
			return newest ? [toLine(problem, newest, nameOf)] : [];
		}),
	};
}

/** The numbers are kept with every failure, so they are never guesses. */
const exactly = (count: number) => ({ count, more: false });

const toLine = (problem: Problem, { id, listing_title, listing_sku, attempts }: Newest, nameOf: NameOf): AttentionLine => ({
	id,
	connectionId: problem.connectionId,
	operation: problem.operation,
	errorClass: problem.errorClass,
	failures: problem.failures,
	at: problem.lastAt.toISOString(),
	direction: problem.direction,
	channel: nameOf(problem.connectionId),
	subject: [listing_title, listing_sku].filter(Boolean).join(" · ") || problem.operation,
	error: ownWords(problem.error),
	attempts,
});
