import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { recordAudit } from "#app/connections/audit.ts";
import { type Queryable, transactionWithRetry } from "#app/db.server.ts";
import { type Channel, channel as channelOf } from "#channels";
import type { Deps } from "#connections";
import { takeForReplay } from "#dead-letters";
import { type CanonicalEvent, canonicalEventSchema, laneOf } from "#domain";
import { appendEvents } from "#inbox";

/** As long as a message may be to be read and corrected by a person. */
const TEXT_CHARS_MAX = 20_000;
/** Of one correction so many fields are kept in the audit; a person changes one or two. */
const FIELDS_MAX = 50;
/** A channel's clock may be ahead of ours by so much; a stamp of later would make every true message after it an older one. */
const AHEAD_MS = 60_000;

export type Corrected =
	/** It is in the inbox, and counts like any other message. */
	| { outcome: "sent" }
	/** It was settled meanwhile, or this shop has no such message. */
	| { outcome: "over" }
	| { outcome: "refused"; reason: string };

/** What of a message that was set aside a person may correct, as they see it; null: nothing of it. */
export async function readCorrectable(db: Queryable, shopId: number, failureId: number): Promise<string | null> {
	const message = await readMessage(db, shopId, failureId);
	if (!message) return null;
	const text = JSON.stringify(message.content, null, 2);
	return text.length <= TEXT_CHARS_MAX ? text : null;
}

/**
 * Sends a message in again as a person has corrected it. Only fields that the channel's own allow-list keeps may stand in it, its adapter
 * must understand it, and it must still speak of the same thing. The letter's decision, the new message and the audit entry with what
 * stood there before are one transaction; pressed twice, the second finds it settled.
 */
export async function correctMessage(
	deps: Deps,
	shopId: number,
	{ failureId, text, actor, press }: { failureId: number; text: string; actor: string; press: string },
): Promise<Corrected> {
	const message = await readMessage(deps.pool, shopId, failureId);
	if (!message) return { outcome: "over" };
	const read = readCorrection(message, text);
	if ("reason" in read) return { outcome: "refused", reason: read.reason };
	const sent = await transactionWithRetry(deps.pool, async (tx) => {
		if ((await takeForReplay(tx, shopId, [failureId], actor)).length === 0) return false;
		await appendEvents(tx, [
			{
				shopId,
				connectionId: message.connection_id,
				topic: message.topic,
				source: "replay",
				payload: message.kind === "payload" ? read.content : message.payload,
				event: read.event,
				deliveryKey: `corrected:${press}`,
				correlationId: message.correlation_id,
				occurredAt: message.occurred_at?.toISOString() ?? null,
			},
		]);
		const changed = changesOf(message.content, read.content);
		await recordAudit(tx, shopId, {
			actor,
			action: "message.corrected",
			subject: String(message.connection_id),
			before: { fields: Object.fromEntries(changed.map(({ path, before }) => [path, before])) },
			after: { failureId, fields: Object.fromEntries(changed.map(({ path, after }) => [path, after])) },
		});
		return true;
	});
	if (!sent) return { outcome: "over" };
	await deps.wake("apply.drain", { shopId });
	return { outcome: "sent" };
}

type Message = {
	connection_id: number;
	channel: string;
	topic: string;
	source: string;
	payload: unknown;
	event: unknown;
	correlation_id: string;
	occurred_at: Date | null;
	/** payload: what the sender sent, which its adapter reads. event: of what we asked for ourselves only our own words are kept. */
	kind: "payload" | "event";
	content: Record<string, unknown>;
};

