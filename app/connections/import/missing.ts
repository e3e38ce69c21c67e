import { appendEvents, requestFetch } from "#inbox";
import type { Import } from "./run-import.ts";

/**
 * A shop that comes back was not heard of while it was away: what we hold and the export does not name is looked after here.
 * At a first installation there is nothing. What the export named is known by its delivery keys.
 */
const BATCH = 500;

/** Items that the export does not name are gone from home. */
export async function markGoneItems({ deps, shopId, connectionId, lease }: Import): Promise<void> {
	const { rows } = await deps.pool.query<{ externalId: string }>(
		`SELECT external_id AS "externalId" FROM item i WHERE shop_id = $1 AND deleted_at IS NULL
		   AND NOT EXISTS (SELECT FROM delivery_key k WHERE k.shop_id = $1 AND k.connection_id = $2 AND k.key = $3 || i.external_id)
		 ORDER BY id`,
		[shopId, connectionId, `import:${lease.progress.exportId}:item:`],
	);
	for (let start = 0; start < rows.length; start += BATCH) {
		await appendEvents(
			deps.pool,
			rows.slice(start, start + BATCH).map(({ externalId }) => ({
				shopId,
				connectionId,
				topic: "import.item-gone",
				source: "import" as const,
				payload: null,
				event: { v: 1 as const, type: "home.item-gone" as const, itemExternalId: externalId, productExternalId: null },
				deliveryKey: `import:${lease.progress.exportId}:gone:${externalId}`,
				correlationId: `import:${shopId}:${lease.installation}`,
				occurredAt: lease.progress.startedAt,
			})),
		);
	}
	if (rows.length > 0) await deps.wake("apply.drain", { shopId });
}

/** Levels that we hold and the export does not name: read, inactive ones included, so that they end with home's own word. */
export async function askForWhatIsMissing({ deps, shopId, connectionId, lease }: Import): Promise<void> {
	const { rows } = await deps.pool.query<{ externalId: string }>(
		`SELECT DISTINCT i.external_id AS "externalId" FROM stock s
		 JOIN item i ON i.shop_id = $1 AND i.id = s.item_id AND i.deleted_at IS NULL
		 JOIN location l ON l.shop_id = $1 AND l.id = s.location_id
		 WHERE s.shop_id = $1 AND EXISTS (SELECT FROM delivery_key k WHERE k.shop_id = $1 AND k.connection_id = $2 AND k.key = $3 || 'item:' || i.external_id)
		   AND NOT EXISTS (SELECT FROM delivery_key k WHERE k.shop_id = $1 AND k.connection_id = $2
		                     AND k.key = $3 || 'reading:' || i.external_id || ':' || l.external_id)`,
		[shopId, connectionId, `import:${lease.progress.exportId}:`],
	);
	for (let start = 0; start < rows.length; start += BATCH) {
		await requestFetch(
			deps.pool,
			rows.slice(start, start + BATCH).map(({ externalId }) => ({
				shopId,
				connectionId,
				kind: "levels" as const,
				externalId,
				reason: "not in the import",
				correlationId: `import:${shopId}:${lease.installation}`,
			})),
		);
	}
}
