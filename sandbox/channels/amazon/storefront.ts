import type { IncomingMessage, ServerResponse } from "node:http";
import { framed, htmlText } from "./frame.ts";
import { readBody, send } from "./http.ts";
import type { Marketplace } from "./marketplaces.ts";
import type { People } from "./people.ts";
import type { Realm } from "./realm.ts";

/** A page that people look at; the rest of a large catalogue is sold through `checkout`. */
const PRODUCTS_AT_MOST = 200;

export type Stall = { name: string; people: People };

/** The store for people: what is offered, what is shown, and a button that goes through the same checkout as every other buyer. */
export async function serveStore(
	realm: Realm,
	request: IncomingMessage,
	response: ServerResponse,
	{ marketplace, stalls }: { marketplace: Marketplace; stalls: ReadonlyMap<string, Stall> },
): Promise<void> {
	const frame = (title: string, body: string) => framed("Simulated Amazon store. Nothing here is real: no goods, no money.", title, body);
	const url = new URL(request.url ?? "/", `https://${marketplace.domain}`);
	const html = (status: number, body: string, headers: Record<string, string> = {}) =>
		send(realm, response, { status, headers: { "content-type": "text/html; charset=utf-8", ...headers }, body });
	if (url.pathname !== "/") return html(404, frame("Page not found", "<h1>Page not found</h1>"));
	if (request.method !== "POST") return html(200, frame(marketplace.name, shelves(marketplace, stalls, url.searchParams)));
	const form = new URLSearchParams((await readBody(request))?.toString("utf8") ?? "");
	const stall = stalls.get(form.get("seller") ?? "");
	const sku = form.get("sku") ?? "";
	const offered = stall?.people.products().some((p) => p.sku === sku && p.marketplaceId === marketplace.id);
	if (!stall || !offered) return html(404, frame("Not sold here", "<h1>That is not sold here</h1>"));
	const bought = stall.people.checkout({ lines: [{ sku, quantity: 1 }], marketplaceId: marketplace.id });
	html(303, "", { location: bought.outcome === "placed" ? `?order=${bought.orderId}` : "?refused=1" });
}

function shelves(marketplace: Marketplace, stalls: ReadonlyMap<string, Stall>, query: URLSearchParams): string {
	const rows = [...stalls].flatMap(([id, { name, people }]) =>
		people
			.products()
			.filter((product) => product.marketplaceId === marketplace.id)
			.map(
				({ sku, title, price, shown, fulfilledBy }) => `<li class="${shown > 0 ? "" : "gone"}">
<div><strong>${htmlText(title)}</strong><small>${htmlText(sku)} · sold by ${htmlText(name)}${fulfilledBy === "AMAZON" ? ", fulfilled by Amazon" : ""}</small></div>
<span class="stock">${shown > 0 ? `${shown} left` : "Currently unavailable"}</span><span class="price">${htmlText(price)} ${marketplace.currency}</span>
<form method="post"><input type="hidden" name="seller" value="${htmlText(id)}"><input type="hidden" name="sku" value="${htmlText(sku)}">
<button ${shown > 0 ? "" : "disabled"}>Buy one</button></form></li>`,
			),
	);
	const order = query.get("order");
	const said = order
		? `<p class="notice good" role="status">Order placed. Its number is ${htmlText(order)}.</p>`
		: query.has("refused")
			? `<p class="notice bad" role="status">Sorry, that is no longer available.</p>`
			: "";
	return `<h1>${htmlText(marketplace.name)}</h1>${said}<ul class="products">${rows.slice(0, PRODUCTS_AT_MOST).join("")}</ul>`;
}
