import type { Follower } from "../follow.ts";
import { html } from "../html.ts";
import { type AdminPage, productOf, QUANTITY_MAX, quantityOf, refuse, select, wholeNumber } from "../page.ts";
import { badge, hidden, pager, productField, quantityField, searchBar, time } from "../parts.ts";
import type { AdminOrder, AdminShop } from "../shop.ts";
import { fulfilmentBadge, orderPage, orderParts } from "./order.ts";

const TILL = "pos:";

/** Orders: the list with ways to place one, and each order's page with what may still be done to it. */
export function ordersPage(shop: AdminShop, root: string, follower: Follower): AdminPage {
	const orderOf = (form: URLSearchParams) => shop.order(form.get("order") ?? "") ?? refuse("There is no such order");
	const lineOf = (form: URLSearchParams) => {
		const order = orderOf(form);
		const line = order.lines.find(({ id }) => id === form.get("line")) ?? refuse(`Choose a product of order ${order.name}`);
		follower.follow(line.sku);
		return { order, line };
	};
	const restockOf = (form: URLSearchParams) => form.get("restock") === "yes";
	const followOrder = (lines: readonly { sku: string }[]) => lines[0] && follower.follow(lines[0].sku);
	return {
		path: "/orders",
		menu: { group: "shop", icon: "orders", label: "Orders" },
		show(rest, url) {
			if (rest === "") return { title: "Orders", body: list(shop, root, url) };
			if (rest === "/rows") return { fragment: rows(shop, root, url) };
			if (rest === "/drafts") return { fragment: drafts(shop, root) };
			const [, id = "", part, ...more] = rest.split("/");
			const order = more.length === 0 ? shop.order(id) : null;
			if (!order) return null;
			if (part === "parts") return { fragment: orderParts(root, order) };
			return part === undefined ? { title: `Order ${order.name}`, body: orderPage(root, order) } : null;
		},
		forms: {
			"/place": (form) => {
				const variant = productOf(form, shop.variants(), "here");
				const quantity = quantityOf(form);
				const via = form.get("via") ?? "online";
				const what = `${quantity} × ${variant.title}`;
				follower.follow(variant.sku);
				const line = { variantId: variant.id, quantity };
				if (via === "draft-open" || via === "draft-reserved") {
					shop.createDraft({ ...line, reserve: via === "draft-reserved" });
					return `Draft order: ${what}${via === "draft-reserved" ? ", reserved" : ""}`;
				}
				if (via === "online" || via === "draft") return `Order ${shop.placeOrder({ ...line, via }).name}: ${what}`;
				const location = shop.locations().find(({ id }) => `${TILL}${id}` === via) ?? refuse("Choose where it is sold");
				const { name } = shop.placeOrder({ ...line, via: "pos", locationId: location.id, force: form.get("force") === "yes" });
				return `Order ${name} at ${location.name}: ${what}`;
			},
			"/drafts/complete": (form) => `Order ${shop.completeDraft(form.get("draft") ?? "").name} came of the draft`,
			"/drafts/release": (form) => {
				shop.releaseDraft(form.get("draft") ?? "");
				return "The reservation is ended";
			},
			"/cancel": (form) => {
				const { id, name, lines } = orderOf(form);
				followOrder(lines);
				shop.cancelOrder({ orderId: id, restock: restockOf(form) });
				return `Order ${name} is cancelled, ${restockOf(form) ? "its products are for sale again" : "nothing is restocked"}`;
			},
			"/fulfil": (form) => {
				const { id, name } = orderOf(form);
				shop.fulfil(id);
				return `Order ${name} is fulfilled`;
			},
			"/refund": (form) => {
				const { order, line } = lineOf(form);
				const quantity = quantityOf(form);
				shop.refund({ orderId: order.id, lineId: line.id, quantity, restock: restockOf(form) });
				return `${quantity} × ${line.title} refunded, ${restockOf(form) ? "restocked" : "not restocked"}`;
			},
			"/line": (form) => {
				const { order, line } = lineOf(form);
				const quantity = wholeNumber(form, "quantity", { min: 0, max: QUANTITY_MAX, what: "A quantity" });
				shop.setLine({ orderId: order.id, lineId: line.id, quantity });
				return `Order ${order.name} has ${quantity} × ${line.title} now`;
			},
			"/add": (form) => {
				const order = orderOf(form);
				const { sku, title, bundle } = productOf(form, shop.variants(), "here");
				if (bundle) refuse("A bundle cannot be added to an order: add its parts");
				const quantity = quantityOf(form);
				follower.follow(sku);
				shop.addLine({ orderId: order.id, sku, quantity });
				return `${quantity} × ${title} added to order ${order.name}`;
			},
		},
	};
}

