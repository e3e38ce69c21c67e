import {
	type ChannelError,
	ChannelUnavailableError,
	ConflictError,
	CredentialsRejectedError,
	ListingNotFoundError,
	RateLimitedError,
	RequestRejectedError,
} from "../errors.ts";
import { type ChannelAnswer, type ChannelRequest, describeCall, faultOf, mask } from "../http.ts";

/**
 * Their error -> ours: the one table. Amazon's own words are `{"errors":[{"code","message","details"}]}`; what comes without them
 * was said by something before the API, so the connection is in trouble and not this listing.
 */
export function errorOf(request: ChannelRequest, answer: ChannelAnswer): ChannelError | null {
	if (answer.status < 300) return null;
	const { status, requestId } = answer;
	const general = faultOf(request, answer);
	if (general instanceof RateLimitedError) {
		// Amazon promises no Retry-After; the operation's rate tells when its next unit is there.
		const retryAfterMs = general.retryAfterMs ?? request.describe?.(answer).retryAfterMs;
		return new RateLimitedError(general.message, { httpStatus: status, requestId, code: saidBy(answer)?.code, retryAfterMs });
	}
	if (general) return general;
	const said = saidBy(answer);
	if (!said) {
		const why = answer.json.ok ? "not Amazon's words" : answer.json.problem;
		return new ChannelUnavailableError(text(request, `Amazon answers ${status}: ${why}`), {
			httpStatus: status,
			requestId,
			code: `http-${status}`,
		});
	}
	const detail = { httpStatus: status, requestId, code: said.code };
	const message = text(request, `${said.message}${said.details ? ` (${said.details})` : ""} [${said.code}]`);
	const row = ROWS.find(
		([statuses, codes, operations]) =>
			statuses.includes(status) && codes.test(said.code) && (operations === null || operations.test(request.operation)),
	);
	switch (row?.[3]) {
		case "credentials":
			return new CredentialsRejectedError(message, detail);
		case "not-found":
			return new ListingNotFoundError(message, detail);
		case "conflict":
			return new ConflictError(message, detail);
		default:
			return new RequestRejectedError(message, detail);
	}
}

/** Statuses, code, operations (null: any), meaning. First row that fits; what fits none is a request that sending again cannot help. */
const ROWS: readonly (readonly [readonly number[], RegExp, RegExp | null, "credentials" | "not-found" | "conflict"])[] = [
	// 401/403 {"code":"Unauthorized","message":"Access to requested resource is denied.","details":"The access token you provided has expired."}
	// 403 {"code":"Unauthorized","message":"Access to requested resource is denied.","details":""}: the app lacks the role, the seller
	//     took the consent back, or it ran out after 365 days; 403 {"code":"AccessDenied",…}
	[[401, 403], /./, null, "credentials"],
	// 404 {"code":"NOT_FOUND","message":"SKU 'X' not found in marketplace ATVPDKIKX0DER"}
	[[404], /./, /ListingsItem$/, "not-found"],
	// 409 {"code":"Conflict","message":"Subscription already exists"}: somebody was faster; looking again shows it
	[[409], /./, null, "conflict"],
	// 400 {"code":"InvalidInput",…}, 404 of orders and reports, 413, 415, 422: refused for good
];

/** Worth one more try with another token; whether it was the token's age shows then. */
export function saysTokenIsOld(answer: ChannelAnswer): boolean {
	if (answer.status === 401) return true;
	if (answer.status !== 403) return false;
	const said = saidBy(answer);
	return said !== null && OF_THE_TOKEN.test(`${said.message} ${said.details}`);
}
const OF_THE_TOKEN = /access token|expired/i;

/** A 403 without a word of the token: what was asked for, or all of it, is not this account's to ask. */
export const saysRightIsMissing = (error: unknown): boolean =>
	error instanceof CredentialsRejectedError && error.httpStatus === 403 && !OF_THE_TOKEN.test(error.message);

export type Said = { code: string; message: string; details: string };

/** The first of Amazon's errors; null: the answer is not in Amazon's shape. */
export function saidBy(answer: ChannelAnswer): Said | null {
	if (!answer.json.ok || typeof answer.json.value !== "object" || answer.json.value === null) return null;
	const { errors } = answer.json.value as { errors?: unknown };
	const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
	if (typeof first !== "object" || first === null) return null;
	const { code, message, details } = first as Record<string, unknown>;
	if (typeof code !== "string" || code === "") return null;
	return {
		// A word of Amazon's; anything longer is somebody else's text and may repeat what was sent.
		code: /^[A-Za-z0-9_.-]{1,60}$/.test(code) ? code : "unreadable",
		message: typeof message === "string" ? message : "",
		details: typeof details === "string" ? details : "",
	};
}

export const text = (request: ChannelRequest, said: string): string => mask(`${describeCall(request)}: ${said}`, request.secrets);
