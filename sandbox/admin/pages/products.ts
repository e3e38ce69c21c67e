import { html, raw } from "../html.ts";
import type { AdminShop, AdminVariant } from "../shop.ts";

const PER_PAGE = 25;
/** More than any warehouse of the sandbox holds; a slip of the finger is refused rather than sold. */
const AVAILABLE_MAX = 1_000_000;

export function productsPage(shop: AdminShop, root: string, url: URL) {
	const { query, number, pages, found } = select(shop, url);
	const at = (page: number) => `${root}/products?${new URLSearchParams({ q: query, page: String(page) })}`;
	return html`
<div class="page-head"><h1>Products</h1></div>
<section class="card">
	<form class="filter" method="get" action="${root}/products" role="search">
		<input type="search" name="q" value="${query}" placeholder="Search by title or SKU" aria-label="Search by title or SKU">
		<span class="subdued">${found.toLocaleString("en-US")} with stock</span>
	</form>
	<div class="scroll"><table>
		<thead><tr><th>Product</th><th>SKU</th>${shop.locations().map(({ name }) => html`<th class="end">${name}</th>`)}</tr></thead>
		<tbody data-poll="${root}/products/rows?${new URLSearchParams({ q: query, page: String(number) })}">${productRows(shop, root, url)}</tbody>
	</table></div>
	<div class="pager">
		<a class="button" ${number > 1 ? raw("") : raw('aria-disabled="true"')} href="${at(Math.max(1, number - 1))}">Previous</a>
		<span class="subdued">Page ${number} of ${pages}</span>
		<a class="button" ${number < pages ? raw("") : raw('aria-disabled="true"')} href="${at(Math.min(pages, number + 1))}">Next</a>
	</div>
</section>
<p class="hint">Type a new figure and press Enter: that is the merchant editing stock by hand in Shopify.</p>`;
}

export function productRows(shop: AdminShop, root: string, url: URL) {
	const { shown } = select(shop, url);
	const locations = shop.locations();
	if (shown.length === 0) return html`<tr><td class="empty" colspan="${2 + locations.length}">No product matches.</td></tr>`;
	return html`${shown.map(
		(variant) =>
			html`<tr><td class="strong">${variant.title}${variant.bundle ? html` <span class="badge">Bundle</span>` : null}</td><td class="subdued">${variant.sku}</td>${locations.map(
				({ id, name }) => html`<td class="end">${cell(variant, id, name, root)}</td>`,
			)}</tr>`,
	)}`;
}

const cell = (variant: AdminVariant, locationId: string, location: string, root: string) => {
	const available = variant.available[locationId];
	if (variant.bundle || available === undefined) return html`<span class="subdued">${available ?? "—"}</span>`;
	return html`<form class="stock" method="post" action="${root}/products/stock">
		<input type="hidden" name="variant" value="${variant.id}"><input type="hidden" name="location" value="${locationId}">
		<input type="number" name="available" value="${available}" aria-label="${variant.sku} at ${location}" class="${available <= 0 ? "out" : ""}">
	</form>`;
};

export function editStock(shop: AdminShop, form: URLSearchParams): string {
	const available = Number(form.get("available"));
	if (!Number.isInteger(available) || Math.abs(available) > AVAILABLE_MAX || form.get("available") === "")
		throw new Error("Stock is a whole number");
	const variant = shop.variants().find(({ id }) => id === form.get("variant"));
	const location = shop.locations().find(({ id }) => id === form.get("location"));
	if (!variant || !location) throw new Error("That product is not here any more");
	shop.setAvailable({ variantId: variant.id, locationId: location.id, available });
	return `${variant.sku}: ${available} available at ${location.name}`;
}

function select(shop: AdminShop, url: URL) {
	const query = url.searchParams.get("q") ?? "";
	const words = query.toLowerCase().split(/\s+/).filter(Boolean);
	const matching = shop.variants().filter(({ title, sku }) => words.every((word) => `${title} ${sku}`.toLowerCase().includes(word)));
	const pages = Math.max(1, Math.ceil(matching.length / PER_PAGE));
	const number = Math.min(pages, Math.max(1, Math.trunc(Number(url.searchParams.get("page")) || 1)));
	return { query, number, pages, found: matching.length, shown: matching.slice((number - 1) * PER_PAGE, number * PER_PAGE) };
}
