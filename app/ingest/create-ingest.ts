import { join } from "node:path";
import type { Queryable } from "#app/db.server.ts";
import type { Channel } from "#channels";
import { type Deps, ensureShop, isShopDomain, openCredentials } from "#connections";
import { laneOf } from "#domain";
import { appendEvents, type NewInboxEvent } from "#inbox";
import { type Append, commitUnits, createGroupCommit, type Unit } from "./group-commit.ts";
import { type IncomingDelivery, type ReceiveOutcome, type Receiver, receive } from "./receive.ts";
import { reportDelivery } from "./report.ts";
import { byAccount, type ConnectionSecret, createSenders, findByAccount, findByToken, readKey, type Sender } from "./senders.ts";
import { createSpool } from "./spool.ts";
import { createSpoolReplay } from "./spool-replay.ts";
import { createWaker } from "./waker.ts";

/** The commit of a batch is milliseconds. A database that takes longer is answered for as late; its connection is given up. */
const APPEND_TIMEOUT_MS = 6_000;
/** Shops that are first seen by a webhook: an install is one. More than this is somebody replaying under invented names. */
const NEW_SHOPS_PER_MINUTE = 60;

export type IngestOptions = {
	/** Where deliveries wait on disk while the database is away. */
	dataDir: string;
	/** For tests of slow and full: see group-commit.ts. */
	groupCommit?: { commitTimeoutMs?: number; queueRowsMax?: number };
	spoolBytesMax?: number;
};

export type Ingest = {
	receive(delivery: IncomingDelivery): Promise<ReceiveOutcome>;
	/** What is in hand, for the metrics. */
	waiting(): { rows: number; bytes: number };
	/** After the last request: flushes what is in hand. */
	close(): Promise<void>;
};

/** What one process needs to receive: its memory of senders, its group commit, its spool and the wakes after a commit. */
export function createIngest(deps: Deps, options: IngestOptions): Ingest {
	const { pool, log } = deps;
	const bounded = { query: (text: string, values: unknown[]) => pool.query({ text, values, query_timeout: APPEND_TIMEOUT_MS } as never) };
	const append: Append = (rows) => appendEvents(bounded as unknown as Queryable, rows);

	const waker = createWaker(deps.wake);
	const wakeDrains = (rows: readonly NewInboxEvent[]) => {
		for (const { event, shopId } of rows) {
			if (event) waker.wake(laneOf(event) === "stock" ? "apply.drain" : "connections.lifecycle", { shopId });
		}
	};

	const spool = createSpool({
		directory: join(options.dataDir, "spool"),
		...(options.spoolBytesMax === undefined ? {} : { bytesMax: options.spoolBytesMax }),
	});
	const replay = createSpoolReplay({
		log,
		replay: () =>
			spool.replay(async (units: readonly Unit[]) => {
				const outcomes = await commitUnits(append, units);
				for (const [index, { rows }] of units.entries()) {
					if (outcomes[index]?.outcome !== "committed") continue;
					wakeDrains(rows);
					// While we could not take this one others may have found nobody at all, and their sender does not repeat itself.
					for (const { shopId, connectionId } of rows) waker.wake("connections.poll-orders", { shopId, connectionId });
				}
				return outcomes;
			}),
	});

	const toSender = ({ sealed, ...found }: ConnectionSecret, channel: string): Sender => {
		if (sealed === null) return { ...found, secrets: [] };
		const credentials = openCredentials(deps.keyRing, { shopId: found.shopId, channel, account: found.account }, sealed);
		// The old one too: while a secret is being replaced the store may still sign with it.
		const secrets = [credentials.webhookSecret, credentials.webhookSecretPrevious].filter((secret) => secret !== undefined);
		return { ...found, secrets };
	};
	const senders = createSenders(async (key) => {
		const { by, channel, value } = readKey(key);
		const found = by === "token" ? await findByToken(pool, channel, value) : await findByAccount(pool, channel, value);
		return found && toSender(found, channel);
	});

	const mayAdopt = perMinute(NEW_SHOPS_PER_MINUTE);
	const adopting = new Map<string, Promise<Sender>>();
	const adopt = async (channel: Channel, account: string): Promise<Sender | "unknown" | "too many"> => {
		if (channel.role !== "home" || !isShopDomain(account)) return "unknown";
		// A new shop's first webhooks come by the dozen: they wait for one and the same.
		const key = byAccount(channel.id, account);
		const under = adopting.get(key);
		if (under) return under;
		if (!mayAdopt()) return "too many";
		const made = makeShop(key, account).finally(() => adopting.delete(key));
		adopting.set(key, made);
		return made;
	};
	const makeShop = async (key: string, account: string): Promise<Sender> => {
		const { shopId, homeConnectionId, created } = await ensureShop(pool, account);
		if (created) log.info({ shopId, account }, "shop.first_seen");
		const sender = { shopId, connectionId: homeConnectionId, account, secrets: [] };
		senders.remember(key, sender);
		return sender;
	};

	const commit = createGroupCommit({ append, ...options.groupCommit });
	const receiver: Receiver = {
		senders,
		appSecrets: deps.env.shopifyApiSecrets,
		commit,
		spool,
		adopt,
		committed(rows) {
			wakeDrains(rows);
			replay.recovered();
		},
		spooled: replay.soon,
	};

	return {
		async receive(delivery) {
			const startedAt = performance.now();
			const result = await receive(receiver, delivery);
			reportDelivery(log, delivery.channel.id, result, performance.now() - startedAt);
			return result;
		},
		waiting: commit.waiting,
		async close() {
			await commit.close();
			await replay.close();
			await spool.close();
			await waker.close();
		},
	};
}

function perMinute(max: number): () => boolean {
	let since = Number.NEGATIVE_INFINITY;
	let count = 0;
	return () => {
		if (Date.now() - since >= 60_000) {
			since = Date.now();
			count = 0;
		}
		return ++count <= max;
	};
}
