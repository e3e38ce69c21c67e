import { setTimeout as sleep } from "node:timers/promises";
import { ChannelError, CredentialsRejectedError } from "#app/channels/errors.ts";
import { open } from "#app/crypto.server.ts";
import { channel } from "#channels";
import { appSettingsOf } from "../app-settings.ts";
import type { Deps } from "../deps.ts";
import { connectGranted, type GrantedOutcome } from "./connect-granted.ts";
import { consentAddress } from "./consent.ts";
import { grantContext } from "./one-click.ts";

export type Completion = { shopId: number; userId: string; nonce: string };

/**
 * The same user is back in the app with the nonce that the way back carried: the code is exchanged, the account tried, the
 * connection made or renewed. The nonce is used up by the first statement, whoever else holds it; killed after it only the consent
 * is lost, and the merchant agrees again. The page that calls this may be loaded twice: what came of it is said again.
 */
export async function completeConsent(deps: Deps & { publicUrl: string }, done: Completion): Promise<GrantedOutcome> {
	const { shopId } = done;
	const used = await takeRequest(deps, done);
	if (!used) return outcomeOfUsed(deps, done);
	let outcome: GrantedOutcome | undefined;
	try {
		outcome = await finish(deps, done, used);
		return outcome;
	} finally {
		// Nobody waits for what will not come.
		if (outcome === undefined || !("connectionId" in outcome))
			await deps.pool.query("UPDATE connect_request SET expires_at = now() WHERE shop_id = $1 AND nonce = $2", [shopId, used.state]);
	}
}

async function finish(deps: Deps & { publicUrl: string }, { shopId, userId }: Completion, used: Used): Promise<GrantedOutcome> {
	const kind = channel(used.channel);
	const answer = new URLSearchParams(open(deps.keyRing, grantContext(shopId, used.state), used.sealed));
	const app = appSettingsOf(deps, kind);
	if (!kind.authorization || app === null) return { outcome: "refused", reason: `${kind.name} is not available on this server.` };
	// OAuth's way to say no (RFC 6749 4.1.2.1).
	if (answer.has("error")) return { outcome: "refused", reason: `The access was not granted on ${kind.name}'s page. Nothing has changed.` };

	try {
		const { chosen } = used;
		const redirectUrl = consentAddress(deps.publicUrl);
		const { account, credentials } = await kind.authorization.finish({ app, chosen, answer, redirectUrl });
		const grant = { channel: kind.id, account, credentials, chosen, actor: userId, renews: used.connectionId };
		return await connectGranted(deps, shopId, grant, async (tx, connectionId) => {
			// For the page that is loaded again.
			await tx.query("UPDATE connect_request SET connection_id = $3 WHERE shop_id = $1 AND nonce = $2", [shopId, used.state, connectionId]);
		});
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		deps.log.warn({ err: error, shopId, channel: kind.id }, "consent.not_finished");
		const reason =
			error instanceof CredentialsRejectedError
				? `${kind.name} did not accept this consent: it may have been used, or waited for too long. Please start again.`
				: `${kind.name} did not answer as expected. Nothing is connected yet; please start again in a moment.`;
		return { outcome: "refused", reason };
	}
}

type Used = { state: string; channel: string; chosen: Record<string, string>; connectionId: number | null; sealed: string };

/** Takes the answer out and forgets it, in one statement. A connection that was to be renewed is remembered under its own name. */
async function takeRequest({ pool }: Deps, { shopId, userId, nonce }: Completion): Promise<Used | undefined> {
	const { rows } = await pool.query<Used>(
		`WITH granted AS (
		   SELECT shop_id, nonce, channel, chosen, connection_id, sealed FROM connect_request
		   WHERE shop_id = $1 AND ticket = $2 AND user_id = $3 AND state = 'granted' AND expires_at > now() FOR UPDATE
		 )
		 UPDATE connect_request r SET state = 'used', sealed = NULL, connection_id = NULL FROM granted g
		 WHERE r.shop_id = g.shop_id AND r.nonce = g.nonce
		 RETURNING g.nonce AS state, g.channel, g.chosen, g.connection_id AS "connectionId", g.sealed`,
		[shopId, nonce, userId],
	);
	return rows[0];
}

/** A page that is loaded again while the first is still at it waits for what comes of that. */
async function outcomeOfUsed({ pool }: Deps, { shopId, userId, nonce }: Completion): Promise<GrantedOutcome> {
	const until = Date.now() + FINISH_MAX_MS;
	for (;;) {
		const { rows } = await pool.query<{ made: number | null; live: number | null }>(
			`SELECT r.connection_id AS made, c.id AS live FROM connect_request r
			 LEFT JOIN connection c ON c.shop_id = r.shop_id AND c.id = r.connection_id AND c.state <> 'disconnected'
			 WHERE r.shop_id = $1 AND r.ticket = $2 AND r.user_id = $3 AND r.state = 'used' AND r.expires_at > now()`,
			[shopId, nonce, userId],
		);
		const [row] = rows;
		if (row && row.live !== null) return { outcome: "connected", connectionId: row.live };
		if (!row || row.made !== null || Date.now() > until)
			return { outcome: "refused", reason: "This was not agreed to on the channel's page, or its link has expired. Please start again." };
		await sleep(LOOK_AGAIN_MS);
	}
}
/** The channel is asked twice or three times meanwhile, each some hundred milliseconds. */
const FINISH_MAX_MS = 15_000;
const LOOK_AGAIN_MS = 200;
