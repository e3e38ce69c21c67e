import { ChannelError } from "#app/channels/errors.ts";
import { transaction } from "#app/db.server.ts";
import { recordDeadLetters } from "#dead-letters";
import { type Attempt, keepAttempts, logAttempts } from "./attempts.ts";
import { noteFailure, noteSuccess } from "./breaker.ts";
import { deadLetterOf } from "./dead-letter-of.ts";
import { type Answer, judgeReading } from "./judge-reading.ts";
import { ClaimLostError, guarded, type Lane, LEASE_MS } from "./lane.ts";
import type { ListingState } from "./listing-state.ts";
import { readEach } from "./read-each.ts";
import type { ClaimedListing } from "./sql/claim-listings.ts";
import { lockClaimed } from "./sql/lock-claimed.ts";
import { type Difference, noteDifferences } from "./sql/note-differences.ts";
import { readPaces } from "./sql/read-paces.ts";
import { type Reached, sampleLag } from "./sql/sample-lag.ts";
import { type SavedListing, saveListings } from "./sql/save-listings.ts";
import { type Watched, watchedUpdates } from "./watched.ts";
import { type PlannedWrite, writeBatch } from "./write-batch.ts";

/** Each costs one call; on a listing that sells every second the third is as unlucky as the first. */
const READINGS_MAX = 3;

/** connection-failed: the channel as a whole is in trouble; its breaker says when to come back. */
export type BatchOutcome = { outcome: "delivered" | "connection-failed"; attempts: number };

/**
 * Brings the claimed listings to their newest figures: read, decide and save under the rows' locks, write, save again. No lock
 * is held over HTTP. Killed anywhere, it leaves listings that the next worker reads again and finds right or wrong.
 */
export async function deliverBatch(lane: Lane, claimed: readonly ClaimedListing[]): Promise<BatchOutcome> {
	let asked = claimed;
	let attempts = 0;
	for (let reading = 1; asked.length > 0; reading++) {
		const read = await readStock(lane, asked);
		if (read.outcome === "connection-failed") return { outcome: "connection-failed", attempts: attempts + 1 };
		const planned = await planBatch(lane, asked, read.answers, { lastReading: reading === READINGS_MAX });
		attempts += planned.attempts;
		if (planned.writes.length > 0) {
			const written = await writeBatch(lane, planned.writes);
			attempts += planned.writes.length;
			if (written === "connection-failed") return { outcome: "connection-failed", attempts };
		}
		asked = planned.again;
	}
	return { outcome: "delivered", attempts };
}

async function readStock(
	lane: Lane,
	asked: readonly ClaimedListing[],
): Promise<{ outcome: "read"; answers: Map<number, Answer> } | { outcome: "connection-failed" }> {
	const { deps, claim, probing } = lane;
	const startedAt = performance.now();
	try {
		const answers = await guarded(
			lane,
			asked.map(({ id }) => ({ id })),
			() => readEach(lane.client, asked, lane.channel.capabilities.readBatchSize),
		);
		await noteSuccess(deps.pool, claim.shopId, claim.connectionId, { probing });
		return { outcome: "read", answers };
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		const attempt: Attempt = {
			listingId: asked.length === 1 ? (asked[0]?.id ?? null) : null,
			operation: "listing.read",
			quantity: null,
			outcome: error instanceof ClaimLostError ? "lost" : "failed",
			error,
			tookMs: Math.round(performance.now() - startedAt),
			correlationId: asked[0]?.correlationId ?? claim.token,
		};
		await keepAttempts(deps.pool, claim.shopId, claim.connectionId, [attempt]);
		logAttempts(deps.log, claim.shopId, claim.connectionId, [attempt]);
		if (error.connectionWide) await noteFailure(deps.pool, claim.shopId, claim.connectionId, error, { probing });
		return { outcome: "connection-failed" };
	}
}

