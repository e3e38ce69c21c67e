import { type Client, transaction, transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { ConnectionClosedError } from "../open-client.ts";
import { NOT_LIVE_YET } from "./partly-live.ts";
import { removeWebhooks } from "./webhooks.ts";

export type StateChange = { outcome: "changed" } | { outcome: "unchanged"; reason: string };

/**
 * From here on the channel is written to. What could not be delivered before is tried anew: the merchant has looked at the dry run.
 * Twice is once: the second finds it live. Killed after the commit, the sweeper finds what is to be pushed.
 *
 * `first`: only these listings are written to; all others are held back until they are chosen as well, or until this is called
 * without `first`. Listings that the merchant paused stay paused either way.
 */
export const goLive = (
	deps: Deps,
	shopId: number,
	connectionId: number,
	actor: string,
	{ first }: { first?: readonly number[] | undefined } = {},
): Promise<StateChange> =>
	changeState(deps, shopId, connectionId, {
		from: ["watching", "paused", "partly live"],
		to: "live",
		actor,
		listings: first === undefined ? { which: "all" } : { which: "some", listingIds: first },
	});

/** After a pause: as it was before, also where only some listings were live. */
export const resumeConnection = (deps: Deps, shopId: number, connectionId: number, actor: string): Promise<StateChange> =>
	changeState(deps, shopId, connectionId, { from: ["paused"], to: "live", actor });

/** Nothing is written until it is resumed, not even what is under way and not sent yet; orders go on being counted. */
export const pauseConnection = (deps: Deps, shopId: number, connectionId: number, actor: string): Promise<StateChange> =>
	changeState(deps, shopId, connectionId, { from: ["live"], to: "paused", actor });

type Change = {
	from: readonly ("watching" | "paused" | "live" | "partly live")[];
	to: "live" | "paused";
	actor: string;
	listings?: { which: "all" } | { which: "some"; listingIds: readonly number[] };
};

async function changeState(deps: Deps, shopId: number, connectionId: number, change: Change): Promise<StateChange> {
	const { to, actor, listings } = change;
	const outcome = await transactionWithRetry(deps.pool, async (tx): Promise<StateChange> => {
		const was = await tx.query<{ state: string; live_scope: string | null; mirrored: string | null }>(lockStatement, [
			shopId,
			connectionId,
		]);
		const before = was.rows[0];
		const states = before ? [before.state, ...(before.state === "live" && before.live_scope === "some" ? ["partly live"] : [])] : [];
		if (!before || !change.from.some((state) => states.includes(state))) {
			return { outcome: "unchanged", reason: `The connection is not ${change.from.join(" or ")}.` };
		}
		if (to === "live" && before.mirrored === "unsure") return { outcome: "unchanged", reason: COUNTED_TWICE };
		let chosen: number | undefined;
		if (listings) {
			chosen = await (listings.which === "all"
				? releaseAll(tx, shopId, connectionId)
				: chooseSome(tx, { shopId, connectionId, listingIds: listings.listingIds, firstTime: before.live_scope !== "some" }));
			if (listings.which === "some" && chosen === 0) {
				return { outcome: "unchanged", reason: "None of these listings is linked to a product and waits to go live." };
			}
		}
		await tx.query("UPDATE connection SET state = $3, updated_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId, to]);
		if (to === "live") await tx.query(tryAnewStatement, [shopId, connectionId]);
		await recordAudit(tx, shopId, {
			actor,
			action: `connection.${to}`,
			subject: String(connectionId),
			before: { state: before.state },
			after: { state: to, ...(listings ? { which: listings.which, listings: chosen } : {}) },
		});
		return { outcome: "changed" };
	});
	if (outcome.outcome === "unchanged") return outcome;
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
	await deps.wake("delivery.push", { shopId, connectionId });
	return outcome;
}

/** What a merchant is told who wants to go on although another app brings the channel's orders into Shopify (R43). */
export const COUNTED_TWICE =
	"You are not sure whether orders of this channel already appear in Shopify. Where another app copies them, Lockstep would count each of them twice.";

const lockStatement = `
SELECT c.state, u.live_scope, u.mirrored FROM connection c
LEFT JOIN connection_setup u ON u.shop_id = c.shop_id AND u.connection_id = c.id
WHERE c.shop_id = $1 AND c.id = $2 AND NOT c.is_home FOR UPDATE OF c`;

/** Everything that waited goes on as one that was paused does: it is looked at, whatever it showed before. */
async function releaseAll(tx: Client, shopId: number, connectionId: number): Promise<number> {
	const released = await tx.query(`${RELEASE} WHERE shop_id = $1 AND connection_id = $2 AND paused AND paused_reason = $3 ${IN_ORDER}`, [
		shopId,
		connectionId,
		NOT_LIVE_YET,
	]);
	await keepScope(tx, { shopId, connectionId, scope: "all" });
	return released.rowCount ?? 0;
}

type Some = { shopId: number; connectionId: number; listingIds: readonly number[]; firstTime: boolean };

/** How many of them are live by this. The first time all others are held back, in id order as apply and delivery lock them. */
async function chooseSome(tx: Client, { shopId, connectionId, listingIds, firstTime }: Some): Promise<number> {
	const values = [shopId, connectionId, NOT_LIVE_YET, listingIds];
	const released = await tx.query(
		`${RELEASE} WHERE shop_id = $1 AND connection_id = $2 AND paused AND paused_reason = $3 AND link_state = 'linked' AND id = ANY($4::bigint[]) ${IN_ORDER}`,
		values,
	);
	let chosen = released.rowCount ?? 0;
	if (firstTime) {
		const among = await tx.query(
			"SELECT FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked' AND NOT paused AND id = ANY($3::bigint[])",
			[shopId, connectionId, listingIds],
		);
		chosen = among.rowCount ?? 0;
		if (chosen === 0) return 0;
		await tx.query(
			`UPDATE listing l SET paused = true, paused_reason = $3, updated_at = now()
			 FROM (SELECT id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked' AND NOT paused
			   AND NOT id = ANY($4::bigint[]) ORDER BY id FOR UPDATE) these
			 WHERE l.shop_id = $1 AND l.id = these.id`,
			values,
		);
		await keepScope(tx, { shopId, connectionId, scope: "some" });
	}
	return chosen;
}

const RELEASE = `
UPDATE listing l SET paused = false, paused_reason = NULL, updated_at = now(), recheck = recheck OR link_state = 'linked' AND desired IS NOT NULL,
  dirty_since = CASE WHEN link_state = 'linked' AND desired IS NOT NULL THEN now() ELSE dirty_since END
FROM (SELECT id AS held_id FROM listing`;
const IN_ORDER = "ORDER BY id FOR UPDATE) these WHERE l.shop_id = $1 AND l.id = these.held_id";

const keepScope = (tx: Client, { shopId, connectionId, scope }: { shopId: number; connectionId: number; scope: "all" | "some" }) =>
	tx.query(
		`INSERT INTO connection_setup (shop_id, connection_id, live_scope) VALUES ($1, $2, $3)
		 ON CONFLICT (shop_id, connection_id) DO UPDATE SET live_scope = excluded.live_scope`,
		[shopId, connectionId, scope],
	);

/** What waited for the merchant is not late: lag counts from now. */
const tryAnewStatement = `
UPDATE listing l SET parked = false, attempts = 0, attempts_class = NULL, next_attempt_at = NULL,
  dirty_since = CASE WHEN l.dirty_since IS NULL AND NOT l.parked THEN NULL ELSE now() END
FROM (SELECT id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked' AND (parked OR dirty_since IS NOT NULL)
  ORDER BY id FOR UPDATE) these
WHERE l.shop_id = $1 AND l.id = these.id`;

export type Disconnection = StateChange & {
	/** false: the channel could not be reached; it keeps calling an address that is closed here until it gives up. */
	webhooksRemoved?: boolean;
};

/**
 * Ends a connection: our webhooks are taken away, the keys forgotten. What the channel shows stays as it is (`former`: its own figures
 * were put back before, restore.ts); `original_quantity` of its listings keeps what it showed before us. Its orders stay counted. One that never began to count never will: what had
 * come of it is not applied. Killed halfway, the connection is either still there or gone.
 */
export async function disconnect(
	deps: Deps & { publicUrl: string },
	shopId: number,
	connectionId: number,
	actor: string,
	former: { restored: number; refused: number } | null = null,
): Promise<Disconnection> {
	const webhooksRemoved = await removeOurWebhooks(deps, shopId, connectionId);
	const changed = await transaction(deps.pool, async (tx) => {
		const was = await tx.query<{ state: string; counts: boolean }>(
			`SELECT state, cut_at IS NOT NULL AS counts FROM connection
			 WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected' AND NOT is_home FOR UPDATE`,
			[shopId, connectionId],
		);
		const before = was.rows[0];
		if (!before) return false;
		// Without a cut its events wait for one. A cut ahead of time makes all that still comes "from before it".
		await tx.query(
			`UPDATE connection SET state = 'disconnected', credentials = NULL, access_token = NULL, access_lease = NULL, cut_at = coalesce(cut_at, now() + interval '1 day'), updated_at = now()
			 WHERE shop_id = $1 AND id = $2`,
			[shopId, connectionId],
		);
		if (!before.counts) {
			await tx.query(
				`UPDATE inbox_event SET status = 'ignored', outcome = 'disconnected before it counted', processed_at = clock_timestamp()
				 WHERE shop_id = $1 AND connection_id = $2 AND lane = 'stock' AND status = 'pending'`,
				[shopId, connectionId],
			);
		}
		await tx.query(
			`UPDATE listing l SET dirty_since = NULL, next_attempt_at = NULL
			 FROM (SELECT id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND dirty_since IS NOT NULL ORDER BY id FOR UPDATE) these
			 WHERE l.shop_id = $1 AND l.id = these.id`,
			[shopId, connectionId],
		);
		const entry = { actor, action: "connection.disconnected", subject: String(connectionId) };
		await recordAudit(tx, shopId, { ...entry, before: { state: before.state }, after: { webhooksRemoved, ...former } });
		return true;
	});
	return changed ? { outcome: "changed", webhooksRemoved } : { outcome: "unchanged", reason: "It is not connected." };
}

/** A connection can always be ended: whatever is wrong with the store or the keys, its webhooks are then left behind. */
async function removeOurWebhooks(deps: Deps & { publicUrl: string }, shopId: number, connectionId: number): Promise<boolean> {
	try {
		return (await removeWebhooks(deps, shopId, connectionId)).complete;
	} catch (error) {
		if (!(error instanceof ConnectionClosedError)) deps.log.warn({ err: error, shopId, connectionId }, "webhooks.not_removed");
		return false;
	}
}
