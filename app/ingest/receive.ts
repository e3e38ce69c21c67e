import { randomUUID } from "node:crypto";
import type { Channel, RawDelivery } from "#channels";
import { laneOf } from "#domain";
import type { NewInboxEvent } from "#inbox";
import { toRows } from "./delivery-rows.ts";
import type { GroupCommit } from "./group-commit.ts";
import { BODY_BYTES_MAX, type Body } from "./read-body.ts";
import { type ReadDelivery, readDelivery } from "./read-delivery.ts";
import { byAccount, byToken, type Sender, type Senders } from "./senders.ts";
import type { Spool } from "./spool.ts";
import { isSignedBy } from "./verify.ts";

/** An unsigned ping is `webhook_id=<n>` (woocommerce.md section 3). More than this without a signature is not one. */
const PING_BYTES_MAX = 4_096;

export type IncomingDelivery = {
	channel: Channel;
	/** The unguessable part of the address, for channels whose connections have one each. */
	token: string | null;
	path: string;
	/** Names in lower case. */
	headers: Readonly<Record<string, string>>;
	readBody(bytesMax: number): Promise<Body>;
};

export type ReceiveOutcome =
	/** Committed. */
	| { outcome: "accepted"; detail: DeliveryDetail }
	/** Seen before, or nothing in it is new. */
	| { outcome: "duplicate"; detail: DeliveryDetail }
	/** On this machine's disk, flushed; it goes into the inbox by itself. */
	| { outcome: "spooled"; detail: DeliveryDetail }
	/** Verified, and there is nothing to keep: a ping, or a lifecycle message about a shop we do not have. */
	| { outcome: "ignored"; reason: string }
	| { outcome: "bad-signature" }
	| { outcome: "too-large" }
	/** Could not be kept; the sender must send it again. */
	| { outcome: "not-durable"; reason: string; error?: unknown; detail?: DeliveryDetail }
	/** Nobody has this address, or the account that sent it is not the connection's. */
	| { outcome: "unknown-connection" }
	/** The sender left before it had said everything. */
	| { outcome: "aborted" };

export type DeliveryDetail = {
	correlationId: string;
	shopId: number;
	connectionId: number;
	topic: string;
	deliveryId: string;
	resourceId: string;
	bytes: number;
	events: number;
	/** Kept, but not understood: it is a dead letter now. */
	parked: boolean;
};

export type Receiver = {
	senders: Senders;
	appSecrets: readonly string[];
	commit: GroupCommit;
	spool: Spool;
	/** For an account that nobody has yet: made, or not one that can be, or not now. */
	adopt(channel: Channel, account: string): Promise<Sender | "unknown" | "too many">;
	/** After the commit. */
	committed(rows: readonly NewInboxEvent[]): void;
	/** Something is on disk that wants to go into the inbox. */
	spooled(): void;
};

/**
 * One delivery, from its raw bytes to a durable row. Nothing is written, looked at or logged before the signature is good.
 * What could not be understood is kept too: only an answer that says "kept" lets a sender forget.
 */
export async function receive(receiver: Receiver, delivery: IncomingDelivery): Promise<ReceiveOutcome> {
	const verified = await verify(receiver, delivery);
	if (verified.outcome !== "verified") return verified;
	const { raw } = verified;

	const read = readDelivery(delivery.channel, raw);
	// Signed by the app's secret, but it does not say for whom: nobody can keep it.
	if (read === null) return verified.sender ? { outcome: "ignored", reason: "ping" } : { outcome: "unknown-connection" };

	const sender = await senderOf(receiver, delivery.channel, read, verified.sender);
	if ("outcome" in sender) return sender;

	const correlationId = randomUUID();
	const rows = toRows(read, { sender, body: raw.body, correlationId, source: "webhook" });
	const detail: DeliveryDetail = {
		correlationId,
		shopId: sender.shopId,
		connectionId: sender.connectionId,
		topic: read.topic,
		deliveryId: read.deliveryId,
		resourceId: read.resourceId,
		bytes: raw.body.length,
		events: read.events.length,
		parked: read.failure !== null,
	};
	return keep(receiver, delivery.channel, rows, detail);
}

type Verified = { outcome: "verified"; raw: RawDelivery; sender: Sender | null };

