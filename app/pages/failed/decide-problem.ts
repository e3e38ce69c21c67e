import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, transactionWithRetry } from "#app/db.server.ts";

/** acknowledge: somebody looks after it. ignore: it needs nobody. reopen: neither any more. */
export const PROBLEM_WORDS = ["acknowledge", "ignore", "reopen"] as const;
export type ProblemWord = (typeof PROBLEM_WORDS)[number];
export type ProblemDecided = "decided" | "unchanged" | "over";

const STATES = { acknowledge: "acknowledged", ignore: "ignored", reopen: "open" } as const;

/**
 * What a person says of a problem, good until its last failure is gone. Pressed twice it is one word, and one entry in the audit.
 * over: it resolved itself meanwhile, or there is none of that number in this shop.
 */
export async function decideProblem(
	pool: Pool,
	shopId: number,
	{ id, word, actor }: { id: number; word: ProblemWord; actor: string },
): Promise<ProblemDecided> {
	return transactionWithRetry(pool, async (tx) => {
		const { rows } = await tx.query<{
			connection_id: number;
			direction: "in" | "out";
			error_class: string;
			state: string;
			failures: number;
		}>("SELECT connection_id, direction, error_class, state, failures FROM problem WHERE shop_id = $1 AND id = $2 FOR UPDATE", [
			shopId,
			id,
		]);
		const [problem] = rows;
		if (!problem || problem.state === "resolved") return "over";
		if (problem.state === STATES[word]) return "unchanged";
		await tx.query("UPDATE problem SET state = $3, decided_by = $4, decided_at = clock_timestamp() WHERE shop_id = $1 AND id = $2", [
			shopId,
			id,
			STATES[word],
			actor,
		]);
		await recordAudit(tx, shopId, {
			actor,
			action: `problem.${STATES[word] === "open" ? "reopened" : STATES[word]}`,
			subject: String(problem.connection_id),
			before: { state: problem.state },
			after: { problemId: id, errorClass: problem.error_class, direction: problem.direction, failures: problem.failures },
		});
		return "decided";
	});
}
