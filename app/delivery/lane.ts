import { ChannelError } from "#app/channels/errors.ts";
import { withCallGuard } from "#app/connections/budget.ts";
import type { DeliveryChannel, DeliveryClient, DeliveryDeps } from "./deps.ts";
import { type Claim, type KeptClaim, keepClaims } from "./sql/keep-claims.ts";

/** One worker's hold on some listings of one connection. */
export type Lane = {
	deps: DeliveryDeps;
	claim: Claim;
	channel: DeliveryChannel;
	client: DeliveryClient;
	/** Read and record, never write (R42). */
	watching: boolean;
	/** The one call that finds out whether a channel that was down is back. */
	probing: boolean;
};

/** Longer than the slowest request may take (60 s, channels/woocommerce/client.ts), since it is prolonged just before each. */
export const LEASE_MS = 90_000;

/** Thrown before a request leaves: another worker owns (some of) it now, or the merchant has paused the connection. */
export class ClaimLostError extends ChannelError {
	override readonly errorClass = "claim-lost";
	override readonly retryable = true;
	/** Requests of the same call had left before: of those nobody can say what happened. */
	override readonly outcomeUnknown: boolean;
	constructor(message: string, { requestsBefore }: { requestsBefore: number }) {
		super(message);
		this.outcomeUnknown = requestsBefore > 0;
	}
}

/**
 * Prolongs the claims as the last thing before each request of `work`, notes what it is about to send, and stops it if they
 * are not all ours any more.
 */
export function guarded<T>({ deps, claim }: Lane, claimed: readonly KeptClaim[], work: () => Promise<T>): Promise<T> {
	let requestsBefore = 0;
	return withCallGuard(async () => {
		const kept = await keepClaims(deps.pool, claim, { claimed, leaseMs: LEASE_MS });
		if (kept < claimed.length) throw new ClaimLostError(`Only ${kept} of ${claimed.length} claims are still ours`, { requestsBefore });
		requestsBefore++;
	}, work);
}
