/**
 * The `@idempotent(key:)` facility: within 24 hours the same key with the same variables gives the first result without
 * executing again; with other variables it is refused; after 24 hours the key is unknown and the mutation runs once more.
 */
const REMEMBERED_MS = 24 * 3_600_000;

type Known = { at: number; mutation: string; variables: string; state: "running" | "done" | "failed"; result: unknown };
export type Claim =
	| { outcome: "new" }
	| { outcome: "replay"; result: unknown }
	| { outcome: "concurrent" }
	| { outcome: "mismatch" }
	| { outcome: "previous attempt failed" };

export type Idempotency = ReturnType<typeof createIdempotency>;

export function createIdempotency({ now, violated }: { now: () => number; violated: (rule: string, detail: string) => void }) {
	const keys = new Map<string, Known>();
	return {
		claim(key: string, mutation: string, variables: string): Claim {
			const known = keys.get(key);
			if (known && now() - known.at > REMEMBERED_MS) {
				violated("idempotency key resent after 24 h", `${mutation} ${key}`);
				keys.delete(key);
			} else if (known) {
				if (known.mutation !== mutation || known.variables !== variables) {
					violated("idempotency key reused with other variables", `${mutation} ${key}`);
					return { outcome: "mismatch" };
				}
				if (known.state === "running") return { outcome: "concurrent" };
				if (known.state === "failed") return { outcome: "previous attempt failed" };
				return { outcome: "replay", result: known.result };
			}
			keys.set(key, { at: now(), mutation, variables, state: "running", result: undefined });
			return { outcome: "new" };
		},
		/** A request that will be carried out later holds its key from its arrival on. */
		finish(key: string, result: unknown): void {
			const known = keys.get(key);
			if (known) Object.assign(known, { state: "done", result });
		},
		fail(key: string): void {
			const known = keys.get(key);
			if (known) known.state = "failed";
		},
	};
}
