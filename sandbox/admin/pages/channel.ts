import type { Follower } from "../follow.ts";
import { html } from "../html.ts";
import type { AdminMarket } from "../market.ts";
import { type AdminPage, productOf, QUANTITY_MAX, quantityOf, refuse, select, wholeNumber } from "../page.ts";
import { badge, hidden, pager, searchBar, time } from "../parts.ts";
import { type Breakage, breakageButtons } from "./break-it.ts";

const ORDERS_LISTED_MAX = 20;

/** One channel beside Shopify: what its buyers see, and what they and the merchant's staff may do there. */
export function channelPage(
	market: AdminMarket,
	root: string,
	{ follower, broken }: { follower: Follower; broken: readonly Breakage[] },
): AdminPage {
	const path = `/channels/${market.id}`;
	const base = `${root}${path}`;
	return {
		path,
		menu: { group: "channels", icon: "channel", label: market.name },
		show(rest, url) {
			switch (rest) {
				case "":
					return { title: market.name, body: whole(market, base, { root, url, broken }) };
				case "/rows":
					return { fragment: offerRows(market, base, url) };
				case "/orders":
					return { fragment: orderRows(market, base) };
				case "/faults":
					return { fragment: breakageButtons(root, broken) };
				default:
					return null;
			}
		},
		forms: {
			"/place": async (form) => {
				const { sku, title, shown } = productOf(form, market.offers(), `on ${market.name}`);
				const quantity = quantityOf(form);
				follower.follow(sku);
				const orderId = await market.checkout([{ sku, quantity }]);
				if (orderId !== null) return `${market.name} order ${orderId}: ${quantity} × ${title}`;
				return refuse(`${market.name} shows only ${shown ?? 0} of ${title}: the buyer went away`);
			},
			"/cancel": async (form) => {
				const order = market.orders().find(({ id }) => id === form.get("order")) ?? refuse(`${market.name} has no such order`);
				if (!order.open) refuse(`Order ${order.id} cannot be cancelled any more`);
				if (order.lines[0]) follower.follow(order.lines[0].sku);
				await market.cancel(order.id);
				return `${market.name} order ${order.id} is cancelled`;
			},
			"/stock": async (form) => {
				const { sku, title } = productOf(form, market.offers(), `on ${market.name}`);
				const quantity = wholeNumber(form, "quantity", { min: 0, max: 100_000, what: "A figure" });
				follower.edited(market.id, sku);
				await market.editStock(sku, quantity);
				return `${title} shows ${quantity} on ${market.name}; Lockstep was not told`;
			},
		},
	};
}

function whole(market: AdminMarket, base: string, { root, url, broken }: { root: string; url: URL; broken: readonly Breakage[] }) {
	const selection = ofPage(market, url);
	return html`
<div class="page-head"><h1>${market.name}</h1>${badge("Simulated channel")}</div>
<section class="card card-form">
	<h2>Buy something on ${market.name}</h2>
	<form class="inline" method="post" action="${base}/place">
		<label>Product<input name="product" list="offers" required placeholder="SKU" autocomplete="off"></label>
		<datalist id="offers">${market.offers().map(({ sku, title }) => html`<option value="${sku}">${title}</option>`)}</datalist>
		<label class="narrow">Quantity<input type="number" name="quantity" value="1" min="1" max="${QUANTITY_MAX}" required></label>
		<button class="button button-primary">Place order</button>
	</form>
</section>
<section class="card">
	<h2 class="card-title">Orders</h2>
	<div class="scroll short"><table>
		<thead><tr><th>Order</th><th>Placed</th><th>Items</th><th>Status</th><th></th></tr></thead>
		<tbody data-poll="${base}/orders">${orderRows(market, base)}</tbody>
	</table></div>
</section>
<section class="card">
	${searchBar(base, selection, { placeholder: "Search by title or SKU", noun: "listings" })}
	<div class="scroll"><table>
		<thead><tr><th>Listing</th><th>SKU</th><th class="end">Price</th><th class="end">Buyers see</th><th>Type another figure there</th></tr></thead>
		<tbody data-poll="${base}/rows?${selection.search}">${offerRows(market, base, url)}</tbody>
	</table></div>
	${pager(base, selection)}
</section>
<section class="card card-form"><h2>Make ${market.name} misbehave</h2><div data-poll="${base}/faults">${breakageButtons(root, broken)}</div></section>`;
}

const ofPage = (market: AdminMarket, url: URL) => select(market.offers(), url, ({ title, sku }) => `${title} ${sku}`);

function offerRows(market: AdminMarket, base: string, url: URL) {
	const { shown } = ofPage(market, url);
	if (shown.length === 0) return html`<tr><td class="empty" colspan="5">No listing matches.</td></tr>`;
	return html`${shown.map((offer) => {
		const left = offer.shown === null ? "Any number" : offer.shown === 0 ? "Out of stock" : offer.shown;
		return html`<tr><td class="strong">${offer.title}</td><td class="subdued nowrap">${offer.sku}</td><td class="end">${offer.price}</td>
		<td class="end nowrap">${offer.shown === 0 ? badge("Out of stock", "critical") : left}</td>
		<td><form class="row-form" method="post" action="${base}/stock">${hidden({ product: offer.sku })}<input type="number" name="quantity" min="0" value="${offer.shown ?? ""}" aria-label="${offer.sku} on ${market.name}" required><button class="button">Type it</button></form></td></tr>`;
	})}`;
}

function orderRows(market: AdminMarket, base: string) {
	const orders = market.orders();
	if (orders.length === 0) return html`<tr><td class="empty" colspan="5">No order yet.</td></tr>`;
	const more = orders.length - ORDERS_LISTED_MAX;
	return html`${orders.slice(0, ORDERS_LISTED_MAX).map(
		({ id, at, status, open, lines }) => html`<tr><td class="strong nowrap">${id}</td><td class="subdued">${time(at)}</td>
		<td>${lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(", ")}</td><td>${badge(status, open ? "attention" : "plain")}</td>
		<td class="end">${open ? html`<form class="stock" method="post" action="${base}/cancel">${hidden({ order: id })}<button class="button" aria-label="Cancel order ${id}">Cancel</button></form>` : null}</td></tr>`,
	)}${more > 0 ? html`<tr><td class="subdued" colspan="5">and ${more.toLocaleString("en-US")} older</td></tr>` : null}`;
}