/** Is it signed by whom the address belongs to? Reads no more of the body than that question needs. */
async function verify({ senders, appSecrets }: Receiver, delivery: IncomingDelivery): Promise<Verified | ReceiveOutcome> {
	const { channel, headers, path } = delivery;
	const scheme = channel.webhooks.signature;
	if (scheme === null) return { outcome: "unknown-connection" };
	const signature = headers[scheme.header];

	let sender: Sender | null = null;
	if (scheme.secret === "connection") {
		const found = await senders.find(byToken(channel.id, delivery.token ?? ""));
		if (found.outcome === "unknown") return { outcome: "unknown-connection" };
		if (found.outcome === "unavailable")
			return { outcome: "not-durable", reason: "the connection cannot be looked up", error: found.error };
		sender = found.sender;
		// Who knows the address may ping it; the answer changes nothing and tells nothing.
		if (!signature) return isPing(delivery);
	}
	if (!signature) return { outcome: "bad-signature" };

	const read = await delivery.readBody(BODY_BYTES_MAX);
	if (read.outcome === "busy") return { outcome: "not-durable", reason: "too many bodies are being read" };
	if (read.outcome !== "read") return read;
	const secrets = sender === null ? appSecrets : sender.secrets;
	if (!isSignedBy(secrets, { body: read.body, signature, scheme })) return { outcome: "bad-signature" };
	return { outcome: "verified", raw: { headers, body: read.body, path }, sender };
}

async function isPing({ channel, headers, path, readBody }: IncomingDelivery): Promise<ReceiveOutcome> {
	const read = await readBody(PING_BYTES_MAX);
	if (read.outcome === "aborted") return read;
	if (read.outcome !== "read") return { outcome: "bad-signature" };
	try {
		if (channel.webhooks.identify({ headers, body: read.body, path }) === null) return { outcome: "ignored", reason: "ping" };
	} catch {
		// Not a ping either.
	}
	return { outcome: "bad-signature" };
}

/** Which connection it belongs to; for a shop that nobody has opened yet, one is made, so that its events are kept. */
async function senderOf(receiver: Receiver, channel: Channel, read: ReadDelivery, sender: Sender | null): Promise<Sender | ReceiveOutcome> {
	if (sender !== null) {
		// A copy of a store (staging, multisite) signs with the same secret and would sell from this one's stock.
		return read.account === null || read.account === sender.account ? sender : { outcome: "unknown-connection" };
	}
	if (read.account === null) return { outcome: "unknown-connection" };
	const found = await receiver.senders.find(byAccount(channel.id, read.account));
	if (found.outcome === "known") return found.sender;
	if (found.outcome === "unavailable") return { outcome: "not-durable", reason: "the connection cannot be looked up", error: found.error };
	// What tells of an end (uninstalled, redact) has nothing to act on, and must not bring a shop into being.
	if (read.failure === null && read.events.every((event) => laneOf(event) === "lifecycle"))
		return { outcome: "ignored", reason: "unknown shop" };
	try {
		const adopted = await receiver.adopt(channel, read.account);
		if (adopted === "unknown") return { outcome: "unknown-connection" };
		return adopted === "too many" ? { outcome: "not-durable", reason: "too many new shops at once" } : adopted;
	} catch (error) {
		return { outcome: "not-durable", reason: "the shop cannot be created", error };
	}
}

async function keep(receiver: Receiver, channel: Channel, rows: NewInboxEvent[], detail: DeliveryDetail): Promise<ReceiveOutcome> {
	const receivedAt = new Date().toISOString();
	const committed = await receiver.commit.add({ rows, bytes: detail.bytes });
	if (committed.outcome === "committed") {
		if (committed.inserted === 0) return { outcome: "duplicate", detail };
		receiver.committed(rows);
		return { outcome: "accepted", detail };
	}
	const reason = { full: "the queue is full", late: "the commit is late", failed: "the commit failed" }[committed.outcome];
	const error = committed.outcome === "failed" ? committed.error : undefined;
	if (channel.capabilities.resendsWebhooks) return { outcome: "not-durable", reason, error, detail };
	try {
		const spooled = await receiver.spool.append(rows.map((row) => ({ ...row, receivedAt })));
		if (spooled === "full") return { outcome: "not-durable", reason: "the spool is full", error, detail };
		receiver.spooled();
		return { outcome: "spooled", detail };
	} catch (failure) {
		return { outcome: "not-durable", reason: "the spool cannot be written", error: failure, detail };
	}
}