async function readMessage(db: Queryable, shopId: number, failureId: number): Promise<Message | null> {
	const { rows } = await db.query<Omit<Message, "kind" | "content">>(
		`SELECT e.connection_id, c.channel, e.topic, e.source, e.payload, e.event, e.correlation_id, e.occurred_at
		 FROM dead_letter d
		 JOIN inbox_event e ON e.shop_id = d.shop_id AND e.id = d.event_id AND e.lane = 'stock'
		 JOIN connection c ON c.shop_id = e.shop_id AND c.id = e.connection_id AND c.state <> 'disconnected'
		 WHERE d.shop_id = $1 AND d.id = $2 AND d.state = 'open' AND d.direction = 'in' AND d.source_key = 'event:' || d.event_id`,
		[shopId, failureId],
	);
	const [row] = rows;
	if (!row) return null;
	const sentToUs = row.source === "webhook" || row.source === "queue" || row.source === "replay";
	if (sentToUs && isObject(row.payload) && !("unreadable" in row.payload)) return { ...row, kind: "payload", content: row.payload };
	return isObject(row.event) ? { ...row, kind: "event", content: row.event } : null;
}

type Read = { content: Record<string, unknown>; event: CanonicalEvent } | { reason: string };

function readCorrection(message: Message, text: string): Read {
	if (text.length > TEXT_CHARS_MAX) return { reason: "It is too long." };
	let content: unknown;
	try {
		content = JSON.parse(text);
	} catch {
		return { reason: "This is not valid JSON: look for a missing comma or quote." };
	}
	if (!isObject(content)) return { reason: "It must stay one object, in braces." };
	if (isDeepStrictEqual(content, message.content)) return { reason: "Nothing was changed." };
	if (!isDeepStrictEqual(content.id, message.content.id))
		return { reason: "It must go on speaking of the same thing: leave its id as it was." };
	const read = message.kind === "payload" ? readPayload(channelOf(message.channel), message.topic, content) : readEvent(message, content);
	if ("reason" in read) return read;
	const { event } = read;
	if (laneOf(event) !== "stock") return { reason: "Only messages about stock and orders can be corrected." };
	if ("stamp" in event && Date.parse(event.stamp) > Date.now() + AHEAD_MS) return { reason: "Its time must not be in the future." };
	return { content, event };
}

/** By the adapter's own allow-list and its own reading: what these do not know cannot be put in by hand either. */
function readPayload(
	{ webhooks }: Channel,
	topic: string,
	content: Record<string, unknown>,
): { event: CanonicalEvent } | { reason: string } {
	try {
		if (!isDeepStrictEqual(plain(webhooks.allowList(topic, content)), content))
			return { reason: "It has a field, or a kind of value, that is not among those that are kept. Change only what stands there." };
		const events = webhooks.toEvents({ topic, payload: content, headers: {} });
		const [event, ...others] = events;
		if (!event || others.length > 0) return { reason: "Corrected like this it would say nothing about stock." };
		return { event: canonicalEventSchema.parse(event) };
	} catch (error) {
		return { reason: `It is still not understood: ${error instanceof Error ? error.message.slice(0, 300) : "unknown"}` };
	}
}

/** Of an order's own state only what its lines hold, and whether it was cancelled: never which order it is, or when. */
function readEvent({ content: former }: Message, content: Record<string, unknown>): { event: CanonicalEvent } | { reason: string } {
	const odd = changesOf(former, content).find(({ path }) => !EVENT_FIELDS.test(path));
	if (odd) return { reason: `“${odd.path}” cannot be corrected.` };
	const contentHash = `corrected:${createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 40)}`;
	const { success, data, error } = canonicalEventSchema.safeParse({ ...content, contentHash });
	if (!success) return { reason: `It is not understood: ${error.issues[0]?.message ?? "unknown"}` };
	return { event: data };
}
const EVENT_FIELDS = /^(cancelled|lines\.\d+\.(held|ordered|sku|listingExternalId))$/;

type Change = { path: string; before: unknown; after: unknown };

/** Leaf by leaf, as "line_items.0.quantity". */
function changesOf(before: unknown, after: unknown, path = ""): Change[] {
	if (isDeepStrictEqual(before, after)) return [];
	const [one, other] = [childrenOf(before), childrenOf(after)];
	if (!one || !other) return [{ path, before: before ?? null, after: after ?? null }];
	const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
	return keys.flatMap((key) => changesOf(one[key], other[key], path ? `${path}.${key}` : key)).slice(0, FIELDS_MAX);
}

const childrenOf = (value: unknown): Record<string, unknown> | null =>
	typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
/** As it is stored: without what JSON does not keep. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
