import type { Session } from "@shopify/shopify-api";
import { CredentialsRejectedError } from "#app/channels/errors.ts";
import type { Deps } from "./deps.ts";
import { setHomeHealth } from "./health.ts";
import { leaseOr, onceInProcess, releaseLease, saveUnderLease, sessionLease } from "./refresh-lease.ts";
import { requestNewPair } from "./request-new-pair.ts";
import { openSession } from "./sealed-session.ts";
import type { StoredSession } from "./session-storage.ts";

type TokenDeps = Pick<Deps, "pool" | "keyRing" | "env" | "log">;

/** Tokens live an hour (`expires_in` 3600). Refreshed with this much left, so that no request under way meets the end. */
const REFRESH_BELOW_MS = 10 * 60_000;
/** With this much left a token still serves a request while another process refreshes it (our requests take at most 30 s). */
const STILL_GOOD_MS = 30_000;
export const offlineSessionId = (shopDomain: string) => `offline_${shopDomain}`;

/**
 * An access token that is good for the next minutes. One refresh per shop at a time, over all processes: the refresh token
 * rotates at each use, and two that refresh at once would each hold half of a pair. `refused`: a token that Shopify has just
 * answered 401 to; it is renewed whatever its age, and never given again.
 *
 * A crash between Shopify's answer and our save loses only that answer: an old refresh token works until its replacement has
 * been used, and the lease ends by itself.
 *
 * Throws CredentialsRejectedError (the connection is red, with the sentence that the merchant reads) when no token can be had
 * without the merchant, and ChannelUnavailableError when Shopify does not answer and the old token is spent.
 */
export async function accessTokenFor(deps: TokenDeps, shopDomain: string, refused?: string): Promise<string> {
	const session = await loadOfflineSession(deps, shopDomain);
	if (isFresh(session, refused)) return session.accessToken;
	return onceInProcess(deps.pool, `${shopDomain} ${refused ?? ""}`, () => refreshed(deps, shopDomain, refused));
}

/** For a shop that did nothing for long: its refresh token lives 90 days and would end unnoticed. Safe to run twice. */
export async function refreshAgingTokens(deps: TokenDeps): Promise<{ refreshed: number; failed: number }> {
	const { rows } = await deps.pool.query<{ shop: string }>(
		`SELECT shop_domain AS shop FROM session
		 WHERE NOT is_online AND refresh_expires_at < now() + $1 * interval '1 millisecond' ORDER BY refresh_expires_at LIMIT 1000`,
		[AGING_BELOW_MS],
	);
	const outcomes = { refreshed: 0, failed: 0 };
	for (const { shop } of rows) {
		await accessTokenFor(deps, shop).then(
			() => outcomes.refreshed++,
			(error: unknown) => {
				outcomes.failed++;
				deps.log.warn({ err: error, shopDomain: shop }, "token.refresh_failed");
			},
		);
	}
	return outcomes;
}
/** Two weeks before the end: a run of failures still leaves time for the merchant to open the app. */
const AGING_BELOW_MS = 14 * 24 * 3_600_000;

async function refreshed(deps: TokenDeps, shopDomain: string, refused: string | undefined): Promise<string> {
	const turn = await leaseOr(deps.pool, sessionLease(offlineSessionId(shopDomain)), async () => {
		const session = await loadOfflineSession(deps, shopDomain);
		if (session === undefined) return refuse(deps, shopDomain, MUST_OPEN_APP);
		return isStillGood(session, refused) ? session.accessToken : null;
	});
	return "lease" in turn ? refreshUnderLease(deps, shopDomain, { lease: turn.lease, refused }) : turn.value;
}

async function refreshUnderLease(
	deps: TokenDeps,
	shopDomain: string,
	{ lease, refused }: { lease: string; refused: string | undefined },
): Promise<string> {
	const id = offlineSessionId(shopDomain);
	const release = (pauseMs = 0) => releaseLease(deps.pool, sessionLease(id), lease, pauseMs);
	// Read again: whoever held the lease before may have brought the new pair.
	const session = await loadOfflineSession(deps, shopDomain);
	if (isFresh(session, refused)) {
		await release();
		return session.accessToken;
	}
	if (session?.refreshToken === undefined || (session.refreshTokenExpires?.getTime() ?? 0) <= Date.now()) {
		await release();
		return warnOrRefuse(
			deps,
			{ session, shopDomain, refused },
			session?.refreshToken === undefined ? MUST_OPEN_APP : REFRESH_TOKEN_EXPIRED,
		);
	}

	const answer = await requestNewPair(deps.env, session, session.refreshToken);
	switch (answer.outcome) {
		case "granted": {
			const saved = await saveUnderLease(deps, { id, lease, session: answer.session });
			deps.log.info({ shopDomain, saved }, "token.refreshed");
			// Not saved: a newer pair came meanwhile (the merchant opened the app), or the shop uninstalled.
			if (saved) return answer.session.accessToken;
			const present = await loadOfflineSession(deps, shopDomain);
			return present?.accessToken ?? refuse(deps, shopDomain, MUST_OPEN_APP);
		}
		case "refused":
			await release();
			return warnOrRefuse(deps, { session, shopDomain, refused }, answer.reason, answer.cause);
		case "failed":
			// The lease is left to end by itself soon: until then nobody asks again, and a token that is still good serves.
			await release(PAUSE_AFTER_FAILURE_MS);
			if (isStillGood(session, refused)) return session.accessToken;
			throw answer.error;
	}
}
/** Between two tries at a Shopify that does not answer. */
const PAUSE_AFTER_FAILURE_MS = 2_000;

const MUST_OPEN_APP = "Shopify has no valid access for Lockstep any more. Open the app once in the Shopify admin to renew it.";
const REFRESH_TOKEN_EXPIRED =
	"The access to this shop ran out because it was not used for 90 days. Open the app once in the Shopify admin to renew it.";

type Renewal = { session: Session | undefined; shopDomain: string; refused: string | undefined };

/** No new pair will come without the merchant: said at once, although the present token may still serve for minutes (R31). */
async function warnOrRefuse(deps: TokenDeps, { session, shopDomain, refused }: Renewal, reason: string, cause?: unknown): Promise<string> {
	if (!isStillGood(session, refused)) return refuse(deps, shopDomain, reason, cause);
	await setHomeHealth(deps.pool, shopDomain, { health: "degraded", reason });
	return session.accessToken;
}

const isFresh = (session: Session | undefined, refused?: string) => lasts(session, REFRESH_BELOW_MS, refused);
const isStillGood = (session: Session | undefined, refused?: string) => lasts(session, STILL_GOOD_MS, refused);

function lasts(session: Session | undefined, ms: number, refused: string | undefined): session is Session & { accessToken: string } {
	return session?.accessToken !== undefined && session.accessToken !== refused && msLeft(session) > ms;
}

async function refuse(deps: TokenDeps, shopDomain: string, reason: string, cause?: unknown): Promise<never> {
	await setHomeHealth(deps.pool, shopDomain, { health: "red", reason });
	throw new CredentialsRejectedError(reason, { cause });
}

/** A session without an expiry is not one of ours to use: public apps must have expiring tokens. It counts as spent. */
const msLeft = (session: Session) => (session.expires?.getTime() ?? 0) - Date.now();

async function loadOfflineSession({ pool, keyRing }: TokenDeps, shopDomain: string): Promise<Session | undefined> {
	const { rows } = await pool.query<StoredSession>(`SELECT id, shop_domain AS shop, sealed FROM session WHERE id = $1`, [
		offlineSessionId(shopDomain),
	]);
	return rows[0] && openSession(keyRing, rows[0]);
}
