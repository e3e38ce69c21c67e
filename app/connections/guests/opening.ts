import { setTimeout as sleep } from "node:timers/promises";
import { ChannelError } from "#app/channels/errors.ts";
import { type Queryable, transaction } from "#app/db.server.ts";
import type { Channel, ChannelClient } from "#channels";
import { appendEvents } from "#inbox";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { ConnectionClosedError, openClient } from "../open-client.ts";
import { toInboxRows } from "../order-events.ts";
import { type BeginOutcome, beginCounting } from "./begin-counting.ts";
import { ensureWebhooks } from "./webhooks.ts";

/** Orders that changed in these days are read at the start, so that a later cancellation of one is a difference, not a surprise. */
const BASELINE_DAYS = 60;
/** An order that changes at the edge of the cut asks for a later cut. In a store where one changes every moment, some doubt has to do. */
const STRICT_CUTS_MAX = 5;
const CUTS_MAX = 10;
const CUT_AGAIN_MS = 400;

export type WatchOutcome =
	/** `cutAt`: channel's clock; orders placed from here on count, and what becomes of older ones. */
	| { outcome: "watching"; cutAt: string; baselineOrders: number }
	/** It counts already; nothing was changed. */
	| { outcome: "already" }
	/** Nothing counts yet; the same can be tried again. */
	| { outcome: "failed"; reason: string };

/**
 * Starts counting (R44): webhooks first, then the states of all orders of the last weeks, then a cut on the channel's own clock,
 * then once more the orders that changed meanwhile. So of every older order its state at the cut is known, however many minutes
 * the reading took: that is its baseline, and only what happens after the cut moves stock. In watch mode everything is
 * computed and recorded and nothing is written (R42).
 *
 * Everything that is read waits in the inbox until one transaction sets the cut and lets it be applied. Killed before it,
 * nothing has happened and the next run begins anew, with a later cut; of two runs at once the first sets the cut.
 */
export async function startWatching(
	deps: Deps & { publicUrl: string },
	shopId: number,
	connectionId: number,
	actor: string,
): Promise<WatchOutcome> {
	try {
		const webhooks = await ensureWebhooks(deps, shopId, connectionId);
		if (webhooks.outcome === "failed") return { outcome: "failed", reason: webhooks.error.message };
		const { connection, client, channel } = await openClient(deps, shopId, connectionId);
		try {
			if (connection.state !== "connecting") return { outcome: "already" };
			const opened = await open(deps, { shopId, connectionId, channel, client, actor });
			if (opened.outcome === "watching") {
				await deps.wake("apply.drain", { shopId });
				await deps.wake("delivery.push", { shopId, connectionId });
			}
			return opened;
		} finally {
			await client.close();
		}
	} catch (error) {
		if (error instanceof ChannelError || error instanceof ConnectionClosedError) return { outcome: "failed", reason: error.message };
		throw error;
	}
}

type Opening = { shopId: number; connectionId: number; channel: Channel; client: ChannelClient; actor: string };

async function open(deps: Deps, opening: Opening): Promise<WatchOutcome> {
	const { shopId, connectionId, channel, actor } = opening;
	const days = channel.capabilities.baselineDays ?? BASELINE_DAYS;
	const since = new Date(Date.now() - days * 86_400_000).toISOString();
	const { askedAt } = await readOrders(deps.pool, opening, { since, source: "import" });
	for (let attempt = 1; attempt <= CUTS_MAX; attempt++) {
		const readThrough = await lastRow(deps.pool, shopId);
		const again = await readOrders(deps.pool, opening, { since: askedAt, source: "poll" });
		const { clockResolutionMs } = channel.capabilities;
		const cutAt = new Date(Math.floor(Date.parse(again.askedAt) / clockResolutionMs) * clockResolutionMs).toISOString();
		const begun = await transaction(deps.pool, async (tx): Promise<BeginOutcome> => {
			const outcome = await beginCounting(tx, {
				shopId,
				connectionId,
				cut: cutAt,
				readFrom: askedAt,
				readThrough,
				strict: attempt <= STRICT_CUTS_MAX,
			});
			if (outcome.outcome === "begun") {
				const after = { channel: channel.id, cutAt, baselineOrders: outcome.baselineOrders };
				await recordAudit(tx, shopId, { actor, action: "connection.watching", subject: String(connectionId), after });
			}
			return outcome;
		});
		if (begun.outcome === "begun") return { outcome: "watching", cutAt, baselineOrders: begun.baselineOrders };
		if (begun.outcome === "not-connecting") return { outcome: "already" };
		await sleep(CUT_AGAIN_MS);
	}
	return { outcome: "failed", reason: "Orders changed faster than they could be read. Please try again in a moment." };
}

/** Puts the orders that changed since then into the inbox, where they wait. `askedAt`: channel's clock, not later than the first request. */
async function readOrders(
	db: Queryable,
	{ shopId, connectionId, client }: Opening,
	{ since, source }: { since: string; source: "import" | "poll" },
): Promise<{ askedAt: string }> {
	let askedAt: string | undefined;
	for await (const page of client.listOrders({ since })) {
		askedAt ??= page.channelTime;
		await appendEvents(db, toInboxRows(page, { shopId, connectionId, source, name: "opening", topic: () => "order.opening" }));
	}
	if (askedAt === undefined) throw new Error("A list of orders has one page at least: it tells the channel's time");
	return { askedAt };
}

async function lastRow(db: Queryable, shopId: number): Promise<number> {
	const { rows } = await db.query<{ id: number | null }>(
		"SELECT max(id) AS id FROM inbox_event WHERE shop_id = $1 AND lane = 'stock' AND status = 'pending'",
		[shopId],
	);
	return rows[0]?.id ?? 0;
}
