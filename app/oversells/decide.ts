import { recordAudit } from "#app/connections/audit.ts";
import { type Queryable, transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { drainShop } from "#apply";
import type { Deps } from "#connections";
import type { OwedMove, OwedSubstitute } from "#domain";
import { appendEvents } from "#inbox";
import { dismissOpen, keepSendInstead, reopenDismissed } from "#ledger";

export type Taken =
	/** So many units are not owed any more. `left`: of the same product and order, still owed. */
	| { outcome: "taken"; units: number; left: number }
	/** Covered, cancelled or taken by somebody else a moment ago. Nothing was changed. */
	| { outcome: "over" }
	/** What was free when the page was drawn is gone. Nothing was changed. */
	| { outcome: "gone" }
	/** It is stored and will be done; the shop's stock is busy with other things. */
	| { outcome: "waiting" }
	/** This shop has no such oversell. */
	| { outcome: "unknown" };

type Wish = { oversellId: number; press: string; actor: string } & ({ locationId: number } | { substituteItemId: number });

/**
 * Takes an order's owed units from another location, or another item in their place. It goes through the inbox like everything that
 * moves stock, and is decided on what is owed and free at that moment. One press is one event, however often it is sent; of two
 * presses the second finds less, or nothing. A process that dies after the event is stored leaves the rest to any worker.
 */
export async function takeFrom(deps: Deps, shopId: number, wish: Wish): Promise<Taken> {
	const { rows } = await deps.pool.query<{ connection_id: number; order_id: string; item_id: number }>(
		`SELECT o.connection_id, o.order_id, o.item_id FROM oversell o WHERE o.shop_id = $1 AND o.id = $2 AND o.order_id <> ''
		 AND ${"locationId" in wish ? "EXISTS (SELECT FROM location WHERE shop_id = $1 AND id = $3)" : "EXISTS (SELECT FROM item WHERE shop_id = $1 AND id = $3)"}`,
		[shopId, wish.oversellId, "locationId" in wish ? wish.locationId : wish.substituteItemId],
	);
	const [owed] = rows;
	if (!owed) return { outcome: "unknown" };
	const of = { v: 1 as const, oversellId: wish.oversellId, itemId: owed.item_id, ofOrderId: owed.order_id, actor: wish.actor };
	const event: OwedMove | OwedSubstitute =
		"locationId" in wish
			? { ...of, type: "owed.move", locationId: wish.locationId }
			: { ...of, type: "owed.substitute", substituteItemId: wish.substituteItemId };
	const deliveryKey = `oversell:${wish.oversellId}:${wish.press}`;
	await appendEvents(deps.pool, [
		{
			...{ shopId, connectionId: owed.connection_id, topic: event.type, source: "app", payload: null, event, deliveryKey },
			...{ correlationId: `oversell-${wish.oversellId}`, occurredAt: null },
		},
	]);
	await deps.wake("apply.drain", { shopId });
	await drainShop(applyDepsOf(deps), shopId);
	return outcomeOf(deps.pool, shopId, deliveryKey);
}

/** What became of the event, whoever applied it. */
async function outcomeOf(db: Queryable, shopId: number, deliveryKey: string): Promise<Taken> {
	const { rows } = await db.query<{ status: string; outcome: string | null; left: number }>(
		`SELECT e.status, e.outcome, (SELECT units - covered FROM oversell o WHERE o.shop_id = $1 AND o.id = (e.event->>'oversellId')::bigint) AS left
		 FROM inbox_event e WHERE e.shop_id = $1 AND e.delivery_key = $2 AND e.received_at > now() - interval '1 hour' ORDER BY e.id DESC LIMIT 1`,
		[shopId, deliveryKey],
	);
	const [event] = rows;
	// A press that is sent again so much later was done long ago.
	if (!event) return { outcome: "over" };
	if (event.status === "pending") return { outcome: "waiting" };
	const units = Number.parseInt(event.outcome ?? "", 10);
	if (event.status === "processed" && units > 0) return { outcome: "taken", units, left: event.left };
	return event.outcome === "nothing is owed any more" ? { outcome: "over" } : { outcome: "gone" };
}

export type Decided = "decided" | "unchanged";
type Ids = { ids: readonly number[]; actor: string };

/** The card is closed, and nothing else: the units stay owed. Pressed twice it is one word, and one entry for each oversell. */
export async function dismissOversells(
	deps: Pick<Deps, "pool">,
	shopId: number,
	{ ids, actor, reason }: Ids & { reason: string },
): Promise<Decided> {
	return transactionWithRetry(deps.pool, async (tx) => {
		const dismissed = await dismissOpen(tx, shopId, { ids, reason, actor });
		for (const { id, owed } of dismissed)
			await record(tx, shopId, { id, actor, action: "oversell.dismissed", after: { units: owed, reason } });
		return dismissed.length > 0 ? "decided" : "unchanged";
	});
}

export async function reopenOversells(deps: Pick<Deps, "pool">, shopId: number, { ids, actor }: Ids): Promise<Decided> {
	return transactionWithRetry(deps.pool, async (tx) => {
		const reopened = await reopenDismissed(tx, shopId, ids);
		for (const { id, owed } of reopened) await record(tx, shopId, { id, actor, action: "oversell.reopened", after: { units: owed } });
		return reopened.length > 0 ? "decided" : "unchanged";
	});
}

/** A note for whoever packs the order. It moves nothing. */
export async function writeSendInstead(
	deps: Pick<Deps, "pool">,
	shopId: number,
	{ id, text, actor }: { id: number; text: string; actor: string },
): Promise<Decided> {
	return transactionWithRetry(deps.pool, async (tx) => {
		if (!(await keepSendInstead(tx, shopId, { id, text }))) return "unchanged";
		await record(tx, shopId, { id, actor, action: "oversell.send_instead", after: { text } });
		return "decided";
	});
}

/** With what the order is called, as it is said in the list of what was done. */
async function record(
	tx: Queryable,
	shopId: number,
	{ id, actor, action, after }: { id: number; actor: string; action: string; after: Record<string, unknown> },
): Promise<void> {
	const { rows } = await tx.query<{ connectionId: number; orderId: string; order: string | null; itemId: number }>(
		`SELECT o.connection_id AS "connectionId", o.order_id AS "orderId", s.name AS "order", o.item_id AS "itemId" FROM oversell o
		 LEFT JOIN sales_order s ON s.shop_id = $1 AND s.connection_id = o.connection_id AND s.order_id = o.order_id WHERE o.shop_id = $1 AND o.id = $2`,
		[shopId, id],
	);
	await recordAudit(tx, shopId, { actor, action, subject: String(id), after: { ...after, ...rows[0] } });
}
