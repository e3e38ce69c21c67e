import type { StockWrite, WriteResult } from "#app/channels/channel.ts";
import { ChannelError, UnexpectedShapeError } from "#app/channels/errors.ts";
import { transaction } from "#app/db.server.ts";
import { recordDeadLetters } from "#dead-letters";
import { type Attempt, keepAttempts, logAttempts } from "./attempts.ts";
import { noteFailure, noteSuccess } from "./breaker.ts";
import { deadLetterOf } from "./dead-letter-of.ts";
import { ClaimLostError, guarded, type Lane } from "./lane.ts";
import { afterAccepted, afterFailure, afterLanding, afterUnknown, type ListingState, settle } from "./listing-state.ts";
import { disturbListings } from "./sql/keep-claims.ts";
import { lockClaimed } from "./sql/lock-claimed.ts";
import { type Reached, sampleLag } from "./sql/sample-lag.ts";
import { saveListings } from "./sql/save-listings.ts";

export type PlannedWrite = {
	/** As it was saved when the write was planned. */
	listing: ListingState;
	quantity: number;
	/** What the write was computed from. */
	reading: number;
	plannedAt: number;
	reach: Reached;
	correlationId: string;
};

/** Sends the planned figures and saves what became of each. */
export async function writeBatch(lane: Lane, writes: readonly PlannedWrite[]): Promise<"written" | "connection-failed"> {
	const { deps, claim, probing } = lane;
	const startedAt = performance.now();
	const results = await writeTogether(lane, writes);
	const tookMs = Math.round(performance.now() - startedAt);
	const attempts = await land(lane, writes, results, tookMs);
	logAttempts(deps.log, claim.shopId, claim.connectionId, attempts);
	const failures = results.flatMap((result) => (result.outcome === "failed" ? [result.error] : []));
	const wide = failures.find((error) => error.connectionWide);
	if (wide) await noteFailure(deps.pool, claim.shopId, claim.connectionId, wide, { probing });
	else if (failures.length < results.length) await noteSuccess(deps.pool, claim.shopId, claim.connectionId, { probing });
	return wide || failures.some((error) => error instanceof ClaimLostError) ? "connection-failed" : "written";
}

/**
 * One result per write. A request that is refused as a whole is halved, so that what the channel cannot stomach stands alone.
 * After a failure of the whole connection the rest is not tried.
 */
async function writeTogether(lane: Lane, writes: readonly PlannedWrite[]): Promise<WriteResult[]> {
	try {
		const results = await guarded(
			lane,
			writes.map(({ listing, quantity, reading }) => ({ id: listing.id, quantity, over: reading })),
			() => lane.client.writeStock(writes.map(toStockWrite)),
		);
		return writes.map((_, index) => results[index] ?? failed(new UnexpectedShapeError("The channel gave no result for this write")));
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		const alone = writes.length === 1 || error.connectionWide || error.outcomeUnknown || error instanceof ClaimLostError;
		if (alone) return writes.map(() => failed(error));
		const middle = Math.ceil(writes.length / 2);
		const first = await writeTogether(lane, writes.slice(0, middle));
		const wide = first.find((result) => result.outcome === "failed" && result.error.connectionWide);
		if (wide?.outcome === "failed") return [...first, ...writes.slice(middle).map(() => failed(notTried(wide.error)))];
		return [...first, ...(await writeTogether(lane, writes.slice(middle)))];
	}
}

const failed = (error: ChannelError): WriteResult => ({ outcome: "failed", error });

/** The connection failed while others of the batch were sent: this one surely was not. */
class NotTriedError extends ChannelError {
	override readonly errorClass = "not-tried";
	override readonly retryable = true;
	override readonly connectionWide = true;
}
const notTried = (cause: ChannelError) => new NotTriedError(`Not tried: ${cause.message}`, { cause });

