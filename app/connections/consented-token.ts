import { ChannelError, ChannelUnavailableError, CredentialsRejectedError } from "#app/channels/errors.ts";
import type { Channel } from "#channels";
import { appSettingsOf } from "./app-settings.ts";
import { consentEndsAt } from "./consent-ends.ts";
import { openCredentials, sealCredentials } from "./credentials.ts";
import type { Deps } from "./deps.ts";
import { setHealth } from "./health.ts";
import { connectionLease, LEASE_MS, leaseOr, onceInProcess, releaseLease } from "./refresh-lease.ts";
import { discardAccess, keepLease, loadAccess, noteTrouble, type Place, type SavedAccess, saveAccess } from "./sql/access.ts";

type TokenDeps = Pick<Deps, "pool" | "keyRing" | "env" | "log">;
type Stored = SavedAccess & { channel: Channel };

/** Refreshed with this much left, so that no request under way meets the end (tokens of the channels that we know live an hour). */
const REFRESH_BELOW_MS = 5 * 60_000;
/** With this much left a token still serves a request while another process refreshes it. */
const STILL_GOOD_MS = 30_000;
/** Between two tries at a channel that does not answer, and at one that has refused: a person has to do something first. */
const AGAIN_AFTER_FAILURE_MS = 2_000;
const AGAIN_AFTER_REFUSAL_MS = 60_000;

/**
 * An access token of a connection whose owner has agreed on the channel's own page. One refresh per connection at a time, over
 * all processes. `refused`: a token that the channel has just refused; it is taken out of the database before anything else, so
 * nobody is given it again.
 *
 * A refresh token that the channel has rotated is saved in one statement with the token that came with it, and that statement is
 * repeated while the database is away. Killed between the channel's answer and it, the answer is lost: a channel that never
 * rotates, or accepts the old one until its successor was used (RFC 9700 4.14.2 leaves it the choice), is asked again with the
 * old one; with a channel that spends it at once nobody could know the new one, and the owner has to agree again.
 *
 * Throws CredentialsRejectedError (the connection is red with that sentence) where only a person can help, ChannelUnavailableError
 * where the channel does not answer and the old token is spent.
 */
export async function consentedAccess(deps: TokenDeps, place: Place, refused?: string): Promise<string> {
	const stored = await loadAccess(deps, place);
	if (isFresh(stored, refused)) return stored.token;
	if (refused !== undefined && stored.token === refused) await discardAccess(deps.pool, place, stored);
	if (stored.againMs > 0) return servedOr(stored, refused, () => troubleOf(stored));
	const key = `access ${place.shopId} ${place.connectionId} ${refused ?? ""}`;
	return onceInProcess(deps.pool, key, async () => {
		const turn = await leaseOr(deps.pool, connectionLease(place.shopId, place.connectionId), async () => {
			const now = await loadAccess(deps, place);
			if (isStillGood(now, refused)) return now.token;
			if (now.againMs > 0) throw troubleOf(now);
			return null;
		});
		return "lease" in turn ? refreshUnderLease(deps, place, { lease: turn.lease, refused }) : turn.value;
	});
}

async function refreshUnderLease(deps: TokenDeps, place: Place, held: { lease: string; refused: string | undefined }): Promise<string> {
	const lease = connectionLease(place.shopId, place.connectionId);
	// Read again: whoever held the lease before may have brought a new one.
	const stored = await loadAccess(deps, place);
	if (isFresh(stored, held.refused) || stored.againMs > 0) {
		await releaseLease(deps.pool, lease, held.lease);
		return servedOr(stored, held.refused, () => troubleOf(stored));
	}
	// Longer than any limit of the adapter's own: a holder that is alive never loses it.
	const alive = setInterval(() => {
		keepLease(deps.pool, place, held.lease, LEASE_MS).catch((error: unknown) =>
			deps.log.warn({ err: error, ...place }, "token.lease_not_kept"),
		);
	}, LEASE_MS / 3);
	try {
		const given = await askForToken(deps, stored);
		// The one that it has just refused: what came with it is kept, but nobody is given that token.
		const answer = given.accessToken === held.refused ? { ...given, expiresAt: new Date(0).toISOString() } : given;
		const outcome = await saveAccess(deps, place, { lease: held.lease, was: stored, answer });
		deps.log.info({ ...place, channel: stored.channel.id, rotated: answer.credentials !== undefined, outcome }, "token.refreshed");
		if (outcome === "saved" && answer === given) return answer.accessToken;
		// Not saved: the owner agreed again meanwhile, or the connection was closed.
		const why =
			answer === given ? "The access was renewed meanwhile" : `${stored.channel.name} gives the token again that it has just refused`;
		return servedOr(await loadAccess(deps, place), held.refused, () => new ChannelUnavailableError(why));
	} catch (error) {
		if (error instanceof CredentialsRejectedError || isAboutTheApp(error)) return refusedForGood(deps, place, { stored, error, ...held });
		if (!(error instanceof ChannelError)) {
			await releaseLease(deps.pool, lease, held.lease).catch(() => {});
			throw error;
		}
		await noteTrouble(deps.pool, place, { lease: held.lease, problem: null, againMs: AGAIN_AFTER_FAILURE_MS });
		return servedOr(stored, held.refused, () => error);
	} finally {
		clearInterval(alive);
	}
}

