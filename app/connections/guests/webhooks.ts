import { ChannelError } from "#app/channels/errors.ts";
import type { Queryable } from "#app/db.server.ts";
import type { Channel, RemoteWebhook, WebhookManager } from "#channels";
import { type ConnectionRow, readConnection } from "../connection-row.ts";
import { openCredentials } from "../credentials.ts";
import type { Deps } from "../deps.ts";
import { clearTrouble, noteRefusal } from "../health.ts";
import { openClient } from "../open-client.ts";

export const webhookPath = (channelId: string, token: string) => `/webhooks/${channelId}/${token}`;

export type WebhooksOutcome =
	| { outcome: "in-place"; created: number; removed: number }
	/** The channel has no webhooks, or sends them by the app's own configuration. */
	| { outcome: "none" }
	/** Disconnected while we looked: nothing of ours was left there. */
	| { outcome: "closed" }
	| { outcome: "failed"; error: ChannelError };

/**
 * Makes the channel's webhooks (or subscriptions to a queue) what they should be: one active one per topic, to this connection's address. A switched-off one
 * is removed and made anew: WooCommerce keeps its failure count when it is switched on again, so the next single failure would
 * switch it off once more (measured on 11.0.1). Ours are known by the address; other people's are never touched. Safe to run
 * twice at once: a duplicate that two runs made is removed by the next one. Killed anywhere, the next run goes on.
 *
 * What had to be made anew was missing, so deliveries were missed: the connection's next order poll is due at once.
 */
export async function ensureWebhooks(deps: Deps & { publicUrl: string }, shopId: number, connectionId: number): Promise<WebhooksOutcome> {
	const { connection, client, channel } = await openClient(deps, shopId, connectionId);
	try {
		const manager = client.webhooks;
		if (!manager) {
			await noteChecked(deps.pool, shopId, connectionId);
			return { outcome: "none" };
		}
		const secret = channel.messageQueues ? "" : await secretOf(deps, shopId, connectionId);
		const address = await addressOf(deps, connection, channel);
		const { kept, superfluous } = sortOut((await manager.list()).filter(address.isOurs), manager.topics, address.url);
		for (const webhook of superfluous) await manager.remove(webhook.id);
		const missing = manager.topics.filter((topic) => !kept.has(topic));
		// Before and after: a process that dies in between leaves the poll due, and a poll that runs in between ends too early.
		if (missing.length > 0) await wantPoll(deps.pool, shopId, connectionId);
		const made: RemoteWebhook[] = [];
		for (const topic of missing) made.push(await manager.create({ topic, url: address.url ?? "", secret }));
		if (await isClosed(deps.pool, shopId, connectionId)) {
			for (const webhook of made) await manager.remove(webhook.id);
			return { outcome: "closed" };
		}
		if (missing.length > 0) await wantPoll(deps.pool, shopId, connectionId);
		await noteChecked(deps.pool, shopId, connectionId);
		await clearTrouble(deps.pool, shopId, connectionId);
		const changed = { created: missing.length, removed: superfluous.length };
		if (changed.created + changed.removed > 0) deps.log.info({ shopId, connectionId, ...changed }, "webhooks.repaired");
		return { outcome: "in-place", ...changed };
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		deps.log.warn({ shopId, connectionId, err: error }, "webhooks.not_checked");
		if (error.errorClass === "credentials") await noteRefusal(deps.pool, shopId, connectionId, error.message);
		return { outcome: "failed", error };
	} finally {
		await client.close();
	}
}

/**
 * Takes our webhooks away (disconnect): how many, and whether all are gone. What cannot be reached is left: its address is closed
 * on our side, and the store switches it off by itself.
 */
export async function removeWebhooks(
	deps: Deps & { publicUrl: string },
	shopId: number,
	connectionId: number,
): Promise<{ removed: number; complete: boolean }> {
	const { connection, client, channel } = await openClient(deps, shopId, connectionId);
	let removed = 0;
	try {
		const address = await addressOf(deps, connection, channel);
		for (const webhook of ((await client.webhooks?.list()) ?? []).filter(address.isOurs)) {
			await client.webhooks?.remove(webhook.id);
			removed++;
		}
		return { removed, complete: true };
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		deps.log.warn({ shopId, connectionId, err: error }, "webhooks.not_removed");
		return { removed, complete: false };
	} finally {
		await client.close();
	}
}

/** Per topic the first good one is kept, in the channel's own order, so that two runs at once keep the same. `url` null: any. */
function sortOut(ours: readonly RemoteWebhook[], topics: WebhookManager["topics"], url: string | null) {
	const kept = new Map<string, string>();
	const superfluous: RemoteWebhook[] = [];
	for (const webhook of ours) {
		const isGood = webhook.active && (url === null || webhook.url === url) && topics.includes(webhook.topic) && !kept.has(webhook.topic);
		if (isGood) kept.set(webhook.topic, webhook.id);
		else superfluous.push(webhook);
	}
	return { kept, superfluous };
}

/**
 * Ours by its path, in which only we can know the token: so one that still calls the app's former origin is found, and those of
 * this account's former connections that could not be removed when they ended. Where messages come through a queue of the app's,
 * what the channel lists for the account are the app's own subscriptions: all are ours, and the adapter says whether one is good.
 */
async function addressOf(
	{ pool, publicUrl }: Pick<Deps, "pool"> & { publicUrl: string },
	connection: ConnectionRow,
	{ messageQueues }: Pick<Channel, "messageQueues">,
): Promise<{ url: string | null; isOurs(webhook: RemoteWebhook): boolean }> {
	if (messageQueues) return { url: null, isOurs: () => true };
	const { shopId, channel, account, webhookToken } = connection;
	const former = await pool.query<{ token: string }>(
		"SELECT webhook_token AS token FROM connection WHERE shop_id = $1 AND channel = $2 AND account = $3 AND state = 'disconnected'",
		[shopId, channel, account],
	);
	const paths = new Set([webhookToken, ...former.rows.map(({ token }) => token)].map((token) => webhookPath(channel, token)));
	return {
		url: new URL(webhookPath(channel, webhookToken), publicUrl).href,
		isOurs: ({ url }: RemoteWebhook) => URL.canParse(url) && paths.has(new URL(url).pathname),
	};
}

const noteChecked = (db: Queryable, shopId: number, connectionId: number) =>
	db.query("UPDATE connection SET webhooks_checked_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId]);

const wantPoll = (db: Queryable, shopId: number, connectionId: number) =>
	db.query("UPDATE connection SET polled_at = NULL WHERE shop_id = $1 AND id = $2", [shopId, connectionId]);

async function isClosed(db: Deps["pool"], shopId: number, connectionId: number): Promise<boolean> {
	return (await readConnection(db, shopId, connectionId))?.state === "disconnected";
}

async function secretOf(deps: Deps, shopId: number, connectionId: number): Promise<string> {
	const row = await readConnection(deps.pool, shopId, connectionId);
	const secret = row?.sealed ? openCredentials(deps.keyRing, row, row.sealed).webhookSecret : undefined;
	if (!secret) throw new Error(`Connection ${connectionId} has no webhook secret: it was not made by connectGuest`);
	return secret;
}
