import { z } from "zod";
import type { AppSettings } from "../channel.ts";
import { type ChannelError, ChannelUnavailableError, CredentialsRejectedError, UnexpectedShapeError } from "../errors.ts";
import { type ChannelRequest, describeCall, expectJson, faultOf, mask, send } from "../http.ts";

/**
 * Login with Amazon: the tokens that open the API for an hour (developer-docs.amazon.com/sp-api/docs/
 * connecting-to-the-selling-partner-api). The refresh token does not rotate. Nothing is cached here: who asks keeps it.
 */
export type Grant =
	/** A seller's calls. */
	| { kind: "refresh"; refreshToken: string }
	/** The consent page's code, once. */
	| { kind: "code"; code: string }
	/** Calls of the app itself, for no seller: destinations, and taking subscriptions away. */
	| { kind: "notifications" };

export type LwaToken = { accessToken: string; refreshToken: string | undefined; expiresAt: string };

export async function requestToken(app: AppSettings, grant: Grant): Promise<LwaToken> {
	const { lwaClientId = "", lwaClientSecret = "" } = app;
	if (lwaClientId === "" || lwaClientSecret === "") {
		throw new ChannelUnavailableError("The app's own Amazon credentials are not set on this server", { code: "app-not-set-up" });
	}
	const fields: Record<string, string> = { ...fieldsOf(grant), client_id: lwaClientId, client_secret: lwaClientSecret };
	const request: ChannelRequest = {
		operation: `lwa.${grant.kind}`,
		method: "POST",
		url: new URL(TOKEN_URL),
		host: "known",
		headers: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" },
		text: new URLSearchParams(fields).toString(),
		// Asking twice gives two tokens, both good; only the code of a consent is spent by its first use.
		changesThings: grant.kind === "code",
		secrets: [lwaClientSecret, ...(grant.kind === "refresh" ? [grant.refreshToken] : grant.kind === "code" ? [grant.code] : [])],
	};
	// Signing in is no call of the account, and takes nothing of its budget.
	const answer = await send({}, request);
	const fault = faultOf(request, answer);
	if (fault) throw fault;
	if (answer.status >= 400) throw refusal(request, answer.status, answer.json.ok ? answer.json.value : null, answer.requestId);
	const token = tokenSchema.safeParse(expectJson(request, answer));
	if (!token.success) throw new UnexpectedShapeError(`${describeCall(request)}: the answer holds no token`, { cause: token.error });
	return {
		accessToken: token.data.access_token,
		refreshToken: token.data.refresh_token,
		expiresAt: new Date(Date.now() + token.data.expires_in * 1000).toISOString(),
	};
}

const TOKEN_URL = "https://api.amazon.com/auth/o2/token";
const NOTIFICATIONS_SCOPE = "sellingpartnerapi::notifications";

function fieldsOf(grant: Grant): Record<string, string> {
	switch (grant.kind) {
		case "refresh":
			return { grant_type: "refresh_token", refresh_token: grant.refreshToken };
		case "code":
			return { grant_type: "authorization_code", code: grant.code };
		case "notifications":
			return { grant_type: "client_credentials", scope: NOTIFICATIONS_SCOPE };
	}
}

const tokenSchema = z.object({
	access_token: z.string().min(1).max(4096),
	refresh_token: z.string().min(1).max(4096).optional(),
	expires_in: z.int().positive().max(86_400),
});
const refusedSchema = z.object({ error: z.string().regex(/^[a-z_]{1,60}$/), error_description: z.string().optional() });

/**
 * 400 {"error":"invalid_grant","error_description":"The request has an invalid grant parameter : refresh_token"}: the seller took
 * the consent back, it ran out (365 days), or the code was used. Only the seller can help.
 * 401 {"error":"invalid_client","error_description":"Client authentication failed"}: our own secret was rotated or ran out (180
 * days). No seller can help: the work waits until the operator has set the new one.
 */
function refusal(request: ChannelRequest, status: number, body: unknown, requestId: string | undefined): ChannelError {
	const said = refusedSchema.safeParse(body);
	const code = said.success ? said.data.error : `http-${status}`;
	const text = said.success ? `${said.data.error_description ?? "refused"} [${code}]` : `Amazon's sign-in answers ${status}`;
	const message = mask(`${describeCall(request)}: ${text}`, request.secrets);
	const detail = { httpStatus: status, requestId, code };
	if (code === "invalid_grant") return new CredentialsRejectedError(message, detail);
	return new ChannelUnavailableError(message, detail);
}
