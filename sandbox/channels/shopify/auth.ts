import { createHmac, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../clock.ts";

/**
 * Session tokens and access tokens. Offline tokens expire after an hour and come with a refresh token that is replaced at
 * every use; the one before stays usable until its replacement is used, at most 30 days after its own first use (Shopify's
 * changelog of 28 August 2026). An uninstall ends all of a shop's tokens at once.
 */
export const SESSION_TOKEN_SECONDS = 60;
const ACCESS_TOKEN_SECONDS = 3_600;
const ONLINE_TOKEN_SECONDS = 86_399;
const REFRESH_TOKEN_SECONDS = 90 * 86_400;
const RETIRED_REFRESH_SECONDS = 30 * 86_400;
/** Shopify's library tolerates this much between two clocks; so does Shopify. */
const CLOCK_TOLERANCE_SECONDS = 10;

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
const OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token";
const ONLINE = "urn:shopify:params:oauth:token-type:online-access-token";

export type AccessToken = {
	token: string;
	domain: string;
	scopes: readonly string[];
	expiresAt: number | null;
	userId: number | null;
	bulk: boolean;
};
type RefreshToken = {
	token: string;
	domain: string;
	expiresAt: number;
	firstUsedAt: number | null;
	parent: RefreshToken | null;
	retired: boolean;
};
type TokenAnswer = { status: number; body: Record<string, unknown> };

export type Auth = ReturnType<typeof createAuth>;

export function createAuth(given: {
	clock: Clock;
	clientId: string;
	clientSecret: () => string;
	scopesOf: (domain: string) => readonly string[] | null;
}) {
	const { clock, clientId } = given;
	const access = new Map<string, AccessToken>();
	const refresh = new Map<string, RefreshToken>();
	const now = () => Math.floor(clock.now());

	const issue = (
		domain: string,
		{ parent = null, expiring = true }: { parent?: RefreshToken | null; expiring?: boolean } = {},
	): TokenAnswer => {
		const scopes = given.scopesOf(domain);
		if (scopes === null) return refused(400, "invalid_request", "The app is not installed on this shop.");
		const token = `shpat_${randomBytes(16).toString("hex")}`;
		access.set(token, {
			token,
			domain,
			scopes,
			expiresAt: expiring ? now() + ACCESS_TOKEN_SECONDS * 1000 : null,
			userId: null,
			bulk: true,
		});
		const scope = scopes.join(",");
		if (!expiring) return { status: 200, body: { access_token: token, scope } };
		const next: RefreshToken = {
			token: `shprt_${randomBytes(16).toString("hex")}`,
			domain,
			expiresAt: now() + REFRESH_TOKEN_SECONDS * 1000,
			firstUsedAt: null,
			parent,
			retired: false,
		};
		refresh.set(next.token, next);
		const body = {
			access_token: token,
			scope,
			expires_in: ACCESS_TOKEN_SECONDS,
			refresh_token: next.token,
			refresh_token_expires_in: REFRESH_TOKEN_SECONDS,
		};
		return { status: 200, body };
	};

	const issueOnline = (domain: string, userId: number): TokenAnswer => {
		const scopes = given.scopesOf(domain);
		if (scopes === null) return refused(400, "invalid_request", "The app is not installed on this shop.");
		const token = `shpat_${randomBytes(16).toString("hex")}`;
		access.set(token, { token, domain, scopes, expiresAt: now() + ONLINE_TOKEN_SECONDS * 1000, userId, bulk: false });
		const person = {
			id: userId,
			first_name: "Sam",
			last_name: "Merchant",
			email: `sam@${domain}`,
			account_owner: true,
			locale: "en",
			collaborator: false,
			email_verified: true,
		};
		const scope = scopes.join(",");
		return {
			status: 200,
			body: { access_token: token, scope, expires_in: ONLINE_TOKEN_SECONDS, associated_user_scope: scope, associated_user: person },
		};
	};

	const refreshGrant = (domain: string, token: string): TokenAnswer => {
		const known = refresh.get(token);
		const dead = refused(400, "invalid_grant", "The refresh token is invalid, expired or revoked.");
		if (!known || known.domain !== domain || known.retired || known.expiresAt <= now()) return dead;
		if (known.firstUsedAt !== null && now() - known.firstUsedAt > RETIRED_REFRESH_SECONDS * 1000) return dead;
		known.firstUsedAt ??= now();
		// Using the replacement is the proof that it was stored: only now its predecessor dies.
		if (known.parent) known.parent.retired = true;
		return issue(domain, { parent: known });
	};

	const exchange = (domain: string, body: Record<string, string>): TokenAnswer => {
		const fromOldToken = body.subject_token_type === OFFLINE;
		if (fromOldToken) {
			const old = access.get(body.subject_token ?? "");
			if (!old || old.domain !== domain || old.expiresAt !== null)
				return refused(400, "invalid_subject_token", "The subject token is not a live non-expiring token.");
			access.delete(old.token);
			return issue(domain);
		}
		if (body.subject_token_type !== ID_TOKEN) return refused(400, "invalid_request", "Unknown subject_token_type.");
		const claims = verifySessionToken(body.subject_token ?? "", { clientId, secret: given.clientSecret(), now: Date.now() });
		if (!claims || claims.dest !== `https://${domain}`)
			return refused(400, "invalid_subject_token", "The session token is invalid or has expired.");
		if (body.requested_token_type === ONLINE) return issueOnline(domain, Number(claims.sub));
		if (body.requested_token_type !== OFFLINE) return refused(400, "invalid_request", "Unknown requested_token_type.");
		return issue(domain, { expiring: body.expiring === "1" || body.expiring === "true" });
	};

	return {
		/** `POST /admin/oauth/access_token` */
		answer(domain: string, body: Record<string, string>): TokenAnswer {
			if (body.client_id !== clientId) return refused(400, "invalid_client", "Unknown client_id.");
			if (!same(body.client_secret ?? "", given.clientSecret()))
				return refused(400, "invalid_client", "The client secret does not belong to this client_id.");
			if (body.grant_type === TOKEN_EXCHANGE) return exchange(domain, body);
			if (body.grant_type === "refresh_token") return refreshGrant(domain, body.refresh_token ?? "");
			return refused(400, "unsupported_grant_type", "Only token exchange and refresh_token are known here.");
		},
		/** null: unknown, expired, of another shop, or dead since the uninstall. */
		check(domain: string, token: string): AccessToken | null {
			const known = access.get(token);
			return known && known.domain === domain && (known.expiresAt === null || known.expiresAt > now()) ? known : null;
		},
		/** What an uninstall does. */
		revoke(domain: string): void {
			for (const [token, entry] of access) if (entry.domain === domain) access.delete(token);
			for (const [token, entry] of refresh) if (entry.domain === domain) refresh.delete(token);
		},
		/** Ends the access tokens alone, as if their hour were over. */
		expireAccess(domain: string): void {
			for (const entry of access.values()) if (entry.domain === domain) entry.expiresAt = now();
		},
		mintSessionToken({
			shop,
			userId,
			seconds = SESSION_TOKEN_SECONDS,
		}: {
			shop: string;
			userId: number | string;
			seconds?: number;
		}): string {
			// By the wall clock, not the sandbox's: the app that verifies it lives in real time, however fast the sandbox runs.
			const issuedAt = Math.floor(Date.now() / 1000);
			const claims = {
				iss: `https://${shop}/admin`,
				dest: `https://${shop}`,
				aud: clientId,
				sub: String(userId),
				exp: issuedAt + seconds,
				nbf: issuedAt,
				iat: issuedAt,
				jti: randomUUID(),
				sid: randomUUID(),
			};
			const head = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
			return `${head}.${sign(head, given.clientSecret())}`;
		},
		/** Adds `timestamp` and `hmac` to the parameters of a link into the app, as the admin does. */
		signParams(params: Record<string, string>): URLSearchParams {
			const all: Record<string, string> = { ...params, timestamp: String(Math.floor(Date.now() / 1000)) };
			const message = Object.keys(all)
				.sort()
				.map((key) => `${key}=${all[key]}`)
				.join("&");
			return new URLSearchParams({ ...all, hmac: createHmac("sha256", given.clientSecret()).update(message).digest("hex") });
		},
	};
}

const refused = (status: number, error: string, description: string): TokenAnswer => ({
	status,
	body: { error, error_description: description },
});
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const sign = (text: string, secret: string) => createHmac("sha256", secret).update(text).digest("base64url");
const same = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

type Claims = { dest: string; aud: string; sub: string; exp: number; nbf: number };

function verifySessionToken(token: string, { clientId, secret, now }: { clientId: string; secret: string; now: number }): Claims | null {
	const [head = "", body = "", signature = ""] = token.split(".");
	if (!same(signature, sign(`${head}.${body}`, secret))) return null;
	const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Claims;
	const seconds = now / 1000;
	const alive = claims.exp > seconds - CLOCK_TOLERANCE_SECONDS && claims.nbf <= seconds + CLOCK_TOLERANCE_SECONDS;
	return alive && claims.aud === clientId ? claims : null;
}
