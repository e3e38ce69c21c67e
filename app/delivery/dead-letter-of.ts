import type { ChannelError } from "#app/channels/errors.ts";
import type { NewDeadLetter } from "#dead-letters";
import type { ListingState } from "./listing-state.ts";
import type { Claim } from "./sql/keep-claims.ts";

/** A listing that was parked, with what a person needs to judge it. One row per listing and kind of trouble. */
export function deadLetterOf(
	claim: Claim,
	listing: ListingState,
	failed: { operation: string; error: ChannelError; quantity?: number; correlationId: string },
): NewDeadLetter {
	const { error } = failed;
	return {
		shopId: claim.shopId,
		direction: "out",
		connectionId: claim.connectionId,
		listingId: listing.id,
		operation: failed.operation,
		errorClass: error.errorClass,
		error: error.message,
		payload: {
			externalId: listing.externalId,
			desired: listing.desired,
			shown: listing.shown,
			unseen: listing.unseen,
			sent: failed.quantity ?? null,
			code: error.code ?? null,
			httpStatus: error.httpStatus ?? null,
			requestId: error.requestId ?? null,
		},
		attempts: listing.attempts,
		sourceKey: `listing:${listing.id}:${error.errorClass}`,
		correlationId: failed.correlationId,
	};
}
