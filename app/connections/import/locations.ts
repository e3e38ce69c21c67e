import { transaction } from "#app/db.server.ts";
import type { HomeLocation } from "#domain";
import { appendEvents } from "#inbox";
import type { Import, Step } from "./run-import.ts";

/** All locations, before any figure names one. One that home no longer has (a shop that comes back) is closed. */
export async function importLocations({ deps, shopId, connectionId, home, lease }: Import): Promise<Step> {
	const locations = await home.listLocations();
	await transaction(deps.pool, async (tx) => {
		const { rows } = await tx.query<{ externalId: string; name: string }>(
			`SELECT external_id AS "externalId", name FROM location WHERE shop_id = $1 AND active AND external_id <> ALL($2::text[])`,
			[shopId, locations.map((location) => location.locationExternalId)],
		);
		const closed = rows.map(
			(row): HomeLocation => ({
				v: 1,
				type: "home.location",
				locationExternalId: row.externalId,
				name: row.name,
				active: false,
				fulfillsOnline: false,
				fulfillmentService: false,
			}),
		);
		await appendEvents(
			tx,
			[...locations, ...closed].map((event) => ({
				shopId,
				connectionId,
				topic: "import.location",
				source: "import" as const,
				payload: null,
				event,
				deliveryKey: `import:${lease.installation}:location:${event.locationExternalId}`,
				correlationId: `import:${shopId}:${lease.installation}`,
				occurredAt: null,
			})),
		);
		await lease.save(tx, { phase: "export" });
	});
	await deps.wake("apply.drain", { shopId });
	return { next: true };
}
