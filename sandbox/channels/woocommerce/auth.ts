import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type Answer, failure, type Query } from "./rest.ts";
import type { Shop } from "./shop.ts";
import type { Key } from "./state.ts";

/** Who is asking: a key, nobody, or an answer that ends the request here. */
type Caller = { key: Key | null } | { refused: Answer };

/** Keys count only for addresses that contain `wp-json/wc/` (or `wc-…`): through `?rest_route=` they are not looked at. */
const LOOKED_AT = /wp-json\/wc[/-]/;

/** OAuth timestamps may be this old or young. */
const OAUTH_WINDOW_S = 15 * 60;

export function identify(
	shop: Shop,
	request: IncomingMessage,
	{ url, query, secure }: { url: URL; query: Query; secure: boolean },
): Caller {
	if (!LOOKED_AT.test(url.pathname)) return { key: null };
	return secure ? byBasic(shop, request, query) : byOAuth(shop, request, url, query);
}

/** A read key that writes and a write key that reads are refused before the route is looked for. */
export function permitted(key: Key | null, method: string): Answer | null {
	if (!key) return null;
	if ((method === "GET" || method === "HEAD") && key.permission === "write") {
		return failure(401, "woocommerce_rest_authentication_error", "The API key provided does not have read permissions.");
	}
	if (["POST", "PUT", "PATCH", "DELETE"].includes(method) && key.permission === "read") {
		return failure(401, "woocommerce_rest_authentication_error", "The API key provided does not have write permissions.");
	}
	return null;
}

const denied = (message: string, code = "woocommerce_rest_authentication_error"): Caller => ({ refused: failure(401, code, message) });

function byBasic(shop: Shop, request: IncomingMessage, query: Query): Caller {
	const parameter = (name: string) => query.find(([key]) => key === name)?.[1] ?? "";
	let [key, secret] = [parameter("consumer_key"), parameter("consumer_secret")];
	if (!key || !secret) {
		const header = /^Basic\s+(.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
		const text = Buffer.from(header, "base64").toString();
		const colon = text.indexOf(":");
		[key, secret] = colon < 0 ? ["", ""] : [text.slice(0, colon), text.slice(colon + 1)];
	}
	if (!key || !secret) return { key: null };
	const known = shop.state.keys.get(key);
	if (!known) return { key: null };
	return same(known.consumerSecret, secret) ? { key: known } : denied("Consumer secret is invalid.");
}

const OAUTH_PARTS = ["oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method"];

/** One-legged OAuth 1.0a, the only way over plain http: key `secret&`, no token, a JSON body is not signed. */
function byOAuth(shop: Shop, request: IncomingMessage, url: URL, query: Query): Caller {
	const header = /^OAuth\s+(.+)$/i.exec(request.headers.authorization ?? "")?.[1];
	const fromHeader: Query = (header?.split(",") ?? []).map((part) => {
		const [name = "", value = ""] = part.trim().split(/=(.*)/s);
		return [name, decodeURIComponent(value.replace(/^"|"$/g, ""))];
	});
	const all = new Map([...query, ...fromHeader]);
	if (![...all.keys()].some((name) => name.startsWith("oauth_"))) return { key: null };
	const missing = OAUTH_PARTS.filter((name) => !all.get(name));
	if (missing.length === OAUTH_PARTS.length) return { key: null };
	if (missing.length > 0) {
		return denied(
			`Missing OAuth ${missing.length > 1 ? "parameters" : "parameter"} ${missing.join(", ")}`,
			"woocommerce_rest_authentication_missing_parameter",
		);
	}
	const known = shop.state.keys.get(all.get("oauth_consumer_key") ?? "");
	if (!known) return denied("Consumer key is invalid.");
	const hash = { "HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256" }[all.get("oauth_signature_method") ?? ""];
	if (!hash) return denied("Invalid signature - signature method is invalid.");
	const base = baseString(request.method ?? "GET", `http://${url.host}${url.pathname}`, all);
	const wanted = createHmac(hash, `${known.consumerSecret}&`).update(base).digest("base64");
	if (!same(wanted, all.get("oauth_signature") ?? "")) return denied("Invalid signature - provided signature does not match.");
	return checkNonce(shop, known, Number(all.get("oauth_timestamp")), all.get("oauth_nonce") ?? "");
}

function checkNonce(shop: Shop, key: Key, timestamp: number, nonce: string): Caller {
	const now = shop.time.seconds();
	if (Math.abs(now - timestamp) > OAUTH_WINDOW_S) return denied("Invalid timestamp.");
	if (key.nonces.get(timestamp) === nonce) return denied("Invalid nonce - nonce has already been used.");
	key.nonces.set(timestamp, nonce);
	for (const at of key.nonces.keys()) if (at < now - OAUTH_WINDOW_S) key.nonces.delete(at);
	return { key };
}

function baseString(method: string, address: string, parameters: ReadonlyMap<string, string>): string {
	const list = [...parameters]
		.filter(([name]) => name !== "oauth_signature")
		.map(([name, value]) => [rfc3986(name), rfc3986(value)] as const)
		.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
		.map(([name, value]) => `${name}=${value}`)
		.join("&");
	return [method.toUpperCase(), rfc3986(address), rfc3986(list)].join("&");
}

const rfc3986 = (text: string) =>
	encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

function same(a: string, b: string) {
	const [x, y] = [Buffer.from(a), Buffer.from(b)];
	return x.length === y.length && timingSafeEqual(x, y);
}
