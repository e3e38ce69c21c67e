import { html, raw } from "../html.ts";
import type { AdminShop } from "../shop.ts";

const LISTED_MAX = 50;
const QUANTITY_MAX = 99;

export function ordersPage(shop: AdminShop, root: string, url: URL) {
	const variants = shop.variants();
	return html`
<div class="page-head"><h1>Orders</h1></div>
<section class="card card-form">
	<h2>Buy something at this shop</h2>
	<form class="inline" method="post" action="${root}/orders/place">
		<label>Product<input name="product" list="skus" required placeholder="SKU" autocomplete="off"></label>
		<datalist id="skus">${variants.map(({ sku, title }) => html`<option value="${sku}">${title}</option>`)}</datalist>
		<label class="narrow">Quantity<input type="number" name="quantity" value="1" min="1" max="${QUANTITY_MAX}" required></label>
		<button class="button button-primary">Place order</button>
	</form>
</section>
<section class="card">
	<div class="scroll"><table>
		<thead><tr><th>Order</th><th>Placed</th><th>Channel</th><th>Items</th><th class="end">Units</th><th>Status</th></tr></thead>
		<tbody data-poll="${root}/orders/rows">${orderRows(shop, url)}</tbody>
	</table></div>
</section>`;
}

export function orderRows(shop: AdminShop, _url: URL) {
	const orders = shop.orders(LISTED_MAX);
	if (orders.length === 0) return html`<tr><td class="empty" colspan="6">No order yet.</td></tr>`;
	return html`${orders.map(
		({ name, at, source, cancelled, lines }) => html`<tr>
		<td class="strong">${name}</td><td class="subdued">${new Date(at).toISOString().slice(11, 19)}</td><td>${source}</td>
		<td>${lines.map(({ title, quantity }) => `${quantity} × ${title}`).join(", ")}</td>
		<td class="end">${lines.reduce((units, { quantity }) => units + quantity, 0)}</td>
		<td>${cancelled ? raw('<span class="badge">Cancelled</span>') : raw('<span class="badge badge-attention">Unfulfilled</span>')}</td></tr>`,
	)}`;
}

export function placeOrder(shop: AdminShop, form: URLSearchParams): string {
	const wanted = (form.get("product") ?? "").trim().toLowerCase();
	const variant = shop.variants().find(({ sku }) => sku.toLowerCase() === wanted);
	if (!variant) throw new Error(`No product has the SKU ${form.get("product")}`);
	const quantity = Number(form.get("quantity"));
	if (!Number.isInteger(quantity) || quantity < 1 || quantity > QUANTITY_MAX)
		throw new Error(`A quantity is a whole number from 1 to ${QUANTITY_MAX}`);
	const { name } = shop.placeOrder({ variantId: variant.id, quantity });
	return `Order ${name}: ${quantity} × ${variant.title}`;
}
