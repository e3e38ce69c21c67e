import { randomBytes } from "node:crypto";
import { open, seal } from "#app/crypto.server.ts";
import { channel } from "#channels";
import { adminUrl } from "../admin-url.ts";
import { appSettingsOf } from "../app-settings.ts";
import { readConnection } from "../connection-row.ts";
import type { Deps } from "../deps.ts";
import { grantContext } from "./one-click.ts";

/** The merchant signs in at the channel, reads its page and decides; after this the link is dead. */
const LIFETIME_MINUTES = 30;
/** Codes and ids of a few hundred characters each; browsers and proxies cut addresses at about this. */
const ANSWER_CHARS_MAX = 8_000;

/** The one address to which every channel's consent page returns; operators register it there. */
export const CONSENT_PATH = "/connect/callback";
export const consentAddress = (publicUrl: string): string => new URL(CONSENT_PATH, publicUrl).href;

export type ConsentStart =
	/** To be opened at `_top`: no channel lets its consent page be framed. */
	{ outcome: "started"; url: string } | { outcome: "refused"; reason: string };

/**
 * Begins a consent: a single-use nonce, bound to this shop, this user and what is to become of it, goes to the channel's page as
 * its `state`. `connectionId`: the connection whose access is to be renewed. `returnPath`: the app's page that calls
 * completeConsent with the `nonce` that stands in its address.
 */
export async function beginConsent(
	deps: Deps & { publicUrl: string },
	input: {
		shopId: number;
		userId: string;
		channelId: string;
		chosen?: Readonly<Record<string, string>>;
		connectionId?: number;
		returnPath: string;
	},
): Promise<ConsentStart> {
	const kind = channel(input.channelId);
	const app = appSettingsOf(deps, kind);
	if (!kind.authorization) return { outcome: "refused", reason: `${kind.name} is not connected by a page of its own.` };
	if (app === null) return { outcome: "refused", reason: `${kind.name} is not available on this server.` };
	const renewed = input.connectionId === undefined ? null : await readConnection(deps.pool, input.shopId, input.connectionId);
	if (input.connectionId !== undefined && (renewed?.channel !== kind.id || renewed.state === "disconnected"))
		return { outcome: "refused", reason: "This connection does not exist any more." };
	const chosen = choicesOf(kind.authorization.choices, { ...renewed?.settings.chosen, ...input.chosen });
	if (typeof chosen === "string") return { outcome: "refused", reason: chosen };

	const nonce = newNonce();
	await deps.pool.query(
		`INSERT INTO connect_request (shop_id, nonce, user_id, channel, account, chosen, return_path, connection_id, expires_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9 * interval '1 minute')`,
		[
			input.shopId,
			nonce,
			input.userId,
			kind.id,
			renewed?.account ?? "",
			JSON.stringify(chosen),
			pathWithin(input.returnPath),
			renewed?.id ?? null,
			LIFETIME_MINUTES,
		],
	);
	const url = kind.authorization.consentUrl({ app, chosen, state: nonce, redirectUrl: consentAddress(deps.publicUrl) });
	return { outcome: "started", url };
}

/** 256 bits: nobody finds one by trying. */
const newNonce = () => randomBytes(32).toString("base64url");

/** Only what the channel offers, and all of it; else the sentence that says what is missing. */
function choicesOf(
	choices: readonly { key: string; label: string; options: readonly { value: string }[] }[],
	given: Readonly<Record<string, string>>,
): Record<string, string> | string {
	const chosen: Record<string, string> = {};
	for (const { key, label, options } of choices) {
		const value = given[key];
		if (value === undefined || !options.some((option) => option.value === value)) return `Please choose: ${label}.`;
		chosen[key] = value;
	}
	return chosen;
}

/** A page of the app's own, whatever a caller says. */
function pathWithin(path: string): string {
	const { origin, pathname, search } = new URL(path, "https://app.invalid");
	return origin === "https://app.invalid" && /^\/app(\/|$)/.test(pathname) ? `${pathname}${search}` : "/app";
}

export type AnswerOutcome = { outcome: "kept"; url: string } | { outcome: "refused"; reason: string };

/**
 * What the channel's page sent the merchant's browser back with: sealed until the user is back in the app. The way on, into the
 * shop's admin, carries a nonce that nobody had before: whoever lured somebody else into agreeing under a link of his own
 * knows the link's nonce, but not this one, and cannot finish with the other's account.
 *
 * The same answer again (a page loaded twice) is led on again, by a nonce that replaces the last; another answer is refused.
 */
export async function receiveConsent(deps: Deps, query: URLSearchParams): Promise<AnswerOutcome> {
	const state = query.get("state") ?? "";
	const answer = query.toString();
	if (state === "" || answer.length > ANSWER_CHARS_MAX) return { outcome: "refused", reason: "not an answer" };
	const found = await deps.pool.query<{ shopId: number; domain: string; returnPath: string; sealed: string | null }>(
		`SELECT r.shop_id AS "shopId", s.domain, r.return_path AS "returnPath", r.sealed
		 FROM connect_request r JOIN shop s ON s.id = r.shop_id
		 WHERE r.nonce = $1 AND r.state IN ('asked', 'granted') AND r.expires_at > now()`,
		[state],
	);
	const request = found.rows[0];
	if (!request) return { outcome: "refused", reason: "unknown, used or too late" };
	const context = grantContext(request.shopId, state);
	if (request.sealed !== null && !isSame(open(deps.keyRing, context, request.sealed), answer))
		return { outcome: "refused", reason: "another answer is there already" };
	const ticket = newNonce();
	const kept = await deps.pool.query(
		`UPDATE connect_request SET state = 'granted', sealed = $3, ticket = $4
		 WHERE shop_id = $1 AND nonce = $2 AND state IN ('asked', 'granted') AND expires_at > now() AND sealed IS NOT DISTINCT FROM $5`,
		[request.shopId, state, request.sealed ?? seal(deps.keyRing, context, answer), ticket, request.sealed],
	);
	if (kept.rowCount !== 1) return { outcome: "refused", reason: "another answer came at the same moment" };
	const back = adminUrl(deps.env, { shopDomain: request.domain, returnPath: request.returnPath });
	back.searchParams.set("nonce", ticket);
	return { outcome: "kept", url: back.href };
}

const isSame = (one: string, other: string) => {
	const sorted = (text: string) => [...new URLSearchParams(text)].map((pair) => JSON.stringify(pair)).sort();
	return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
};
