import { transaction } from "#app/db.server.ts";
import { recordDeadLetter } from "#dead-letters";
import { type LifecycleEvent, lifecycleSchema } from "#domain";
import type { Deps } from "./deps.ts";
import { lockShop } from "./install.ts";
import { act, type Verdict } from "./lifecycle-acts.ts";
import { type Access, probeAccess } from "./probe-access.ts";
import {
	isStillPending,
	markMessage,
	noteAttempt,
	noteLook,
	readInstallation,
	readPendingMessages,
	type WaitingMessage,
} from "./sql/lifecycle-messages.ts";

export type LifecycleOutcome = { outcome: "done"; handled: number } | { outcome: "again"; delayMs: number; handled: number };

/** A message that fails by itself so often is shown to a person; the others are not held up by it. */
const ATTEMPTS_MAX = 10;
const RETRY_MS = 30_000;

/**
 * What Shopify says of the app in a shop: uninstalled, erase, scopes, a finished export. Messages are taken one by one, each in
 * a transaction that holds the shop's row, so that an installation, another of these and this one never interleave.
 *
 * A signature says who wrote a message, not when, and its time stands in a header that nobody signed: so `uninstalled` and
 * `shop/redact` are never taken at their word. Shopify itself is asked: a shop whose access works has not uninstalled (R01).
 *
 * Safe to run twice, at once or again: a message that is no longer pending is passed over.
 */
export async function handleLifecycle(deps: Deps, shopId: number): Promise<LifecycleOutcome> {
	let handled = 0;
	let againInMs = Number.POSITIVE_INFINITY;
	for (const message of await readPendingMessages(deps.pool, shopId)) {
		try {
			const verdict = await handle(deps, shopId, message);
			if (verdict.outcome === "wait") againInMs = Math.min(againInMs, verdict.delayMs);
			else handled++;
			if (verdict.outcome === "erased") break;
		} catch (error) {
			deps.log.warn({ err: error, shopId, messageId: message.id, topic: message.topic }, "lifecycle.failed");
			if ((await recordFailure(deps, shopId, message, error)) === "again") againInMs = Math.min(againInMs, RETRY_MS);
		}
	}
	return Number.isFinite(againInMs) ? { outcome: "again", delayMs: againInMs, handled } : { outcome: "done", handled };
}

async function handle(deps: Deps, shopId: number, message: WaitingMessage): Promise<Verdict> {
	const event = lifecycleSchema.parse(message.event);
	// Asked before the transaction: nothing is held over HTTP. An installation that comes in between is noticed inside it.
	const before = await readInstallation(deps.pool, shopId);
	const access: Access = before.state === "installed" && SPEAKS_OF_END.has(event.type) ? await probeAccess(deps, shopId) : "unknown";

	const verdict = await transaction(deps.pool, async (tx): Promise<Verdict> => {
		const shop = await lockShop(tx, shopId);
		if (!(await isStillPending(tx, shopId, message))) return { outcome: "ignored", note: "handled already" };
		if (shop.installation !== before.installation || shop.state !== before.state) return { outcome: "wait", delayMs: 0 };
		const decided = await act(tx, { shopId, shop, event, access, message });
		if (decided.outcome === "processed" || decided.outcome === "ignored") await markMessage(tx, shopId, message, decided);
		if (decided.outcome === "wait") await noteLook(tx, shopId, message);
		return decided;
	});
	deps.log.info({ shopId, type: event.type, ...verdict }, "lifecycle.handled");
	if (event.type === "bulk.finished" && verdict.outcome === "processed") await deps.wake("shopify.import", { shopId });
	return verdict;
}

const SPEAKS_OF_END: ReadonlySet<LifecycleEvent["type"]> = new Set(["shop.uninstalled", "shop.redact"]);

async function recordFailure(deps: Deps, shopId: number, message: WaitingMessage, error: unknown): Promise<"again" | "parked"> {
	const text = error instanceof Error ? error.message : String(error);
	const attempts = await noteAttempt(deps.pool, shopId, message, { error: text, attemptsMax: ATTEMPTS_MAX });
	if (attempts < ATTEMPTS_MAX) return "again";
	await recordDeadLetter(deps.pool, {
		shopId,
		direction: "in",
		connectionId: message.connectionId,
		eventId: message.id,
		operation: message.topic,
		errorClass: "lifecycle",
		error: text,
		payload: message.event,
		attempts,
		sourceKey: `event:${message.id}`,
		correlationId: message.correlationId,
	});
	return "parked";
}
