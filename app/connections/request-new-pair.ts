import { Session } from "@shopify/shopify-api";
import { z } from "zod";
import { ChannelError } from "#app/channels/errors.ts";
import { type ChannelAnswer, type ChannelRequest, faultOf, send } from "#app/channels/http.ts";
import type { Deps } from "./deps.ts";

/** A third of the lease under which this is called. */
const TIMEOUT_MS = 10_000;

export type NewPair =
	| { outcome: "granted"; session: Session & { accessToken: string } }
	/** Shopify understood and says no, or its answer cannot be used: asking again is pointless. */
	| { outcome: "refused"; reason: string; cause: unknown }
	/** Nobody knows, or Shopify is busy: the old pair stays, ask again later. */
	| { outcome: "failed"; error: ChannelError };

/** Trades a refresh token for a new pair (grant_type refresh_token at the shop's own token endpoint). */
export async function requestNewPair(env: Deps["env"], session: Session, refreshToken: string): Promise<NewPair> {
	const request: ChannelRequest = {
		operation: "token.refresh",
		method: "POST",
		// The shop's domain comes from Shopify's own signed session token, never from a person's typing.
		url: new URL(`https://${session.shop}/admin/oauth/access_token`),
		host: "known",
		body: {
			client_id: env.shopifyApiKey,
			client_secret: env.shopifyApiSecrets[0],
			grant_type: "refresh_token",
			refresh_token: refreshToken,
		},
		limits: { totalMs: TIMEOUT_MS },
		secrets: [refreshToken, env.shopifyApiSecrets[0]],
	};
	const askedAt = Date.now();
	let answer: ChannelAnswer;
	try {
		// Not from the account's budget: that counts the Admin API's points.
		answer = await send({}, request);
	} catch (error) {
		if (error instanceof ChannelError) return { outcome: "failed", error };
		throw error;
	}
	const fault = faultOf(request, answer);
	if (fault) return { outcome: "failed", error: fault };
	const json = answer.json.ok ? answer.json.value : undefined;
	if (answer.status !== 200) return { outcome: "refused", reason: REFUSED, cause: { httpStatus: answer.status, error: errorCodeOf(json) } };

	const parsed = answerSchema.safeParse(json);
	// Without an expiry the library would never refresh again (shopify-app-js issue 3400): such a pair is not taken.
	if (!parsed.success) return { outcome: "refused", reason: UNUSABLE, cause: z.prettifyError(parsed.error) };
	const { access_token, scope, expires_in, refresh_token, refresh_token_expires_in } = parsed.data;
	const granted = new Session({
		...session.toObject(),
		accessToken: access_token,
		scope,
		// From when we asked, not from when the answer came: never later than what Shopify counts.
		expires: new Date(askedAt + expires_in * 1000),
		refreshToken: refresh_token,
		refreshTokenExpires: new Date(askedAt + refresh_token_expires_in * 1000),
	});
	return { outcome: "granted", session: granted as Session & { accessToken: string } };
}

const REFUSED = "Shopify no longer accepts Lockstep's access to this shop. Open the app once in the Shopify admin to renew it.";
const UNUSABLE =
	"Shopify renewed Lockstep's access with an answer that has no expiry or no refresh token, which cannot be used. Open the app once in the Shopify admin.";

/** {"access_token":"shpat_…","scope":"read_products,…","expires_in":3600,"refresh_token":"shprt_…","refresh_token_expires_in":7776000} */
const answerSchema = z.object({
	access_token: z.string().min(1),
	scope: z.string(),
	expires_in: z.int().positive(),
	refresh_token: z.string().min(1),
	refresh_token_expires_in: z.int().positive(),
});

/** OAuth's error word ("invalid_grant"); nothing else of the body is kept, it may quote the token. */
const errorCodeOf = (json: unknown) => {
	const parsed = z.object({ error: z.string().max(100) }).safeParse(json);
	return parsed.success ? parsed.data.error : null;
};
