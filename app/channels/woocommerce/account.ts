import type { AccountReading } from "../channel.ts";
import { merchantUrlProblem } from "../http.ts";

/**
 * An account is the store's home address without scheme and last slash: `store.example`, `example.com/shop`. WooCommerce says
 * the same address in every webhook's X-WC-Webhook-Source, which is how a copy of the store (staging with the same secret) is
 * told from the store.
 */
export function readAccount(typed: string): AccountReading {
	const text = typed.trim();
	if (/^http:\/\//i.test(text)) {
		return refused("The address must begin with https://. WooCommerce accepts API keys only over an encrypted connection.");
	}
	let url: URL;
	try {
		url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
	} catch {
		return refused("This is not a web address. It looks like https://your-store.com");
	}
	const problem = merchantUrlProblem(url);
	return problem ? refused(problem) : { outcome: "account", account: accountOf(url) };
}

const refused = (reason: string): AccountReading => ({ outcome: "refused", reason });

/** What X-WC-Webhook-Source names. The scheme is not compared: a store behind a TLS proxy may believe that it is on http. */
export function accountOfSource(source: string | undefined): string | null {
	if (!source) return null;
	try {
		return accountOf(new URL(source));
	} catch {
		return null;
	}
}

export const accountOf = (url: URL): string =>
	`${url.host.replace(/\.(?=:|$)/, "")}${url.pathname.replace(PAGES_INSIDE, "").replace(/\/+$/, "")}`;

/** People copy the address of the page they look at. */
const PAGES_INSIDE = /\/(wp-admin|wp-login\.php|wp-json|wc-api|my-account|index\.php)(\/.*)?$/i;

export const apiUrl = (account: string, path: string): URL => new URL(`https://${account}/wp-json${path}`);
