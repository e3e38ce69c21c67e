import type { Client } from "#app/db.server.ts";
import type { LifecycleEvent } from "#domain";
import { type LockedShop, noteScopes } from "./install.ts";
import { eraseDelayMs, isBeforeInstallation } from "./lifecycle-rules.ts";
import type { Access } from "./probe-access.ts";
import type { WaitingMessage } from "./sql/lifecycle-messages.ts";

export type Verdict =
	| { outcome: "processed" | "ignored"; note: string }
	/** Stays pending. */
	| { outcome: "wait"; delayMs: number }
	/** The shop and everything of it is gone, this message too. */
	| { outcome: "erased" };

export type Situation = { shopId: number; shop: LockedShop; event: LifecycleEvent; access: Access; message: WaitingMessage };

/** Shopify did not say whether the shop's access works: it is asked again. */
const ASK_AGAIN_MS = 30_000;

/** Does what one message asks for, inside the transaction that holds the shop's row. */
export async function act(tx: Client, situation: Situation): Promise<Verdict> {
	const { shopId, event, message } = situation;
	switch (event.type) {
		case "shop.uninstalled":
			return uninstalled(tx, situation);
		case "shop.redact":
			return redact(tx, situation);
		case "shop.scopes": {
			if (isBeforeInstallation(situation.shop, event.at)) return { outcome: "ignored", note: "speaks of an earlier installation" };
			const granted = Array.isArray(event.detail.current) ? event.detail.current.map(String) : [];
			await noteScopes(tx, { shopId, homeConnectionId: message.connectionId, granted });
			return { outcome: "processed", note: granted.join(",") };
		}
		case "bulk.finished":
			return { outcome: "processed", note: "the import is woken" };
		case "shop.changed":
			return { outcome: "processed", note: "nothing of it is kept" };
		case "customer.redact":
		case "customer.data-request":
			// Orders are kept as ids, times, SKUs and units: nothing that is or names a customer (R04).
			return { outcome: "processed", note: "nothing of any customer is held" };
	}
}

async function uninstalled(tx: Client, { shopId, shop, event, access }: Situation): Promise<Verdict> {
	if (shop.state === "uninstalled") return { outcome: "ignored", note: "uninstalled already" };
	if (isBeforeInstallation(shop, event.at)) return { outcome: "ignored", note: "speaks of an earlier installation" };
	if (access === "works") return { outcome: "ignored", note: WORKS };
	if (access === "unknown") return { outcome: "wait", delayMs: ASK_AGAIN_MS };
	await stopShop(tx, shopId, shop.domain);
	return { outcome: "processed", note: "uninstalled" };
}

async function redact(tx: Client, { shopId, shop, access, message }: Situation): Promise<Verdict> {
	if (shop.state === "installed") {
		if (access === "works") return { outcome: "ignored", note: WORKS };
		if (access === "unknown") return { outcome: "wait", delayMs: ASK_AGAIN_MS };
		// Its uninstall never reached us. Erased after the same wait that Shopify itself keeps: a shop that only slept may show up.
		await stopShop(tx, shopId, shop.domain);
		return { outcome: "wait", delayMs: eraseDelayMs({ ...shop, uninstalledAt: null }, message.receivedAt) };
	}
	const delayMs = eraseDelayMs(shop, message.receivedAt);
	if (delayMs > 0) return { outcome: "wait", delayMs };
	// Behind a drain that is under way, so that nothing is written into what is being erased.
	await tx.query(`SELECT FROM shop_lane WHERE shop_id = $1 FOR UPDATE`, [shopId]);
	await tx.query(`SELECT erase_shop($1)`, [shopId]);
	return { outcome: "erased" };
}

const WORKS = "the shop's access works: it has not uninstalled";

/** Every job looks at the shop's state, so all of its connections stop; their rows stay for the day it comes back. */
async function stopShop(tx: Client, shopId: number, domain: string): Promise<void> {
	await tx.query(`UPDATE shop SET state = 'uninstalled', uninstalled_at = clock_timestamp() WHERE id = $1`, [shopId]);
	await tx.query(`DELETE FROM session WHERE shop_domain = $1`, [domain]);
	await tx.query(`INSERT INTO audit (shop_id, actor, action, subject) VALUES ($1, 'system', 'shop.uninstalled', $2)`, [shopId, domain]);
}
