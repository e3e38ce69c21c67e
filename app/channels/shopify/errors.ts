import {
	type ChannelError,
	ChannelUnavailableError,
	ConflictError,
	CredentialsRejectedError,
	type ErrorDetail,
	ListingNotFoundError,
	RateLimitedError,
	RequestRejectedError,
	UnexpectedShapeError,
} from "../errors.ts";
import { type ChannelAnswer, type ChannelRequest, faultOf } from "../http.ts";
import type { Cost } from "./client.ts";

/**
 * Shopify's refusals and what they are to us. Three places say no: the HTTP status, top-level `errors` inside a 200, and a
 * mutation's `userErrors`. A code that stands in none of the tables fails loudly (R32).
 */

/** By HTTP status; null: look into the body. */
export function errorOfStatus(request: ChannelRequest, answer: ChannelAnswer): ChannelError | null {
	const { status } = answer;
	if (status >= 200 && status < 300) return null;
	const common = faultOf(request, answer);
	if (common) return common;
	const detail = { httpStatus: status, requestId: answer.requestId };
	const shop = request.url.host;
	switch (status) {
		// {"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}
		case 401:
			return new CredentialsRejectedError(
				`Shopify no longer accepts Lockstep's access to ${shop}. Open the app once in the Shopify admin to renew it.`,
				detail,
			);
		// {"errors":"Unavailable Shop"}: the shop's subscription is not paid.
		case 402:
			return new CredentialsRejectedError(`The shop ${shop} is frozen by Shopify (payment required).`, detail);
		// {"errors":"[API] This action requires merchant approval for read_orders scope."}
		case 403:
			return new CredentialsRejectedError(
				`Shopify forbids Lockstep the access to ${shop}. Open the app in the Shopify admin and approve what it asks for.`,
				detail,
			);
		// {"errors":"Not Found"}: no such shop (any more), or the API version is gone.
		case 404:
			return new CredentialsRejectedError(`Shopify knows no shop at ${shop}.`, detail);
		// {"errors":"Locked"}
		case 423:
			return new CredentialsRejectedError(`The shop ${shop} is locked by Shopify.`, detail);
		default:
			return new RequestRejectedError(`${request.operation}: Shopify answered ${status}`, detail);
	}
}

/** By `errors[0].extensions.code` of a 200. */
export function errorOfTopLevel(
	operation: string,
	error: { message: string; extensions?: { code?: string | undefined } | undefined },
	{ cost, ...rest }: ErrorDetail & { cost?: Cost | undefined },
): ChannelError {
	const code = error.extensions?.code;
	const detail = { ...rest, code };
	const text = `${operation}: ${error.message}`.slice(0, MESSAGE_CHARS_MAX);
	switch (code) {
		// {"message":"Throttled","extensions":{"code":"THROTTLED","documentation":"https://shopify.dev/api/usage/rate-limits"}}
		case "THROTTLED":
			return new RateLimitedError(text, { ...detail, retryAfterMs: throttledForMs(cost) });
		// {"message":"Internal error. Looks like something went wrong on our end.","extensions":{"code":"INTERNAL_SERVER_ERROR","requestId":"…"}}
		case "INTERNAL_SERVER_ERROR":
		// {"message":"Timeout","extensions":{"code":"TIMEOUT"}}
		case "TIMEOUT":
			return new ChannelUnavailableError(text, { ...detail, outcomeUnknown: true });
		// {"message":"Access denied for orders field. Required access: `read_orders` access scope.","extensions":{"code":"ACCESS_DENIED"}}
		case "ACCESS_DENIED":
			return new CredentialsRejectedError(
				`The shop has not granted Lockstep what it needs. Open the app in the Shopify admin and approve it. (${text})`,
				detail,
			);
		// {"message":"This shop is currently inaccessible.","extensions":{"code":"SHOP_INACTIVE"}}
		case "SHOP_INACTIVE":
			return new CredentialsRejectedError(text, detail);
		// Recorded: {"message":"The @idempotent directive is required for this mutation but was not provided.","extensions":{"code":"BAD_REQUEST"}};
		// INVALID_VARIABLE, INVALID_FIELD_ARGUMENTS, undefinedField, MAX_COST_EXCEEDED …: what we sent is wrong.
		default:
			return new RequestRejectedError(text, detail);
	}
}
const MESSAGE_CHARS_MAX = 500;

