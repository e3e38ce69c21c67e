import type { IncomingMessage, ServerResponse } from "node:http";
import { ACCESS_TOKEN_S } from "./grants.ts";
import { exchange, headerOf, type Reply, readBody, send } from "./http.ts";
import { type Realm, violation } from "./realm.ts";

/** Scopes of client_credentials (docs grantless-operations). */
const SCOPES = ["sellingpartnerapi::notifications", "sellingpartnerapi::client_credential:rotation"];
const OPERATION = "lwa token";

/**
 * `POST https://api.amazon.com/auth/o2/token`. The words of the refusals are those that callers have published
 * (amzn/selling-partner-api-models issues 921, 2997, 4112; jlevers/selling-partner-api issue 602).
 */
export async function serveLwa(realm: Realm, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
	if (url.pathname !== "/auth/o2/token") return send(realm, response, { status: 404, body: "" });
	if (request.method !== "POST") return send(realm, response, { status: 405, body: "" });
	const form = new URLSearchParams((await readBody(request))?.toString("utf8") ?? "");
	const isForm = /^application\/x-www-form-urlencoded/i.test(headerOf(request, "content-type"));
	const channel = realm.grants.ownerOf(form.get("refresh_token") ?? "")?.channel ?? realm.channel;
	await exchange(realm, response, {
		channel,
		operation: OPERATION,
		failed: ({ status }) =>
			status === 429
				? refused(429, "slow_down", "Request is throttled")
				: refused(status, status === 503 ? "service_unavailable" : "server_error", "The service is temporarily unavailable"),
		work: () => (isForm ? answer(realm, channel, form, headerOf(request, "authorization")) : refused(400, "invalid_request", NO_FORM)),
	});
}

function answer(realm: Realm, channel: string, form: URLSearchParams, authorization: string): Reply {
	const missing = (name: string) => refused(400, "invalid_request", `The request is missing a required parameter : ${name}`);
	const grant = form.get("grant_type");
	if (!grant) return missing("grant_type");
	const client = clientOf(form, authorization);
	if (!client.id) return missing("client_id");
	if (client.id !== realm.app.clientId || !secretIsGood(realm, client.secret)) {
		return refused(401, "invalid_client", "Client authentication failed");
	}
	switch (grant) {
		case "authorization_code": {
			const code = form.get("code");
			if (!code) return missing("code");
			const uri = form.get("redirect_uri");
			if (uri !== null && !realm.app.redirectUris.includes(uri)) return invalidGrant("redirect_uri");
			const made = realm.grants.redeemCode(code);
			return made ? granted(realm.grants.accessFor(made), made.refreshToken) : invalidGrant("code");
		}
		case "refresh_token": {
			const token = form.get("refresh_token");
			if (!token) return missing("refresh_token");
			const made = realm.grants.refresh(token);
			return made
				? granted(realm.grants.accessFor(made), made.refreshToken)
				: invalidGrant("refresh_token. User may have revoked or didn't grant the permission.");
		}
		case "client_credentials": {
			const scope = form.get("scope");
			if (!scope) return missing("scope");
			if (!SCOPES.includes(scope)) {
				violation(realm, channel, "unknown scope", scope);
				return refused(400, "invalid_scope", "The request has an invalid parameter : scope");
			}
			return success({ access_token: realm.grants.accessFor({ scope }), scope, token_type: "bearer", expires_in: ACCESS_TOKEN_S });
		}
		default:
			return refused(400, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server");
	}
}

function clientOf(form: URLSearchParams, authorization: string) {
	const basic = /^Basic\s+(.+)$/i.exec(authorization)?.[1];
	if (!basic) return { id: form.get("client_id") ?? "", secret: form.get("client_secret") ?? "" };
	const [id = "", secret = ""] = Buffer.from(basic, "base64").toString().split(/:(.*)/s);
	return { id, secret };
}

const secretIsGood = ({ app, world }: Realm, secret: string) =>
	app.secrets.some((known) => known.value === secret && (known.until === null || world.clock.now() < known.until));

const granted = (accessToken: string, refreshToken: string) =>
	success({ access_token: accessToken, refresh_token: refreshToken, token_type: "bearer", expires_in: ACCESS_TOKEN_S });

const HEADERS = {
	"content-type": "application/json;charset=UTF-8",
	"cache-control": "no-cache, no-store, must-revalidate",
	pragma: "no-cache",
};
const success = (body: object): Reply => ({ status: 200, headers: HEADERS, body: JSON.stringify(body) });
const invalidGrant = (what: string) => refused(400, "invalid_grant", `The request has an invalid grant parameter : ${what}`);
const refused = (status: number, error: string, description: string): Reply => ({
	status,
	headers: HEADERS,
	body: JSON.stringify({ error_description: description, error }),
});
const NO_FORM = "The request must be of the media type application/x-www-form-urlencoded";
