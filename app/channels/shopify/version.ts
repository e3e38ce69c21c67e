/**
 * The Admin API version that every request names, and that shopify.app.toml names for webhooks. 2026-10 is the newest stable
 * one; the newest full schema that is published for reading is 2026-07, against which every operation here is validated.
 */
export const API_VERSION = "2026-10";
/** A version lives at least twelve months from its quarter (shopify.dev/docs/api/usage/versioning). */
export const API_VERSION_SUNSET_AT = "2027-10-01";
export const API_VERSION_SOURCE = "https://shopify.dev/docs/api/usage/versioning";

/** What the app asks for at install; shopify.app.toml carries the same list, and a test compares them. */
export const REQUIRED_SCOPES = ["read_products", "read_inventory", "write_inventory", "read_locations", "read_orders"] as const;

/** `write_x` contains `read_x` (shopify.dev/docs/api/usage/access-scopes), and Shopify may list only the wider one. */
export function missingScopes(granted: readonly string[]): string[] {
	const held = new Set(granted.flatMap((scope) => (scope.startsWith("write_") ? [scope, scope.replace("write_", "read_")] : [scope])));
	return REQUIRED_SCOPES.filter((scope) => !held.has(scope));
}
