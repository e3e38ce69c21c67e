import { z } from "zod";
import { type Client, type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { type Policy, policySchema } from "#domain";
import { recordAudit } from "./audit.ts";

/** What a channel begins with when it is connected; from then on it has its own. */
export type ChannelDefaults = {
	policy: Policy;
	/** Empty: all locations that fulfil online orders, whichever they are then. */
	locationIds: number[];
};

/** Kept in `shop.settings` under `channelDefaults`; what an older release wrote, or nobody, reads as the plain defaults. */
const stored = z
	.object({ policy: policySchema, locationIds: z.array(z.int().positive()) })
	.catch({ policy: { kind: "exact" }, locationIds: [] });

export async function readChannelDefaults(db: Queryable, shopId: number): Promise<ChannelDefaults> {
	const { rows } = await db.query<{ defaults: unknown }>(`SELECT settings->'channelDefaults' AS defaults FROM shop WHERE id = $1`, [
		shopId,
	]);
	return stored.parse(rows[0]?.defaults ?? null);
}

export type DefaultsChange =
	| { outcome: "changed" | "unchanged" }
	/** A location is not this shop's. Nothing was changed. */
	| { outcome: "unknown" };

/** Channels that are connected already keep what they have: changing them all at once is a matter for each of their pages. */
export async function setChannelDefaults(
	pool: Pool,
	shopId: number,
	change: { defaults: ChannelDefaults; actor: string },
): Promise<DefaultsChange> {
	const defaults = {
		policy: policySchema.parse(change.defaults.policy),
		locationIds: [...new Set(change.defaults.locationIds)].sort((a, b) => a - b),
	};
	return transaction(pool, async (tx) => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const known = await tx.query("SELECT FROM location WHERE shop_id = $1 AND id = ANY($2::bigint[])", [shopId, defaults.locationIds]);
		if (known.rowCount !== defaults.locationIds.length) return { outcome: "unknown" };
		const before = await readChannelDefaults(tx, shopId);
		if (JSON.stringify(before) === JSON.stringify(defaults)) return { outcome: "unchanged" };
		await tx.query("UPDATE shop SET settings = settings || jsonb_build_object('channelDefaults', $2::jsonb) WHERE id = $1", [
			shopId,
			JSON.stringify(defaults),
		]);
		await recordAudit(tx, shopId, { actor: change.actor, action: "defaults.changed", before, after: defaults });
		return { outcome: "changed" };
	});
}

/** In the transaction that makes a connection. Locations that Shopify has deactivated meanwhile are left out. */
export async function applyChannelDefaults(tx: Client, shopId: number, connectionId: number): Promise<void> {
	const { policy, locationIds } = await readChannelDefaults(tx, shopId);
	await tx.query("UPDATE connection SET policy = $3 WHERE shop_id = $1 AND id = $2", [shopId, connectionId, JSON.stringify(policy)]);
	await tx.query(
		`INSERT INTO connection_location (shop_id, connection_id, location_id)
		 SELECT $1, $2, id FROM location WHERE shop_id = $1 AND id = ANY($3::bigint[]) AND active`,
		[shopId, connectionId, locationIds],
	);
}
