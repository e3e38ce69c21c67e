import { html } from "../html.ts";
import { back, badge, hidden, time } from "../parts.ts";
import type { AdminHistoryEntry, AdminProduct, AdminShop, StockFigures } from "../shop.ts";

/** Shopify's own reasons for an adjustment by hand; the first is what it chooses. */
export const REASONS = ["Correction", "Count", "Received", "Return restock", "Damaged", "Theft or loss", "Promotion or donation"] as const;

/** A product as Shopify shows it to who looks after its stock: quantities per location, an adjustment, and the history. */
export const productPage = (shop: AdminShop, root: string, product: AdminProduct) => html`
<div class="page-head">${back(`${root}/products`, "Products")}<h1>${product.title}</h1>${product.bundle ? badge("Bundle") : null}</div>
<p class="lead">SKU ${product.sku || "none"} · barcode ${product.barcode ?? "none"} · ${product.price} · ${product.oversells ? "sold when out of stock" : "not sold when out of stock"}</p>
${product.bundle ? null : adjust(shop, root, product)}
<div data-poll="${root}/products/${product.id}/parts">${productParts(shop, root, product)}</div>`;

const adjust = (shop: AdminShop, root: string, { id }: AdminProduct) => html`
<section class="card card-form">
	<h2>Adjust available</h2>
	<form class="inline" method="post" action="${root}/products/stock">${hidden({ variant: id })}
		<label>Location<select name="location">${shop.locations().map((location) => html`<option value="${location.id}">${location.name}</option>`)}</select></label>
		<label>How<select name="how"><option value="by">Adjust by</option><option value="set">Set to</option></select></label>
		<label class="narrow">Quantity<input type="number" name="available" required></label>
		<label>Reason<select name="reason">${REASONS.map((reason) => html`<option>${reason}</option>`)}</select></label>
		<button class="button button-primary">Save</button>
	</form>
</section>`;

const COLUMNS: readonly (readonly [keyof StockFigures, string])[] = [
	["unavailable", "Unavailable"],
	["committed", "Committed"],
	["available", "Available"],
	["onHand", "On hand"],
	["incoming", "Incoming"],
];

/** What changes while somebody looks. */
export function productParts(shop: AdminShop, root: string, product: AdminProduct) {
	const nameOf = (locationId: string) => shop.locations().find(({ id }) => id === locationId)?.name ?? "";
	if (product.bundle)
		return html`
<section class="card"><div class="scroll"><table>
	<thead><tr><th>Made of</th><th class="end">Quantity</th></tr></thead>
	<tbody>${product.components.map(({ id, title, quantity }) => html`<tr><td class="strong"><a href="${root}/products/${id}">${title}</a></td><td class="end">${quantity}</td></tr>`)}</tbody>
</table></div></section>
<section class="card"><div class="scroll"><table>
	<thead><tr><th>Location</th><th class="end">Available</th></tr></thead>
	<tbody>${Object.entries(product.available).map(([id, units]) => html`<tr><td class="strong">${nameOf(id)}</td><td class="end">${units}</td></tr>`)}</tbody>
</table></div></section>`;
	const heads = COLUMNS.map(([, label]) => html`<th class="end">${label}</th>`);
	return html`
<section class="card"><div class="scroll"><table>
	<thead><tr><th>Location</th>${heads}</tr></thead>
	<tbody>${product.levels.map((level) => html`<tr><td class="strong">${nameOf(level.locationId)}</td>${COLUMNS.map(([name]) => html`<td class="end">${level[name]}</td>`)}</tr>`)}</tbody>
</table></div></section>
<section class="card">
	<h2 class="card-title">Inventory history</h2>
	<div class="scroll"><table>
	<thead><tr><th>Time</th><th>Activity</th><th>Created by</th><th>Location</th>${heads}</tr></thead>
	<tbody>${product.history.length === 0 ? html`<tr><td class="empty" colspan="9">Nothing has moved since this shop was opened.</td></tr>` : product.history.map((entry) => historyRow(entry, nameOf(entry.locationId)))}</tbody>
	</table></div>
</section>`;
}

const BY = { staff: "Sam Rivera", app: "Lockstep", shop: "Shopify" } as const;

const historyRow = (entry: AdminHistoryEntry, location: string) => html`<tr>
	<td class="subdued">${time(entry.at)}</td><td>${entry.activity}${entry.reference ? html`<small class="reference">${entry.reference}</small>` : null}</td>
	<td class="nowrap">${BY[entry.by]}</td><td class="nowrap">${location}</td>
	${COLUMNS.map(([name]) => html`<td class="end nowrap">${entry.delta[name] === 0 ? null : html`<span class="delta">(${entry.delta[name] > 0 ? "+" : ""}${entry.delta[name]})</span> `}${entry.after[name]}</td>`)}</tr>`;
