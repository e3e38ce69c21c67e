import { randomUUID } from "node:crypto";
import type { Channel, QueuedMessage } from "#channels";
import type { NewInboxEvent } from "#inbox";
import { toRows } from "../delivery-rows.ts";
import { type Append, commitUnits } from "../group-commit.ts";
import { type ReadDelivery, readDelivery } from "../read-delivery.ts";
import { byAccount, type Senders } from "../senders.ts";

export type MessageOutcome =
	/** In the inbox now. */
	| "accepted"
	/** It was there already: the queue brings a message at least once. */
	| "duplicate"
	/** Kept, but not understood: it is a dead letter now. */
	| "parked"
	/** Nothing in it needs an event (a test of the subscription). */
	| "ignored"
	/** Of an account, or an application, that nobody has connected here. */
	| "unknown"
	/** It does not even say whose it is. */
	| "unreadable"
	/** Not kept: it stays in the queue and comes again. */
	| "left";

export type Taker = { channel: Channel; senders: Senders; append: Append };
export type TakenBatch = {
	outcomes: Readonly<Partial<Record<MessageOutcome, number>>>;
	/** May be taken out of the queue. */
	done: QueuedMessage[];
	/** What the inbox has now. */
	rows: NewInboxEvent[];
	/** Why some are left: our database's trouble. */
	error: unknown;
	/** What the unreadable ones look like: no content of theirs. */
	outlines: unknown[];
};

type Read = { message: QueuedMessage; outcome: MessageOutcome; rows: NewInboxEvent[]; outline?: unknown; error?: unknown };

/**
 * What one receive brought: read like a webhook, committed together in one statement with its delivery keys, and only then given
 * back as done. Nothing here throws for a message's sake: each has its outcome, and a bad one harms only itself.
 */
export async function takeBatch(taker: Taker, messages: readonly QueuedMessage[]): Promise<TakenBatch> {
	const read = await Promise.all(messages.map((message) => readMessage(taker, message)));
	const kept = read.filter(({ rows }) => rows.length > 0);
	const committed =
		kept.length === 0
			? []
			: await commitUnits(
					taker.append,
					kept.map(({ rows, message }) => ({ rows, bytes: message.delivery.body.length })),
				);
	for (const [index, one] of kept.entries()) {
		const result = committed[index];
		if (result?.outcome !== "committed")
			Object.assign(one, { outcome: "left", rows: [], error: result?.outcome === "failed" ? result.error : result });
		else if (result.inserted === 0) Object.assign(one, { outcome: "duplicate", rows: [] });
	}
	const outcomes: Partial<Record<MessageOutcome, number>> = {};
	for (const { outcome } of read) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
	return {
		outcomes,
		done: read.filter(({ outcome }) => outcome !== "left").map(({ message }) => message),
		rows: read.flatMap(({ rows }) => rows),
		error: read.find(({ error }) => error !== undefined)?.error,
		outlines: read.flatMap(({ outline }) => (outline === undefined ? [] : [outline])),
	};
}

/**
 * A queue is the app's, so it also holds what concerns no shop here: accounts that have left, or never were ours. Such a message
 * is counted and removed, and nothing of it is kept: left in the queue it would come again for days, in everybody's way, and to
 * keep orders of people who are no customers is not ours. Nothing is lost by it: an account that connects later begins by
 * reading its orders. One that does not even say whose it is could be nobody's dead letter; its outline goes into the log, and
 * what it told is found by the order poll.
 */
async function readMessage({ channel, senders }: Taker, message: QueuedMessage): Promise<Read> {
	const nothing = (outcome: MessageOutcome, more: Partial<Read> = {}): Read => ({ message, outcome, rows: [], ...more });
	const read = readDelivery(channel, message.delivery);
	if (read === null) return nothing("ignored");
	if (read.account === null) return read.failure ? nothing("unreadable", { outline: outlineOf(read) }) : nothing("unknown");
	const found = await senders.find(byAccount(channel.id, read.account));
	if (found.outcome === "unknown") return nothing("unknown");
	if (found.outcome === "unavailable") return nothing("left", { error: found.error });
	const { body } = message.delivery;
	const rows = toRows(read, { sender: found.sender, body, correlationId: randomUUID(), source: "queue" });
	return { message, outcome: read.failure ? "parked" : "accepted", rows };
}

const outlineOf = ({ payload, failure }: ReadDelivery) => ({ payload, ...failure });
