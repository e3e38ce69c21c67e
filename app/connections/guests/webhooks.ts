import { ChannelError } from "#app/channels/errors.ts";
import { openCredentials } from "../credentials.ts";
import { readConnection } from "../connection-row.ts";
import type { Deps } from "../deps.ts";
import { setHealth } from "../health.ts";
import { openClient } from "../open-client.ts";

export const webhookPath = (channelId: string, token: string) => `/webhooks/${channelId}/${token}`;

export type WebhooksOutcome =
	| { outcome: "in-place"; created: number; removed: number }
	/** The channel has no webhooks, or sends them by the app's own configuration. */
	| { outcome: "none" }
	| { outcome: "failed"; error: ChannelError };

/**
 * Makes the channel's webhooks what they should be: one active one per topic, to this connection's address. A switched-off one
 * is removed and made anew: WooCommerce keeps its failure count when it is switched on again, so the next single failure would
 * switch it off once more (measured on 11.0.1). Ours are known by the address; other people's are never touched. Safe to run
 * twice at once: a duplicate that two runs made is removed by the next one.
 *
 * `created > 0` on a connection that counts already means that deliveries were missed: the caller polls the gap.
 */
export async function ensureWebhooks(deps: Deps & { publicUrl: string }, shopId: number, connectionId: number): Promise<WebhooksOutcome> {
	const { connection, client } = await openClient(deps, shopId, connectionId);
	try {
		const manager = client.webhooks;
		if (!manager) return { outcome: "none" };
		const secret = await secretOf(deps, shopId, connectionId);
		const url = new URL(webhookPath(connection.channel, connection.webhookToken), deps.publicUrl).href;
		const ours = (await manager.list()).filter((w) => w.url === url);
		const kept = new Map<string, string>();
		let removed = 0;
		for (const webhook of ours) {
			if (webhook.active && manager.topics.includes(webhook.topic) && !kept.has(webhook.topic)) kept.set(webhook.topic, webhook.id);
			else {
				await manager.remove(webhook.id);
				removed++;
			}
		}
		let created = 0;
		for (const topic of manager.topics) {
			if (kept.has(topic)) continue;
			await manager.create({ topic, url, secret });
			created++;
		}
		await deps.pool.query("UPDATE connection SET webhooks_checked_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId]);
		if (created > 0) deps.log.info({ shop: shopId, connection: connectionId, created, removed }, "webhooks.repaired");
		return { outcome: "in-place", created, removed };
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		if (error.errorClass === "credentials") await setHealth(deps.pool, shopId, connectionId, { health: "red", reason: error.message });
		return { outcome: "failed", error };
	} finally {
		await client.close();
	}
}

/** Takes our webhooks away (disconnect). What cannot be reached is left: its address is closed on our side anyway. */
export async function removeWebhooks(deps: Deps & { publicUrl: string }, shopId: number, connectionId: number): Promise<number> {
	const { connection, client } = await openClient(deps, shopId, connectionId);
	try {
		const url = new URL(webhookPath(connection.channel, connection.webhookToken), deps.publicUrl).href;
		const ours = ((await client.webhooks?.list()) ?? []).filter((w) => w.url === url);
		for (const webhook of ours) await client.webhooks?.remove(webhook.id);
		return ours.length;
	} finally {
		await client.close();
	}
}

async function secretOf(deps: Deps, shopId: number, connectionId: number): Promise<string> {
	const row = await readConnection(deps.pool, shopId, connectionId);
	const secret = row?.sealed ? openCredentials(deps.keyRing, row, row.sealed)["webhookSecret"] : undefined;
	if (!secret) throw new Error(`Connection ${connectionId} has no webhook secret: it was not made by connectGuest`);
	return secret;
}
