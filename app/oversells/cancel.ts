import { randomUUID } from "node:crypto";
import { ChannelError } from "#app/channels/errors.ts";
import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, transactionWithRetry } from "#app/db.server.ts";
import { channel as channelOf } from "#channels";
import { ConnectionClosedError, type Deps, openClient } from "#connections";
import { ownWords } from "#domain";
import { requestFetch } from "#inbox";

export type CancelAsked =
	| "asked"
	/** It is under way, or the channel has taken it. */
	| "unchanged"
	/** It is cancelled already, or holds nothing any more. */
	| "over"
	/** The channel cannot, is disconnected, or this shop has no such order. */
	| "impossible";

/** Above the slowest exchange of one order (two reads and a write, a minute each at the most). */
const CLAIM_MS = 5 * 60_000;
const AGAIN_MS = 30_000;
const READ_AGAIN_MS = 10_000;
const AT_ONCE_MAX = 20;
const REASON_CHARS_MAX = 500;

/**
 * A person wants the order cancelled on its channel. The wish is kept and sent by a worker; what the channel makes of it comes back
 * as the order's own message, and that alone frees units. Pressed twice it is one wish; after a refusal it may be wished again.
 */
export async function cancelOrder(
	deps: Pick<Deps, "pool" | "wake">,
	shopId: number,
	{ oversellId, actor }: { oversellId: number; actor: string },
): Promise<CancelAsked> {
	const asked = await transactionWithRetry(deps.pool, async (tx): Promise<{ answer: CancelAsked; connectionId: number }> => {
		const { rows } = await tx.query<{ connection_id: number; order_id: string; name: string; channel: string; over: boolean }>(
			`SELECT o.connection_id, o.order_id, s.name, c.channel, s.cancelled AS over FROM oversell o
			 JOIN sales_order s ON s.shop_id = $1 AND s.connection_id = o.connection_id AND s.order_id = o.order_id
			 JOIN connection c ON c.shop_id = $1 AND c.id = o.connection_id AND c.state IN ('live', 'watching', 'paused')
			 WHERE o.shop_id = $1 AND o.id = $2 AND o.order_id <> ''`,
			[shopId, oversellId],
		);
		const [order] = rows;
		const nothing = (answer: CancelAsked) => ({ answer, connectionId: 0 });
		if (!order || !channelOf(order.channel).capabilities.cancelsOrders) return nothing("impossible");
		if (order.over) return nothing("over");
		const { rowCount } = await tx.query(
			`INSERT INTO order_cancellation (shop_id, connection_id, order_id, asked_by) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (shop_id, connection_id, order_id) DO UPDATE SET state = 'asked', asked_by = excluded.asked_by, asked_at = clock_timestamp(),
			   sent_at = NULL, ended_at = NULL, reason = NULL, due_at = clock_timestamp()
			 WHERE order_cancellation.state = 'refused'`,
			[shopId, order.connection_id, order.order_id, actor],
		);
		if (rowCount !== 1) return nothing("unchanged");
		await recordAudit(tx, shopId, {
			...{ actor, action: "oversell.cancel_asked", subject: String(oversellId) },
			after: { connectionId: order.connection_id, orderId: order.order_id, order: order.name },
		});
		return { answer: "asked", connectionId: order.connection_id };
	});
	if (asked.answer === "asked") await deps.wake("oversells.cancel", { shopId, connectionId: asked.connectionId });
	return asked.answer;
}

/** Connections with wishes that are due and that nobody works at. */
export async function findDueCancellations(pool: Pool): Promise<{ shopId: number; connectionId: number }[]> {
	const { rows } = await pool.query<{ shopId: number; connectionId: number }>(
		`SELECT DISTINCT k.shop_id AS "shopId", k.connection_id AS "connectionId" FROM order_cancellation k
		 JOIN shop s ON s.id = k.shop_id AND s.state = 'installed'
		 JOIN connection c ON c.shop_id = k.shop_id AND c.id = k.connection_id AND c.state <> 'disconnected'
		 WHERE k.state IN ('asked', 'sent') AND k.due_at <= clock_timestamp() AND (k.claimed_until IS NULL OR k.claimed_until < clock_timestamp())`,
	);
	return rows;
}

type Wish = { order_id: string; state: "asked" | "sent"; sent_at: Date | null; now: Date };

/**
 * Does what is wished of one connection. Whoever claims a wish reads the order first: one that is cancelled already is done. `sent` is
 * committed before the request leaves, so after a crash, or without an answer, it is only read until the channel can no longer be
 * carrying it out, and then given back to the person. It is never sent a second time by itself. `again`: when to look next.
 */
export async function runCancellations(deps: Deps, shopId: number, connectionId: number): Promise<{ againInMs: number | null }> {
	const opened = await openClient(deps, shopId, connectionId);
	try {
		for (let done = 0; done < AT_ONCE_MAX; done++) {
			const token = randomUUID();
			const wish = await claim(deps.pool, { shopId, connectionId, token });
			if (!wish) return { againInMs: await nextInMs(deps.pool, shopId, connectionId) };
			await runOne(deps, opened, { shopId, connectionId, token, wish });
		}
		return { againInMs: 0 };
	} finally {
		await opened.client.close();
	}
}

type Opened = Awaited<ReturnType<typeof openClient>>;
type Work = { shopId: number; connectionId: number; token: string; wish: Wish };