/** Judges every reading under the rows' locks and saves what is known now, before anything is sent. */
async function planBatch(
	lane: Lane,
	asked: readonly ClaimedListing[],
	answers: ReadonlyMap<number, Answer>,
	{ lastReading }: { lastReading: boolean },
): Promise<{ writes: PlannedWrite[]; again: ClaimedListing[]; attempts: number }> {
	const { deps, claim, channel, watching } = lane;
	const askedById = new Map(asked.map((listing) => [listing.id, listing]));
	const ownSalesLower = channel.capabilities.quantityMeaning === "selfDecrementing";
	const planned = await transaction(deps.pool, async (tx) => {
		const { now, listings } = await lockClaimed(tx, { ...claim, ids: [...askedById.keys()], withinLease: true });
		const paces = await readPaces(tx, claim, mayBeWritten(listings, answers));
		const writes: PlannedWrite[] = [];
		const again: ClaimedListing[] = [];
		const saved: SavedListing[] = [];
		const attempts: Attempt[] = [];
		const differences: Difference[] = [];
		const reached: Reached[] = [];
		const watched: Watched[] = [];
		const letters = [];
		for (const listing of listings) {
			const before = askedById.get(listing.id) as ClaimedListing;
			const correlationId = before.correlationId ?? claim.token;
			const judged = judgeReading(listing, before, answers.get(listing.id), {
				now,
				watching,
				ownSalesLower,
				appliesLater: channel.capabilities.appliesLater ?? false,
				pace: paces.get(listing.id) ?? 0,
				lastReading,
			});
			if (judged.verdict === "read-again") {
				again.push({ ...before, shown: listing.shown, unseen: listing.unseen, seen: listing.seen, ownChanges: listing.ownChanges });
				continue;
			}
			if (judged.verdict === "failed") {
				const { error } = judged;
				saved.push({ listing: judged.listing, keptMs: null });
				attempts.push({
					listingId: listing.id,
					operation: "listing.read",
					quantity: null,
					outcome: "failed",
					error,
					tookMs: null,
					correlationId,
				});
				if (judged.listing.parked) letters.push(deadLetterOf(claim, judged.listing, { operation: "listing.read", error, correlationId }));
				continue;
			}
			if (judged.difference) differences.push(judged.difference);
			const reach = {
				itemId: listing.itemId,
				fromMovementId: listing.landedMovementId,
				throughMovementId: listing.desiredMovementId,
				dirtySince: listing.dirtySince,
			};
			if (judged.verdict === "write") {
				saved.push({ listing: judged.listing, keptMs: LEASE_MS });
				const { quantity, reading } = judged;
				writes.push({ listing: judged.listing, quantity, reading, plannedAt: now, reach, correlationId });
				continue;
			}
			saved.push({ listing: judged.listing, keptMs: null });
			if (judged.agreed && !watching) reached.push(reach);
			if (watching) watched.push({ before: listing, after: judged.listing, wouldSend: judged.wouldSend, correlationId });
		}
		attempts.push(...(await watchedUpdates(tx, claim.shopId, watched)));
		await saveListings(tx, claim.shopId, claim.token, saved);
		await noteDifferences(tx, claim.shopId, claim.connectionId, differences);
		await sampleLag(tx, claim.shopId, claim.connectionId, reached);
		await keepAttempts(tx, claim.shopId, claim.connectionId, attempts);
		await recordDeadLetters(tx, letters);
		return { writes, again, attempts };
	});
	logAttempts(deps.log, claim.shopId, claim.connectionId, planned.attempts);
	return { ...planned, attempts: planned.attempts.length };
}

/** Those whose pace matters: they sell, and show something else than they must. */
const mayBeWritten = (listings: readonly ListingState[], answers: ReadonlyMap<number, Answer>): number[] =>
	listings.flatMap(({ id, desired }) => {
		const answer = answers.get(id);
		const reading = answer && "quantity" in answer ? answer.quantity : null;
		return reading !== null && reading > 0 && desired !== null && desired !== reading ? [id] : [];
	});
