import type { IncomingMessage, ServerResponse } from "node:http";
import { answerConsent, type ConsentRequest, readConsent } from "./consent.ts";
import { framed, htmlText } from "./frame.ts";
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
		send(realm, response, {
			status,
			headers: { "content-type": "text/html; charset=utf-8" },
			body: framed("Simulated Amazon Seller Central. Nothing here is real: no account, no goods, no money.", title, inner),
		});
	if (url.pathname !== "/apps/authorize/consent") return show(404, "Page not found", "<h1>Page not found</h1>");
	const asked = readConsent(realm, url);
	if (asked.outcome === "wrong") return show(400, "Error", `<h1>Something went wrong</h1><p>${htmlText(asked.message)}</p>`);
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
			`<label><input type="radio" name="seller" value="${htmlText(seller.id)}"${n === 0 ? " checked" : ""}> ${htmlText(seller.name)} <small>${htmlText(seller.id)}</small></label>`,
	);
	return `<h1>Authorize an application</h1>
<p><strong>${htmlText(applicationId)}</strong> asks to act for your selling account in these roles:</p>
<ul>${ROLES.map((role) => `<li>${role}</li>`).join("")}</ul>
<form method="post">${accounts.join("")}
<p class="actions"><button id="allow" name="answer" value="allow">Confirm</button> <button id="cancel" class="quiet" name="answer" value="cancel">Cancel</button></p></form>`;
}
