import { framed } from "./page.ts";
import { htmlText, type Shop } from "./shop.ts";
import type { Key } from "./state.ts";

/** `/wc-auth/v1/`: the shop owner approves an app, the store posts fresh keys to `callback_url` and sends the browser back. */
type Grant = { addKey(permission: Key["permission"]): Key };
export type Page = { status: number; html?: string; location?: string };

const SCOPES: Record<string, string[]> = {
	read: ["View coupons", "View customers", "View orders and sales reports", "View products"],
	write: ["Create webhooks", "Create coupons", "Create customers", "Create orders", "Create products"],
	read_write: [
		"Create webhooks",
		"View and manage coupons",
		"View and manage customers",
		"View and manage orders and sales reports",
		"View and manage products",
	],
};

/** The store waits so long for the app to take the keys. */
const CALLBACK_TIMEOUT_MS = 60_000;

export async function wcAuth(shop: Shop, path: string, query: URLSearchParams, grant: Grant): Promise<Page> {
	const problem = problemWith(query);
	if (problem) return errorPage(shop, problem);
	if (path === "/wc-auth/v1/authorize" || path === "/wc-auth/v1/login") return { status: 200, html: approvePage(shop, query) };
	if (path === "/wc-auth/v1/access_granted") return giveKeys(shop, query, grant);
	return { status: 404, html: framed(shop, "Page not found", "<p>Nothing here.</p>") };
}

function problemWith(query: URLSearchParams): string | null {
	for (const name of ["app_name", "user_id", "return_url", "callback_url", "scope"])
		if (!query.get(name)) return `Missing parameter ${name}`;
	if (!((query.get("scope") ?? "") in SCOPES)) return `Invalid scope ${query.get("scope")}`;
	for (const name of ["return_url", "callback_url"]) if (!URL.canParse(query.get(name) ?? "")) return `The ${name} is not a valid URL`;
	if (!(query.get("callback_url") ?? "").startsWith("https://")) return "The callback_url needs to be over SSL";
	return null;
}

const errorPage = (shop: Shop, message: string): Page => ({
	status: 401,
	html: framed(shop, "WooCommerce", `<h1>Error: ${htmlText(message)}.</h1>`),
});

function approvePage(shop: Shop, query: URLSearchParams) {
	const app = htmlText(query.get("app_name") ?? "");
	const may = (SCOPES[query.get("scope") ?? ""] ?? []).map((text) => `<li>${text}</li>`).join("");
	const granted = htmlText(`access_granted?${query}`);
	const denied = htmlText(back(query, "0"));
	return framed(
		shop,
		`${app} would like to connect`,
		`<h1>${app} would like to connect to your store</h1>
<p>This will give ${app} <strong>${htmlText((query.get("scope") ?? "").replace("_", "/"))}</strong> access which will allow it to:</p>
<ul>${may}</ul>
<p>Logged in as shop owner of ${htmlText(shop.name)}.</p>
<p class="actions"><a class="button" id="approve" href="${granted}">Approve</a> <a class="quiet" id="deny" href="${denied}">Deny</a></p>`,
	);
}

function back(query: URLSearchParams, success: "0" | "1") {
	const target = new URL(query.get("return_url") ?? "");
	target.searchParams.set("success", success);
	target.searchParams.set("user_id", query.get("user_id") ?? "");
	return target.toString();
}

/** The keys travel from server to server, unsigned; only a 200 counts, else the key is taken back. */
async function giveKeys(shop: Shop, query: URLSearchParams, grant: Grant): Promise<Page> {
	const key = grant.addKey((query.get("scope") ?? "read") as Key["permission"]);
	const reply = await shop.world
		.callOut(query.get("callback_url") ?? "", {
			headers: { "Content-Type": "application/json;charset=UTF-8", "User-Agent": `WordPress/7.1; ${shop.url}` },
			body: JSON.stringify({
				key_id: key.id,
				user_id: query.get("user_id"),
				consumer_key: key.consumerKey,
				consumer_secret: key.consumerSecret,
				key_permissions: key.permission,
			}),
			timeoutMs: CALLBACK_TIMEOUT_MS,
		})
		.catch(() => null);
	if (reply?.status !== 200) {
		shop.state.keys.delete(key.consumerKey);
		return errorPage(shop, "An error occurred in the request and at the time were unable to send the consumer data");
	}
	return { status: 302, location: back(query, "1") };
}
