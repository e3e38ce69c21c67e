import type { Queryable } from "#app/db.server.ts";

/** A set of changes and how it stands. Counted in products: one at two places, or on three channels, is one. */
export type SetStanding = {
	id: number;
	kind: "zero" | "raise";
	openedAt: string;
	lastAt: string;
	closedAt: string | null;
	keptAt: string | null;
	keptBy: string | null;
	/** The limit as it was then, and how many had been let through before it was reached. */
	allowed: number;
	passed: number;
	/** Waits for a word; of it is decided and being done; and what came of the rest. */
	waiting: number;
	deciding: number;
	approved: number;
	writtenBack: number;
	mended: number;
};

const STANDING = `
SELECT c.id, c.kind, c.opened_at AS "openedAt", c.last_at AS "lastAt", c.closed_at AS "closedAt", c.kept_at AS "keptAt", c.kept_by AS "keptBy",
  c.allowed, c.passed, n.* FROM change_set c CROSS JOIN LATERAL (
  SELECT count(DISTINCT h.item_id) FILTER (WHERE h.state = 'held' AND h.asked IS NULL)::int AS waiting,
    count(DISTINCT h.item_id) FILTER (WHERE h.state = 'held' AND h.asked IS NOT NULL)::int AS deciding,
    count(DISTINCT h.item_id) FILTER (WHERE h.state = 'approved')::int AS approved,
    count(DISTINCT h.item_id) FILTER (WHERE h.state = 'kept')::int AS "writtenBack",
    count(DISTINCT h.item_id) FILTER (WHERE h.state = 'mended')::int AS mended
  FROM held_change h WHERE h.shop_id = c.shop_id AND h.set_id = c.id) n`;

type Row = Omit<SetStanding, "openedAt" | "lastAt" | "closedAt" | "keptAt"> & {
	openedAt: Date;
	lastAt: Date;
	closedAt: Date | null;
	keptAt: Date | null;
};
const toStanding = (row: Row): SetStanding => ({
	...row,
	openedAt: row.openedAt.toISOString(),
	lastAt: row.lastAt.toISOString(),
	closedAt: row.closedAt?.toISOString() ?? null,
	keptAt: row.keptAt?.toISOString() ?? null,
});

/** More at once than a few means that nobody looks; the newest are listed. */
const OPEN_MAX = 20;

/** Sets in which something waits, newest first. */
export async function readOpenSets(db: Queryable, shopId: number): Promise<SetStanding[]> {
	const { rows } = await db.query<Row>(`${STANDING} WHERE c.shop_id = $1 AND c.closed_at IS NULL ORDER BY c.id DESC LIMIT $2`, [
		shopId,
		OPEN_MAX,
	]);
	return rows.map(toStanding);
}

export async function readChangeSet(db: Queryable, shopId: number, setId: number): Promise<SetStanding | null> {
	const { rows } = await db.query<Row>(`${STANDING} WHERE c.shop_id = $1 AND c.id = $2`, [shopId, setId]);
	return rows[0] ? toStanding(rows[0]) : null;
}