async function askForToken(deps: TokenDeps, { channel, sealed, place }: Stored) {
	const app = appSettingsOf(deps, channel);
	if (!channel.authorization || app === null) throw new ChannelUnavailableError(`${channel.name} is not set up on this server any more`);
	const kept = openCredentials(deps.keyRing, place, sealed);
	const answer = await channel.authorization.refresh({ app, credentials: kept });
	// What is ours among the credentials stays, whatever the channel replaces.
	return {
		accessToken: answer.accessToken,
		expiresAt: answer.expiresAt,
		credentials: answer.credentials && sealCredentials(deps.keyRing, place, { ...kept, ...answer.credentials }),
	};
}

type Refusal = { stored: Stored; error: ChannelError; lease: string; refused: string | undefined };

/** No token will come without a person: said at once, although the present one may still serve for minutes (R31). */
async function refusedForGood(deps: TokenDeps, place: Place, { stored, error, lease, refused }: Refusal): Promise<string> {
	const now = await loadAccess(deps, place);
	if (now.sealed !== stored.sealed && isStillGood(now, refused)) return now.token;
	const problem = sentenceOf(stored, error);
	const noted = await noteTrouble(deps.pool, place, { lease, problem, againMs: AGAIN_AFTER_REFUSAL_MS });
	deps.log.warn({ err: error, ...place, channel: stored.channel.id }, "token.refused");
	const good = isStillGood(now, refused);
	if (noted) await setHealth(deps.pool, place.shopId, place.connectionId, { health: good ? "degraded" : "red", reason: problem });
	if (good) return now.token;
	throw troubleOf({ ...stored, problem, againMs: AGAIN_AFTER_REFUSAL_MS }, error);
}

/** OAuth's own words (RFC 6749 5.2) for "I do not know this app": no merchant can mend it, and no consent is lost by it. */
const isAboutTheApp = (error: unknown): error is ChannelError =>
	error instanceof ChannelError && (error.code === "invalid_client" || error.code === "unauthorized_client");
const operatorsTrouble = ({ name }: Channel): string =>
	`${name} does not accept this server's own registration; its secret may have expired. Whoever runs Lockstep has to renew it.`;

/** What stands as a connection's access problem, when no merchant can mend it. */
export const isOperatorsTrouble = (channel: Channel, problem: string): boolean => problem === operatorsTrouble(channel);

function sentenceOf({ channel, consentedAt }: Stored, error: ChannelError): string {
	const { name, authorization } = channel;
	if (isAboutTheApp(error)) return operatorsTrouble(channel);
	const endsAt = consentEndsAt(channel, consentedAt);
	if (endsAt !== null && endsAt.getTime() <= Date.now()) {
		return `${name} asks the account's owner to agree again every ${authorization?.renewAfterDays} days, and that time is over. Renew the connection.`;
	}
	return `${name} no longer accepts Lockstep's access to this account. Renew the connection to agree again.`;
}

function troubleOf({ problem, channel, againMs }: Stored, cause?: ChannelError): ChannelError {
	if (problem === null) return new ChannelUnavailableError(`${channel.name} gave no access token just now`, { retryAfterMs: againMs });
	const detail = { cause, httpStatus: cause?.httpStatus };
	if (problem === operatorsTrouble(channel)) return new ChannelUnavailableError(problem, { ...detail, code: "invalid_client" });
	return new CredentialsRejectedError(problem, { ...detail, code: cause?.code });
}

function servedOr(stored: Stored, refused: string | undefined, otherwise: () => ChannelError): string {
	if (isStillGood(stored, refused)) return stored.token;
	throw otherwise();
}

type WithToken = Stored & { token: string };
const isFresh = (stored: Stored, refused?: string): stored is WithToken => lasts(stored, REFRESH_BELOW_MS, refused);
const isStillGood = (stored: Stored, refused?: string): stored is WithToken => lasts(stored, STILL_GOOD_MS, refused);
const lasts = ({ token, expiresInMs }: Stored, ms: number, refused: string | undefined): boolean =>
	token !== null && token !== refused && expiresInMs > ms;