/** Until the bucket holds what was asked for; at least a second (shopify.dev/docs/api/usage/rate-limits). */
export function throttledForMs(cost: Cost | undefined): number {
	if (cost?.requestedQueryCost === undefined) return THROTTLED_WAIT_MIN_MS;
	const { currentlyAvailable, restoreRate } = cost.throttleStatus;
	return Math.max(THROTTLED_WAIT_MIN_MS, Math.ceil(((cost.requestedQueryCost - currentlyAvailable) / restoreRate) * 1000));
}
const THROTTLED_WAIT_MIN_MS = 1000;

export type UserError = { field: string[] | null; message: string; code: string | null };

/**
 * By `userErrors[].code` of inventoryAdjustQuantities (enum InventoryAdjustQuantitiesUserErrorCode, 2026-07). `retry`: nothing
 * happened and the same request under the same key may go out again. `refused`: nothing of the batch happened and it never will.
 */
export function errorOfAdjust({ message, code }: UserError): { verdict: "retry" | "refused"; error: ChannelError } {
	const detail = { code: code ?? undefined };
	switch (code) {
		// "The service is temporarily unavailable. Try again later."
		case "SERVICE_UNAVAILABLE":
			return { verdict: "retry", error: new ChannelUnavailableError(message, detail) };
		// "The quantities couldn't be adjusted. Try again."
		case "ADJUST_QUANTITIES_FAILED":
		// "This request is currently in progress, please try again."
		case "IDEMPOTENCY_CONCURRENT_REQUEST":
			return { verdict: "retry", error: new ConflictError(message, detail) };
		// "A previous request with this idempotency key failed. Retry with a new idempotency key."
		case "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED":
		// "The changeFromQuantity argument no longer matches the persisted quantity."
		case "CHANGE_FROM_QUANTITY_STALE":
			return { verdict: "refused", error: new ConflictError(message, detail) };
		// Recorded: {"field":["input","changes","0","inventoryItemId"],"message":"The specified inventory item could not be found.","code":"INVALID_INVENTORY_ITEM"}
		case "INVALID_INVENTORY_ITEM":
		// Recorded: {"field":["input","changes","0","locationId"],"message":"The specified location could not be found.","code":"INVALID_LOCATION"}
		case "INVALID_LOCATION":
		// "The inventory item is not stocked at the location."
		case "ITEM_NOT_STOCKED_AT_LOCATION":
			return { verdict: "refused", error: new ListingNotFoundError(message, detail) };
		// "The same idempotency key cannot be used with different operation parameters."
		case "IDEMPOTENCY_KEY_PARAMETER_MISMATCH":
		// "The specified inventory item is not allowed to be adjusted via API. Example: if the inventory item is a parent bundle."
		case "NON_MUTABLE_INVENTORY_ITEM":
		case "INTERNAL_LEDGER_DOCUMENT":
		case "INVALID_AVAILABLE_DOCUMENT":
		case "INVALID_LEDGER_DOCUMENT":
		case "INVALID_QUANTITY_DOCUMENT":
		case "INVALID_QUANTITY_NAME":
		// "The quantity can't be lower than -2,000,000,000."
		case "INVALID_QUANTITY_TOO_LOW":
		case "INVALID_QUANTITY_TOO_HIGH":
		case "INVALID_REASON":
		case "INVALID_REFERENCE_DOCUMENT":
		case "MAX_ONE_LEDGER_DOCUMENT":
			return { verdict: "refused", error: new RequestRejectedError(message, detail) };
		default:
			return {
				verdict: "refused",
				error: new UnexpectedShapeError(`Shopify refuses with a code that is not in its schema: ${code}: ${message}`, detail),
			};
	}
}
