import { type Client, type Queryable, transaction, transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import { type Policy, policySchema } from "#domain";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";

/**
 * How a connection's listings show stock. Each change commits with its audit entry, which holds what was there before: the same
 * door with that undoes it (R45). What the listings must show follows at once; a process that dies in between leaves that to
 * the next regular look at the stock (reconcile/check).
 */
export type RuleChange =
	| { outcome: "changed"; listings: number }
	/** The shop has no such connection, or none of these listings or locations. Nothing was changed. */
	| { outcome: "unknown" };

/** `listingIds` null: the connection's default. `policy` null: back to what applies without it. */
export async function changePolicy(
	deps: Deps,
	shopId: number,
	connectionId: number,
	change: { policy: Policy | null; listingIds: readonly number[] | null; actor: string },
): Promise<RuleChange> {
	const policy = change.policy === null ? null : policySchema.parse(change.policy);
	const { listingIds } = change;
	const audit = { actor: change.actor, action: "policy.changed", subject: String(connectionId), after: { policy, listingIds } };
	const changed = await transactionWithRetry(deps.pool, async (tx) => {
		const connection = await lockConnection<{ policy: unknown }>(tx, { shopId, connectionId, columns: "policy" });
		if (!connection) return null;
		if (listingIds === null) {
			await tx.query("UPDATE connection SET policy = $3, updated_at = now() WHERE shop_id = $1 AND id = $2", [
				shopId,
				connectionId,
				JSON.stringify(policy ?? { kind: "exact" }),
			]);
			await recordAudit(tx, shopId, { ...audit, before: { policy: connection.policy, listingIds: null } });
			return { listings: 0 };
		}
		const was = await lockListings<{ id: number; policy: unknown }>(tx, { shopId, connectionId, listingIds, columns: "id, policy" });
		if (was.length === 0) return null;
		await tx.query("UPDATE listing SET policy = $3, updated_at = now() WHERE shop_id = $1 AND id = ANY($2::bigint[])", [
			shopId,
			was.map(({ id }) => id),
			policy === null ? null : JSON.stringify(policy),
		]);
		await recordAudit(tx, shopId, { ...audit, before: { listings: was } });
		return { listings: was.length };
	});
	return followed(deps, shopId, connectionId, changed);
}

/** Which locations feed the channel; an empty list: all that fulfil online orders (R13). Naming one that is not the shop's changes nothing. */
export async function chooseLocations(
	deps: Deps,
	shopId: number,
	connectionId: number,
	change: { locationIds: readonly number[]; actor: string },
): Promise<RuleChange> {
	const wanted = [...new Set(change.locationIds)];
	// The connection's row is the lock: of two at once the second's choice stands, not a mixture.
	const changed = await transaction(deps.pool, async (tx) => {
		const connection = await lockConnection(tx, { shopId, connectionId, columns: "id" });
		const known = await tx.query("SELECT FROM location WHERE shop_id = $1 AND id = ANY($2::bigint[])", [shopId, wanted]);
		if (!connection || known.rowCount !== wanted.length) return null;
		const was = await tx.query<{ location_id: number }>(
			"DELETE FROM connection_location WHERE shop_id = $1 AND connection_id = $2 RETURNING location_id",
			[shopId, connectionId],
		);
		await tx.query("INSERT INTO connection_location (shop_id, connection_id, location_id) SELECT $1, $2, unnest($3::bigint[])", [
			shopId,
			connectionId,
			wanted,
		]);
		const before = { locationIds: was.rows.map(({ location_id }) => location_id).sort((a, b) => a - b) };
		const entry = { actor: change.actor, action: "locations.chosen", subject: String(connectionId) };
		await recordAudit(tx, shopId, { ...entry, before, after: { locationIds: wanted } });
		return { listings: 0 };
	});
	return followed(deps, shopId, connectionId, changed);
}

/** Stops (or starts again) writing to single listings; what they should show goes on being computed. `listings`: those that changed. */
export async function pauseListings(
	deps: Deps,
	shopId: number,
	connectionId: number,
	change: { listingIds: readonly number[]; paused: boolean; reason: string; actor: string },
): Promise<RuleChange> {
	const { paused, reason } = change;
	const changed = await transactionWithRetry(deps.pool, async (tx) => {
		const place = { shopId, connectionId, listingIds: change.listingIds };
		const found = await lockListings<{ id: number; paused: boolean; reason: string | null }>(tx, {
			...place,
			columns: `id, paused, paused_reason AS reason`,
		});
		if (found.length === 0) return null;
		const listingIds = found.filter((listing) => listing.paused !== paused).map(({ id }) => id);
		if (listingIds.length === 0) return { listings: 0 };
		await setPaused(tx, shopId, { listingIds, paused, reason });
		const reasons = [...new Set(found.filter((listing) => listing.paused !== paused).map((listing) => listing.reason))];
		await recordAudit(tx, shopId, {
			actor: change.actor,
			action: paused ? "listings.paused" : "listings.resumed",
			subject: String(connectionId),
			before: { listingIds, paused: !paused, reasons },
			after: { listingIds, paused, reason },
		});
		return { listings: listingIds.length };
	});
	if (changed === null) return { outcome: "unknown" };
	if (!paused && changed.listings > 0) await deps.wake("delivery.push", { shopId, connectionId });
	return { outcome: "changed", ...changed };
}

/**
 * Of listings whose rows are locked, within their change's transaction. One that goes on is looked at, whatever it showed before; and
 * what waited for the merchant is not late: lag counts from now.
 */
export async function setPaused(
	tx: Client,
	shopId: number,
	{ listingIds, paused, reason }: { listingIds: readonly number[]; paused: boolean; reason: string },
): Promise<void> {
	await tx.query(
		`UPDATE listing SET paused = $3, paused_reason = CASE WHEN $3 THEN $4 END, updated_at = now(),
		   recheck = recheck OR NOT $3 AND link_state = 'linked' AND desired IS NOT NULL,
		   dirty_since = CASE WHEN NOT $3 AND link_state = 'linked' AND desired IS NOT NULL THEN now() ELSE dirty_since END
		 WHERE shop_id = $1 AND id = ANY($2::bigint[])`,
		[shopId, listingIds, paused, reason],
	);
}

async function followed(deps: Deps, shopId: number, connectionId: number, changed: { listings: number } | null): Promise<RuleChange> {
	if (changed === null) return { outcome: "unknown" };
	await followRules(deps, shopId, connectionId);
	return { outcome: "changed", ...changed };
}

/** What every listing of a guest connection must show by the rules as they are now. Safe at any time; no stock moves. */
export async function followRules(deps: Deps, shopId: number, connectionId: number): Promise<void> {
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
}

type Locked = { shopId: number; connectionId: number; columns: string };

async function lockConnection<Row extends object>(tx: Client, { shopId, connectionId, columns }: Locked): Promise<Row | undefined> {
	const { rows } = await tx.query<Row & Record<string, unknown>>(
		`SELECT ${columns} FROM connection WHERE shop_id = $1 AND id = $2 AND NOT is_home AND state <> 'disconnected' FOR UPDATE`,
		[shopId, connectionId],
	);
	return rows[0];
}

/** In id order, as everybody locks them. */
async function lockListings<Row extends object>(
	tx: Queryable,
	{ shopId, connectionId, listingIds, columns }: Locked & { listingIds: readonly number[] },
): Promise<Row[]> {
	const { rows } = await tx.query<Row & Record<string, unknown>>(
		`SELECT ${columns} FROM listing WHERE shop_id = $1 AND connection_id = $2 AND id = ANY($3::bigint[]) ORDER BY id FOR UPDATE`,
		[shopId, connectionId, listingIds],
	);
	return rows;
}
