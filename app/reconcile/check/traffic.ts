import type { Queryable } from "#app/db.server.ts";

/** Says whether messages have come in since it was asked last; the first time nobody knows. */
export type Traffic = { cameIn(): Promise<boolean> };

/** The inbox numbers whatever comes in, of all shops: reading that number costs as good as nothing. */
export function watchTraffic(db: Queryable): Traffic {
	let known: number | null = null;
	return {
		async cameIn() {
			const { rows } = await db.query<{ newest: number }>("SELECT last_value AS newest FROM inbox_event_id_seq");
			const newest = rows[0]?.newest ?? 0;
			const cameIn = known !== null && newest > known;
			known = newest;
			return cameIn;
		},
	};
}
