import {
	type ChannelError,
	ChannelUnavailableError,
	ConflictError,
	CredentialsRejectedError,
	ListingNotFoundError,
	RequestRejectedError,
} from "../errors.ts";
import { type ChannelAnswer, type ChannelRequest, changesThings, describeCall, faultOf, mask } from "../http.ts";

/**
 * Their error -> ours: the one table. What comes without WooCommerce's `{"code", "message"}` was not said by WooCommerce but by
 * something before it (a firewall, a cache, a theme's 404 page): the connection is in trouble, not this listing.
 */
export function errorOf(request: ChannelRequest, answer: ChannelAnswer): ChannelError | null {
	const general = faultOf(request, answer);
	if (general) return general;
	if (answer.status < 400) return null;
	const said = saidBy(answer);
	if (!said) {
		return new ChannelUnavailableError(
			text(request, `the store answers ${answer.status}: ${answer.json.ok ? "not WooCommerce's words" : answer.json.problem}`),
			{
				httpStatus: answer.status,
				requestId: answer.requestId,
				code: `http-${answer.status}`,
				outcomeUnknown: false,
			},
		);
	}
	return errorForCode(said, { request, status: answer.status, requestId: answer.requestId });
}

/** One entry of a batch that failed inside a 200: `{"id":999999,"error":{"code":"…","message":"…","data":{"status":400}}}`. */
export const entryError = (request: ChannelRequest, said: Said, requestId: string | undefined): ChannelError =>
	errorForCode(said, { request, status: said.status ?? 200, requestId });

export type Said = { code: string; message: string; status?: number | undefined };

function errorForCode(
	said: Said,
	{ request, status, requestId }: { request: ChannelRequest; status: number; requestId: string | undefined },
): ChannelError {
	const detail = { httpStatus: status, requestId, code: said.code };
	const message = text(request, `${said.message} [${said.code}]`);
	const row = ROWS.find(([codes, statuses]) => codes.test(said.code) && (statuses === null || statuses.includes(status)));
	switch (row?.[2]) {
		case "credentials":
			return new CredentialsRejectedError(message, detail);
		case "not-found":
			return new ListingNotFoundError(message, detail);
		case "unavailable":
			return new ChannelUnavailableError(message, detail);
		case "conflict":
			return new ConflictError(message, detail);
		default:
			return new RequestRejectedError(message, detail);
	}
}

/** Code, HTTP statuses (null: any), meaning. First row that fits; what fits none is a request that sending again cannot help. */
const ROWS: readonly (readonly [RegExp, readonly number[] | null, "credentials" | "not-found" | "unavailable" | "conflict"])[] = [
	// 401 woocommerce_rest_authentication_error "Consumer secret is invalid." / "The API key provided does not have write permissions."
	// 401 woocommerce_rest_cannot_view (unknown or revoked key, or the Authorization header was stripped on the way)
	// 403 woocommerce_rest_cannot_view (the key's user has no shop rights); 401 rest_not_logged_in; 403 rest_forbidden
	[
		/^(woocommerce_rest_(authentication_error|cannot_\w+)|rest_not_logged_in|rest_forbidden\w*|rest_cannot_\w+)$/,
		[401, 403],
		"credentials",
	],
	[/./, [401], "credentials"],
	// GET 404, PUT and batch entry 400: woocommerce_rest_product_invalid_id "Invalid ID."
	// 404 woocommerce_rest_product_variation_invalid_id; 404 woocommerce_rest_invalid_product_id (a variation sent as a product)
	[
		/^woocommerce_rest_(product_invalid_id|product_variation_invalid_id|invalid_product_id|product_variation_invalid_parent)$/,
		null,
		"not-found",
	],
	// 404 rest_no_route "No route was found …": WooCommerce is switched off, or its REST API is
	[/^rest_no_route$/, null, "unavailable"],
	// 403 by a security plugin that speaks JSON
	[/./, [403], "unavailable"],
	// 409
	[/./, [409], "conflict"],
];

/** null: the answer is not in WooCommerce's error shape. */
export function saidBy(answer: ChannelAnswer): Said | null {
	return answer.json.ok ? saidIn(answer.json.value) : null;
}

export function saidIn(value: unknown): Said | null {
	if (typeof value !== "object" || value === null) return null;
	const { code, message, data } = value as { code?: unknown; message?: unknown; data?: { status?: unknown } | null };
	if (typeof code !== "string" || !CODE.test(code)) return null;
	return {
		code,
		message: typeof message === "string" ? plain(message) : "",
		status: typeof data?.status === "number" ? data.status : undefined,
	};
}

/** Codes are kept and grouped by; what is no name of a thing may be anything that somebody said, also what we sent. */
const CODE = /^[\w .:/-]{1,100}$/;

/** Messages are made for a web page. */
const plain = (html: string): string =>
	html
		.replace(/<[^>]*>/g, " ")
		.replace(/&lt;/g, "<")
		.replace(/&gt;/g, ">")
		.replace(/&quot;/g, '"')
		.replace(/&#0?39;/g, "'")
		.replace(/&amp;/g, "&")
		.replace(/\s+/g, " ")
		.trim();

const text = (request: ChannelRequest, said: string): string => mask(`${describeCall(request)}: ${said}`, request.secrets);

/** A write whose answer does not say what happened. */
export const unreadableWrite = (request: ChannelRequest, why: string, requestId: string | undefined): ChannelUnavailableError =>
	new ChannelUnavailableError(text(request, why), { requestId, outcomeUnknown: changesThings(request) });