const toStockWrite = ({ listing, quantity }: PlannedWrite): StockWrite => ({
	externalId: listing.externalId,
	parentExternalId: listing.parentExternalId,
	quantity,
});

async function land(lane: Lane, writes: readonly PlannedWrite[], results: readonly WriteResult[], tookMs: number): Promise<Attempt[]> {
	const { deps, claim, channel } = lane;
	return transaction(deps.pool, async (tx) => {
		const { now, listings } = await lockClaimed(tx, { ...claim, ids: writes.map((write) => write.listing.id), withinLease: false });
		const ours = new Map(listings.map((listing) => [listing.id, listing]));
		const until = now + channel.capabilities.lateHorizonMs;
		const landings = writes.map((write, index) => {
			const result = results[index] as WriteResult;
			const listing = ours.get(write.listing.id);
			return { write, result, after: listing && landOne(listing, write, result, { now, until }) };
		});
		await saveListings(
			tx,
			claim.shopId,
			claim.token,
			landings.flatMap(({ after }) => (after ? [{ listing: after, keptMs: null }] : [])),
		);
		// What left although the claim had gone to another worker: that one must read again.
		const astray = landings.filter(({ after, result }) => !after && (result.outcome !== "failed" || maybeDone(result.error)));
		await disturbListings(
			tx,
			claim.shopId,
			astray.map(({ write }) => write.listing.id),
		);
		await sampleLag(
			tx,
			claim.shopId,
			claim.connectionId,
			landings.flatMap(({ after, result, write }) => (after && result.outcome === "landed" ? [write.reach] : [])),
		);
		await recordDeadLetters(
			tx,
			landings.flatMap(({ after, result, write }) =>
				after?.parked && result.outcome === "failed"
					? [
							deadLetterOf(claim, after, {
								operation: "listing.write",
								error: result.error,
								quantity: write.quantity,
								correlationId: write.correlationId,
							}),
						]
					: [],
			),
		);
		const attempts = landings.map(({ write, result }) => toAttempt(write, result, tookMs));
		await keepAttempts(tx, claim.shopId, claim.connectionId, attempts);
		return attempts;
	});
}

function landOne(
	listing: ListingState,
	write: PlannedWrite,
	result: WriteResult,
	{ now, until }: { now: number; until: number },
): ListingState {
	if (result.outcome === "landed") {
		return afterLanding(listing, {
			reading: write.reading,
			// What was written, not what the answer says: that may be another writer's figure already.
			quantity: write.quantity,
			writtenAt: Date.parse(result.writtenAt),
			ownChanges: write.listing.ownChanges,
			movementId: write.reach.throughMovementId,
			plannedAt: write.plannedAt,
			now,
		});
	}
	if (result.outcome === "accepted") return afterAccepted(listing, { until, now });
	const { error } = result;
	const known = maybeDone(error) ? afterUnknown(listing, until) : { ...listing, sent: null, acceptedAt: null };
	const blamed = error.connectionWide || error instanceof ClaimLostError ? known : afterFailure(known, error, now);
	// Apply may have found it clean meanwhile, by the figures it had; what is not settled stays dirty.
	return blamed.dirtySince === null ? settle(blamed, { now, since: null }) : blamed;
}

/** An answer that cannot be understood says nothing about what the channel did. */
const maybeDone = (error: ChannelError): boolean => error.outcomeUnknown || error instanceof UnexpectedShapeError;

function toAttempt(write: PlannedWrite, result: WriteResult, tookMs: number): Attempt {
	const base = {
		listingId: write.listing.id,
		operation: "listing.write",
		quantity: write.quantity,
		tookMs,
		correlationId: write.correlationId,
	};
	if (result.outcome === "landed") return { ...base, outcome: "landed" };
	if (result.outcome === "accepted") return { ...base, outcome: "accepted" };
	const { error } = result;
	return { ...base, error, outcome: maybeDone(error) ? "unknown" : error instanceof ClaimLostError ? "lost" : "failed" };
}
