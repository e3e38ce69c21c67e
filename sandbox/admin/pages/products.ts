import type { Follower } from "../follow.ts";
import { html } from "../html.ts";
import { type AdminPage, refuse, select, wholeNumber } from "../page.ts";
import { badge, hidden, pager, searchBar } from "../parts.ts";
import type { AdminShop, AdminVariant } from "../shop.ts";
import { productPage, productParts, REASONS } from "./product.ts";

/** Products with their stock, and each product's page. */
export function productsPage(shop: AdminShop, root: string, follower: Follower): AdminPage {
	return {
		path: "/products",
		menu: { group: "shop", icon: "products", label: "Products" },
		show(rest, url) {
			if (rest === "") return { title: "Products", body: list(shop, root, url) };
			if (rest === "/rows") return { fragment: rows(shop, root, url) };
			const [, id = "", part, ...more] = rest.split("/");
			const product = more.length === 0 ? shop.product(id) : null;
			if (!product) return null;
			if (part === "parts") return { fragment: productParts(shop, root, product) };
			return part === undefined ? { title: product.title, body: productPage(shop, root, product) } : null;
		},
		forms: {
			"/stock": (form) => {
				const variant = shop.variants().find(({ id }) => id === form.get("variant"));
				const location = shop.locations().find(({ id }) => id === form.get("location"));
				if (!variant || !location) return refuse("That product is not here any more");
				if (variant.bundle) return refuse("A bundle's stock is that of its parts");
				const reason = REASONS.find((known) => known === (form.get("reason") ?? REASONS[0])) ?? refuse("Choose a reason from the list");
				const change =
					form.get("how") === "by"
						? { by: wholeNumber(form, "available", { what: "An adjustment" }) }
						: { set: wholeNumber(form, "available") };
				follower.follow(variant.sku);
				const now = shop.changeStock({ variantId: variant.id, locationId: location.id, change, reason });
				return `${variant.sku}: ${now} available at ${location.name}`;
			},
		},
	};
}

const ofPage = (shop: AdminShop, url: URL) => select(shop.variants(), url, ({ title, sku }) => `${title} ${sku}`);

function list(shop: AdminShop, root: string, url: URL) {
	const selection = ofPage(shop, url);
	const words = { placeholder: "Search by title or SKU", noun: "with stock" };
	return html`
<div class="page-head"><h1>Products</h1></div>
<section class="card">
	${searchBar(`${root}/products`, selection, words)}
	<div class="scroll"><table>
		<thead><tr><th>Product</th><th>SKU</th>${shop.locations().map(({ name }) => html`<th class="end">${name}</th>`)}</tr></thead>
		<tbody data-poll="${root}/products/rows?${selection.search}">${rows(shop, root, url)}</tbody>
	</table></div>
	${pager(`${root}/products`, selection)}
</section>
<p class="hint">Type a new figure and press Enter: that is the merchant editing stock by hand in Shopify.</p>`;
}

function rows(shop: AdminShop, root: string, url: URL) {
	const { shown } = ofPage(shop, url);
	const locations = shop.locations();
	if (shown.length === 0) return html`<tr><td class="empty" colspan="${2 + locations.length}">No product matches.</td></tr>`;
	return html`${shown.map(
		(variant) =>
			html`<tr><td class="strong"><a href="${root}/products/${variant.id}">${variant.title}</a>${variant.bundle ? html` ${badge("Bundle")}` : null}</td><td class="subdued nowrap">${variant.sku}</td>${locations.map(
				({ id, name }) => html`<td class="end">${cell(variant, id, name, root)}</td>`,
			)}</tr>`,
	)}`;
}

function cell(variant: AdminVariant, locationId: string, location: string, root: string) {
	const available = variant.available[locationId];
	if (variant.bundle || available === undefined) return html`<span class="subdued">${available ?? "—"}</span>`;
	return html`<form class="stock" method="post" action="${root}/products/stock">${hidden({ variant: variant.id, location: locationId })}
		<input type="number" name="available" value="${available}" aria-label="${variant.sku} at ${location}" class="${available <= 0 ? "out" : ""}"></form>`;
}
