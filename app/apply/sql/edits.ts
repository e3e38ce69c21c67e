import type { PoolClient } from "pg";
import type { EditLine } from "../decide/state.ts";

type Named = Pick<EditLine, "changeId" | "itemId" | "locationId">;

/** Of these lines of bulk changes those whose event waits to be applied. The lane keeps them: nobody else moves a line that was sent. */
export async function loadEdits(tx: PoolClient, shopId: number, named: readonly Named[]): Promise<EditLine[]> {
	if (named.length === 0) return [];
	const { rows } = await tx.query<EditLine>(
		`SELECT q.change_id AS "changeId", q.item_id AS "itemId", q.location_id AS "locationId", q.made
		 FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS r(change_id, item_id, location_id)
		 JOIN bulk_change_quantity q ON q.shop_id = $1 AND q.change_id = r.change_id AND q.item_id = r.item_id AND q.location_id = r.location_id
		 WHERE q.state = 'sent'`,
		[shopId, ...columnsOf(named)],
	);
	return rows;
}

/** What was moved, in the transaction that moved it. */
export async function writeEdits(tx: PoolClient, shopId: number, lines: readonly EditLine[]): Promise<void> {
	if (lines.length === 0) return;
	await tx.query(
		`UPDATE bulk_change_quantity q SET made = r.made, state = 'moved'
		 FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::int[]) AS r(change_id, item_id, location_id, made)
		 WHERE q.shop_id = $1 AND q.change_id = r.change_id AND q.item_id = r.item_id AND q.location_id = r.location_id AND q.state = 'sent'`,
		[shopId, ...columnsOf(lines), lines.map(({ made }) => made)],
	);
}

const columnsOf = (lines: readonly Named[]) => [
	lines.map(({ changeId }) => changeId),
	lines.map(({ itemId }) => itemId),
	lines.map(({ locationId }) => locationId),
];