async function runOne(deps: Deps, { client, channel }: Opened, work: Work): Promise<void> {
	const { wish } = work;
	const horizonMs = channel.capabilities.lateHorizonMs;
	let left = wish.state === "sent";
	try {
		const order = await client.readOrder(wish.order_id);
		if (order === null || order.cancelled) return await end(deps, work, { state: "taken" });
		if (wish.state === "sent") {
			const over = (wish.sent_at?.getTime() ?? 0) + horizonMs < wish.now.getTime();
			if (!over) return await postpone(deps.pool, work, READ_AGAIN_MS);
			return await end(deps, work, { state: "refused", reason: "It did not answer, and the order is not cancelled." });
		}
		if (!client.cancelOrder) return await end(deps, work, { state: "refused", reason: "This channel cannot cancel orders." });
		if (!(await noteSent(deps.pool, work))) return;
		left = true;
		const cancelled = await client.cancelOrder(wish.order_id);
		await end(deps, work, cancelled.outcome === "cancelled" ? { state: "taken" } : { state: "refused", reason: cancelled.reason });
	} catch (error) {
		if (error instanceof ConnectionClosedError || !(error instanceof ChannelError)) throw error;
		if (left && error.outcomeUnknown) return await postpone(deps.pool, work, READ_AGAIN_MS);
		if (error.retryable) return await postpone(deps.pool, work, AGAIN_MS, { unsent: wish.state === "asked" });
		await end(deps, work, { state: "refused", reason: ownWords(error.message) });
	}
}

async function claim(
	pool: Pool,
	{ shopId, connectionId, token }: { shopId: number; connectionId: number; token: string },
): Promise<Wish | undefined> {
	const { rows } = await pool.query<Wish>(
		`UPDATE order_cancellation k SET claim_token = $3, claimed_until = clock_timestamp() + $4 * interval '1 millisecond'
		 FROM (SELECT order_id FROM order_cancellation WHERE shop_id = $1 AND connection_id = $2 AND state IN ('asked', 'sent') AND due_at <= clock_timestamp()
		         AND (claimed_until IS NULL OR claimed_until < clock_timestamp()) ORDER BY due_at, order_id LIMIT 1 FOR UPDATE SKIP LOCKED) next
		 WHERE k.shop_id = $1 AND k.connection_id = $2 AND k.order_id = next.order_id
		 RETURNING k.order_id, k.state, k.sent_at, clock_timestamp() AS now`,
		[shopId, connectionId, token, CLAIM_MS],
	);
	return rows[0];
}

const OURS = "shop_id = $1 AND connection_id = $2 AND order_id = $3 AND claim_token = $4";
const valuesOf = ({ shopId, connectionId, token, wish }: Work) => [shopId, connectionId, wish.order_id, token];

/** False: somebody else has it by now. */
async function noteSent(pool: Pool, work: Work): Promise<boolean> {
	const { rowCount } = await pool.query(
		`UPDATE order_cancellation SET state = 'sent', sent_at = clock_timestamp() WHERE ${OURS} AND state = 'asked' AND claimed_until > clock_timestamp()`,
		valuesOf(work),
	);
	return rowCount === 1;
}

/** `unsent`: the channel surely did nothing, so it may be sent again. */
async function postpone(pool: Pool, work: Work, delayMs: number, { unsent = false } = {}): Promise<void> {
	await pool.query(
		`UPDATE order_cancellation SET claim_token = NULL, claimed_until = NULL, due_at = clock_timestamp() + $5 * interval '1 millisecond',
		   state = CASE WHEN $6 THEN 'asked' ELSE state END, sent_at = CASE WHEN $6 THEN NULL ELSE sent_at END WHERE ${OURS}`,
		[...valuesOf(work), delayMs, unsent],
	);
}

/** However it ended: the order is read, and what that says counts. */
async function end(deps: Deps, work: Work, { state, reason }: { state: "taken" | "refused"; reason?: string }): Promise<void> {
	const { shopId, connectionId, wish } = work;
	const ours = await transactionWithRetry(deps.pool, async (tx) => {
		const { rowCount } = await tx.query(
			`UPDATE order_cancellation SET state = $5, reason = $6, ended_at = clock_timestamp(), claim_token = NULL, claimed_until = NULL WHERE ${OURS}`,
			[...valuesOf(work), state, reason?.slice(0, REASON_CHARS_MAX) ?? null],
		);
		if (rowCount !== 1) return false;
		const correlationId = `cancel:${connectionId}:${wish.order_id}`;
		await requestFetch(tx, [
			{ shopId, connectionId, kind: "order", externalId: wish.order_id, reason: "cancelled by hand", correlationId },
		]);
		if (state === "refused") {
			await tx.query(
				`INSERT INTO audit (shop_id, actor, action, subject, after)
				 SELECT $1, 'system', 'oversell.cancel_refused', min(o.id)::text, jsonb_build_object('connectionId', $2::bigint, 'orderId', $3::text, 'order', max(s.name), 'reason', $4::text)
				 FROM oversell o JOIN sales_order s ON s.shop_id = $1 AND s.connection_id = $2 AND s.order_id = $3
				 WHERE o.shop_id = $1 AND o.connection_id = $2 AND o.order_id = $3 HAVING count(*) > 0`,
				[shopId, connectionId, wish.order_id, reason ?? null],
			);
		}
		return true;
	});
	if (ours) await deps.wake("ingest.fetch", { shopId, connectionId });
}

async function nextInMs(pool: Pool, shopId: number, connectionId: number): Promise<number | null> {
	const { rows } = await pool.query<{ ms: number | null }>(
		`SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 * 1000 AS ms FROM order_cancellation
		 WHERE shop_id = $1 AND connection_id = $2 AND state IN ('asked', 'sent') AND claimed_until IS NULL`,
		[shopId, connectionId],
	);
	const ms = rows[0]?.ms ?? null;
	return ms === null ? null : Math.max(100, Math.round(ms));
}