const ofPage = (shop: AdminShop, url: URL) =>
	select(
		shop.orders(),
		url,
		({ name, source, lines }) => `${name} ${source} ${lines.map(({ sku, title }) => `${sku} ${title}`).join(" ")}`,
	);

function list(shop: AdminShop, root: string, url: URL) {
	const selection = ofPage(shop, url);
	return html`
<div class="page-head"><h1>Orders</h1></div>
<section class="card card-form">
	<h2>Place an order at this shop</h2>
	<form class="inline" method="post" action="${root}/orders/place">
		${productField}${quantityField}
		<label>Sold by<select name="via">
			<option value="online">Online Store</option>
			<option value="draft">Draft order, completed at once</option>
			<option value="draft-reserved">Draft order, reserved</option>
			<option value="draft-open">Draft order, not reserved</option>
			${shop.locations().map(({ id, name }) => html`<option value="${TILL}${id}">Point of Sale: ${name}</option>`)}
		</select></label>
		<label class="check"><input type="checkbox" name="force" value="yes">Point of Sale: sell even if there is none</label>
		<button class="button button-primary">Place order</button>
	</form>
</section>
<div data-poll="${root}/orders/drafts">${drafts(shop, root)}</div>
<section class="card">
	${searchBar(`${root}/orders`, selection, { placeholder: "Search by number, SKU or title" })}
	<div data-poll="${root}/orders/rows?${selection.search}">${rows(shop, root, url)}</div>
</section>`;
}

/** The list grows while somebody looks, so its pages are part of what is asked for again. */
function rows(shop: AdminShop, root: string, url: URL) {
	const { shown, ...selection } = ofPage(shop, url);
	return html`<div class="scroll"><table>
		<thead><tr><th>Order</th><th>Placed</th><th>Channel</th><th>Items</th><th class="end">Units</th><th>Payment</th><th>Fulfillment</th></tr></thead>
		<tbody>${shown.length === 0 ? html`<tr><td class="empty" colspan="7">${selection.query === "" ? "No order yet." : "No order matches."}</td></tr>` : shown.map((order) => row(order, root))}</tbody>
	</table></div>${pager(`${root}/orders`, selection)}`;
}

const row = (order: AdminOrder, root: string) => html`<tr>
	<td class="strong"><a href="${root}/orders/${order.id}">${order.name}</a></td><td class="subdued">${time(order.at)}</td><td class="nowrap">${order.source}</td>
	<td>${order.lines.map(({ title, quantity }) => `${quantity} × ${title}`).join(", ")}</td>
	<td class="end">${order.lines.reduce((units, { quantity }) => units + quantity, 0)}</td>
	<td>${badge(order.financial)}</td><td>${fulfilmentBadge(order)}</td></tr>`;

function drafts(shop: AdminShop, root: string) {
	const waiting = shop.drafts();
	if (waiting.length === 0) return html``;
	return html`<section class="card"><h2 class="card-title">Draft orders</h2><div class="scroll"><table><tbody>${waiting.map(
		({ id, reserved, lines }) => html`<tr><td>${lines.map(({ title, quantity }) => `${quantity} × ${title}`).join(", ")}</td>
		<td>${reserved ? badge("Reserved", "attention") : badge("Open")}</td><td class="end nowrap">
		<form class="stock" method="post" action="${root}/orders/drafts/complete">${hidden({ draft: id })}<button class="button">Complete</button></form>
		${reserved ? html`<form class="stock" method="post" action="${root}/orders/drafts/release">${hidden({ draft: id })}<button class="button">End reservation</button></form>` : null}</td></tr>`,
	)}</tbody></table></div></section>`;
}
