import type { IncomingMessage, ServerResponse } from "node:http";
import { answerConsent, type ConsentRequest, readConsent } from "./consent.ts";
import { readBody, send } from "./http.ts";
import type { Realm } from "./realm.ts";

/** Seller Central's one page for people: may this application see and do the following? Nothing is loaded from anywhere. */
export async function serveSellerCentral(
	realm: Realm,
	request: IncomingMessage,
	response: ServerResponse,
	{ url, toBrowser }: { url: URL; toBrowser: (url: string) => string },
): Promise<void> {
	const show = (status: number, title: string, inner: string) =>
		send(realm, response, { status, headers: { "content-type": "text/html; charset=utf-8" }, body: framed(title, inner) });
	if (url.pathname !== "/apps/authorize/consent") return show(404, "Page not found", "<h1>Page not found</h1>");
	const asked = readConsent(realm, url);
	if (asked.outcome === "wrong") return show(400, "Error", `<h1>Something went wrong</h1><p>${text(asked.message)}</p>`);
	if (request.method !== "POST") return show(200, "Authorize an application", question(asked, realm.app.id));
	const form = new URLSearchParams((await readBody(request))?.toString("utf8") ?? "");
	const sellerId = form.get("seller");
	if (sellerId !== null && !asked.sellers.some((seller) => seller.id === sellerId)) return show(400, "Error", "<h1>Unknown account</h1>");
	const location = answerConsent(realm, url, { allow: form.get("answer") === "allow", sellerId: sellerId ?? undefined });
	if (location === null) return show(200, "Not authorized", "<h1>You did not authorize the application</h1><p>Nothing has changed.</p>");
	send(realm, response, { status: 302, headers: { location: toBrowser(location) }, body: "" });
}

const ROLES = ["Inventory and Order Tracking", "Product Listing", "Amazon Fulfillment"];

function question({ sellers }: Extract<ConsentRequest, { outcome: "asked" }>, applicationId: string): string {
	const accounts = sellers.map(
		(seller, n) =>
			`<label><input type="radio" name="seller" value="${text(seller.id)}"${n === 0 ? " checked" : ""}> ${text(seller.name)} <small>${text(seller.id)}</small></label>`,
	);
	return `<h1>Authorize an application</h1>
<p><strong>${text(applicationId)}</strong> asks to act for your selling account in these roles:</p>
<ul>${ROLES.map((role) => `<li>${role}</li>`).join("")}</ul>
<form method="post">${accounts.join("")}
<p class="actions"><button id="allow" name="answer" value="allow">Confirm</button> <button id="cancel" class="quiet" name="answer" value="cancel">Cancel</button></p></form>`;
}

const text = (value: string) => value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Every page says that it is a simulation. */
const framed = (title: string, body: string) => `<!DOCTYPE html>
<html lang="en-US">
<head>
<meta charset="UTF-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="robots" content="noindex, nofollow" />
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<p class="simulated">Simulated Amazon Seller Central. Nothing here is real: no account, no goods, no money.</p>
<main>${body}</main>
</body>
</html>
`;

const STYLE = `
:root{color-scheme:light;--ink:#1b2a33;--soft:#5b6b75;--line:#d5dbdb;--go:#0b6b66}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:#f4f6f6}
.simulated{margin:0;padding:.4rem 1rem;background:#fff3c4;color:#5c4700;text-align:center;font-size:.85rem}
main{max-width:36rem;margin:2rem auto;padding:1.5rem 2rem 2rem;background:#fff;border:1px solid var(--line);border-radius:8px}
h1{font-size:1.4rem;margin:.2rem 0 1rem}
label{display:block;padding:.5rem .75rem;border:1px solid var(--line);border-radius:6px;margin:.5rem 0}
small{color:var(--soft)}
button{border:0;border-radius:6px;padding:.55rem 1.1rem;background:var(--go);color:#fff;font:inherit;cursor:pointer}
button.quiet{background:#fff;color:var(--ink);border:1px solid var(--line)}
@media (max-width:40rem){main{margin:1rem;padding:1rem}}
`;
