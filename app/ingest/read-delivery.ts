import { ChannelError, UnexpectedShapeError } from "#app/channels/errors.ts";
import type { Channel, RawDelivery } from "#channels";
import { type CanonicalEvent, canonicalEventSchema } from "#domain";

/** Shopify allows 2048 variants to a product; a delivery that makes more than that is not understood, it is parked. */
const EVENTS_MAX = 4_000;
/** Names of top-level fields kept of a body that could not be read: enough to see whose shape it has. */
const FIELDS_MAX = 50;
const ERROR_CHARS_MAX = 2_000;

export type ReadDelivery = {
	topic: string;
	/** The sender's id of the delivery, and of the thing it speaks of; '' when the sender does not say. */
	deliveryId: string;
	resourceId: string;
	account: string | null;
	triggeredAt: string | null;
	/** Allow-listed; of an unreadable body only its outline, since what may be personal in it is not known. */
	payload: unknown;
	events: CanonicalEvent[];
	failure: { errorClass: string; error: string } | null;
};

/**
 * A verified delivery in our words. It never throws: what cannot be understood has a `failure` and is kept, so that nothing a
 * sender said is lost to a shape we did not know (R32). null: nothing that needs an event (a ping).
 */
export function readDelivery(channel: Channel, raw: RawDelivery): ReadDelivery | null {
	const read: ReadDelivery = {
		topic: "unknown",
		deliveryId: "",
		resourceId: "",
		account: null,
		triggeredAt: null,
		payload: { unreadable: { bytes: raw.body.length } },
		events: [],
		failure: null,
	};
	try {
		const identity = channel.webhooks.identify(raw);
		if (identity === null) return null;
		Object.assign(read, identity, { triggeredAt: instantOrNull(identity.triggeredAt) });
		const body = parseJson(raw.body);
		read.payload = { unreadable: outlineOf(body, raw.body.length) };
		read.payload = channel.webhooks.allowList(read.topic, body);
		const events = channel.webhooks.toEvents({ topic: read.topic, payload: read.payload, headers: raw.headers });
		if (events.length > EVENTS_MAX)
			throw new UnexpectedShapeError(`${events.length} events in one delivery, at most ${EVENTS_MAX} are taken`);
		read.events = events.map((event) => canonicalEventSchema.parse(event));
	} catch (error) {
		const errorClass = error instanceof ChannelError ? error.errorClass : "unexpected-shape";
		// V8's words about JSON quote the body.
		const message = error instanceof SyntaxError ? NOT_JSON : error instanceof Error ? error.message : String(error);
		// It could not even be identified.
		if (read.topic === "unknown") read.payload = { unreadable: outlineOf(parsedOrNull(raw.body), raw.body.length) };
		read.failure = { errorClass, error: message.slice(0, ERROR_CHARS_MAX) };
	}
	return read;
}

/** When what the event says happened, by the sender's clock. */
export function occurredAtOf(event: CanonicalEvent): string | null {
	if ("stamp" in event) return event.stamp;
	if ("readAt" in event) return event.readAt;
	if ("at" in event) return event.at;
	return null;
}

function parseJson(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString("utf8"));
	} catch (cause) {
		throw new UnexpectedShapeError(NOT_JSON, { cause });
	}
}
const NOT_JSON = "The body is not JSON";

function parsedOrNull(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString("utf8"));
	} catch {
		return null;
	}
}

function outlineOf(body: unknown, bytes: number) {
	if (body === null || typeof body !== "object" || Array.isArray(body)) return { bytes, kind: Array.isArray(body) ? "array" : typeof body };
	return { bytes, fields: Object.keys(body).slice(0, FIELDS_MAX) };
}

function instantOrNull(text: string | null): string | null {
	const time = text === null ? Number.NaN : Date.parse(text);
	return Number.isNaN(time) ? null : new Date(time).toISOString();
}
