import { randomUUID } from "node:crypto";
import type { DeltaResult } from "#app/channels/channel.ts";
import { ChannelError, RequestRejectedError } from "#app/channels/errors.ts";
import { withCallGuard } from "#app/connections/budget.ts";
import { processSession } from "#app/connections/process-session.ts";
import { transaction } from "#app/db.server.ts";
import { formDeltaBatch } from "#ledger";
import { noteFailure, noteSuccess, passGate, takeProbe } from "./breaker.ts";
import type { DeliveryChannel, DeliveryClient, DeliveryDeps, PushOutcome } from "./deps.ts";
import { ClaimLostError, LEASE_MS } from "./lane.ts";
import { type BatchInHand, giveUpOnKey, landBatch, postponeBatch, refuseBatch } from "./settle-batch.ts";
import { claimBatch, keepBatch, readLines, releaseBatch } from "./sql/claim-batch.ts";
import type { Claim } from "./sql/keep-claims.ts";
import { nextOwedInMs, oldestCorrelation, recentSplit } from "./sql/owed.ts";

/** After this the shop gives its worker to others and is woken again (R19). */
const TIME_SLICE_MS = 10_000;
/** What home's own history shows; one of the reasons that Shopify knows. */
const REASON = "correction";

/**
 * Tells home of what was sold elsewhere, as differences in batches, each under a key of its own that is saved before it is
 * sent: sent again, the same key with the same changes is carried out once. Safe to run twice at once and to be killed
 * anywhere; what home then holds comes back as its own reading.
 */
export async function pushDeltas(deps: DeliveryDeps, shopId: number, connectionId: number): Promise<PushOutcome> {
	const until = Date.now() + TIME_SLICE_MS;
	const opened = await deps.openClient(shopId, connectionId);
	if (!opened) return { outcome: "closed" };
	const life = await processSession(deps.pool).signOfLife();
	let attempts = 0;
	try {
		while (Date.now() < until) {
			const passed = await passGate(deps.pool, shopId, connectionId);
			if (passed.gate === "closed" || (passed.gate !== "shut" && passed.watching)) return { outcome: "closed" };
			if (passed.gate === "shut") return { outcome: "done", againInMs: passed.waitMs, attempts };
			const batch = await takeBatch(deps, { shopId, connectionId, token: `${life.key}:${randomUUID()}` }, opened.channel);
			if (!batch) return { outcome: "done", againInMs: await nextOwedInMs(deps.pool, shopId, connectionId), attempts };
			const probing = passed.gate === "half-open";
			try {
				// Not this one's turn, or a failure: the gate says how long to wait.
				if (probing && !(await takeProbe(deps.pool, shopId, connectionId))) continue;
				attempts++;
				await sendBatch(deps, batch, opened.client, { probing });
			} finally {
				await releaseBatch(deps.pool, batch);
			}
		}
		return { outcome: "more", attempts };
	} finally {
		life.release();
		await opened.client.close();
	}
}

/** An open batch that nobody sends right now: one that waits to be sent again, or a new one of what is owed. */
async function takeBatch(deps: DeliveryDeps, owner: Claim, channel: DeliveryChannel): Promise<BatchInHand | null> {
	const { shopId, connectionId } = owner;
	const claim = () => claimBatch(deps.pool, { ...owner, leaseMs: LEASE_MS });
	let claimed = await claim();
	if (!claimed) {
		const linesMax = Math.min(channel.capabilities.writeBatchSize, await recentSplit(deps.pool, shopId));
		const correlationId = (await oldestCorrelation(deps.pool, shopId)) ?? randomUUID();
		const formed = await transaction(deps.pool, (tx) => formDeltaBatch(tx, shopId, { connectionId, linesMax, correlationId }));
		if (!formed) return null;
		claimed = await claim();
	}
	if (!claimed) return null;
	return { ...owner, ...claimed, lines: await readLines(deps.pool, shopId, claimed.id) };
}

async function sendBatch(deps: DeliveryDeps, batch: BatchInHand, client: DeliveryClient, { probing }: { probing: boolean }): Promise<void> {
	if (batch.keyExpired) return giveUpOnKey(deps, batch);
	const { shopId, connectionId } = batch;
	const startedAt = performance.now();
	const took = () => Math.round(performance.now() - startedAt);
	let result: DeltaResult;
	try {
		result = await adjust(deps, batch, client);
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		if (error.connectionWide) await noteFailure(deps.pool, shopId, connectionId, error, { probing });
		// A refusal of the whole without a word on which change it is about: nothing was done, so it is split.
		const refused = error instanceof RequestRejectedError && !error.connectionWide && !error.outcomeUnknown;
		if (refused) return refuseBatch(deps, batch, [{ index: null, error }], took());
		return postponeBatch(deps, batch, error, took());
	}
	await noteSuccess(deps.pool, shopId, connectionId, { probing });
	if (result.outcome === "landed") return landBatch(deps, batch, result.landedAt, took());
	return refuseBatch(deps, batch, result.refused, took());
}

function adjust(deps: DeliveryDeps, batch: BatchInHand, client: DeliveryClient): Promise<DeltaResult> {
	const { home } = client;
	if (!home) throw new Error(`Connection ${batch.connectionId} is home, and its channel takes no differences`);
	let requestsBefore = 0;
	const guard = async () => {
		// From here on the key is in use: its age counts, and its changes never change.
		if (!(await keepBatch(deps.pool, batch, LEASE_MS)))
			throw new ClaimLostError(`Batch ${batch.id} is no longer ours to send`, { requestsBefore });
		requestsBefore++;
	};
	return withCallGuard(guard, () =>
		home.adjust({
			idempotencyKey: batch.idempotencyKey,
			reason: REASON,
			reference: `sold-elsewhere-${batch.id}`,
			changes: batch.lines.map(({ itemExternalId, locationExternalId, delta }) => ({ itemExternalId, locationExternalId, delta })),
		}),
	);
}
