import { htmlText, money, type Shop } from "./shop.ts";
import { available } from "./storefront.ts";
import { fullName, priceOf } from "./views/product.ts";

/** A page that people look at; the rest of a large catalogue is sold through `checkout`. */
const PRODUCTS_AT_MOST = 200;

/** The storefront for people: what is sold, what is shown, and a button. Nothing is loaded from anywhere. */
export function shopPage(shop: Shop, notice: { good: boolean; text: string } | null): string {
	const products = [...shop.state.products.values()]
		.filter((product) => product.type !== "variable" && product.status === "publish")
		.sort((a, b) => a.id - b.id)
		.slice(0, PRODUCTS_AT_MOST);
	const rows = products.map((product) => {
		const left = available(shop, product);
		const shown = left === null ? "In stock" : left <= 0 ? "Out of stock" : `${left} in stock`;
		const price = priceOf(shop, product);
		return `<li class="${left !== null && left <= 0 ? "gone" : ""}">
<div><strong>${htmlText(fullName(shop, product))}</strong><small>${htmlText(product.sku)}</small></div>
<span class="stock">${shown}</span><span class="price">${price === "" ? "" : `$${money(Number(price))}`}</span>
<form method="post"><input type="hidden" name="product" value="${product.id}">
<button ${left !== null && left <= 0 ? "disabled" : ""}>Buy one</button></form></li>`;
	});
	const said = notice ? `<p class="notice ${notice.good ? "good" : "bad"}" role="status">${htmlText(notice.text)}</p>` : "";
	return framed(shop, shop.name, `${said}<ul class="products">${rows.join("")}</ul>`);
}

export const notFoundPage = (shop: Shop) => framed(shop, "Page not found", "<h1>Page not found</h1><p>Nothing is at this address.</p>");

/** Every page of the store says that it is a simulation. */
export function framed(shop: Shop, title: string, body: string): string {
	return `<!DOCTYPE html>
<html lang="en-US">
<head>
<meta charset="UTF-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="robots" content="noindex, nofollow" />
<title>${htmlText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<p class="simulated">Simulated WooCommerce store. Nothing here is real: no goods, no money.</p>
<header><strong>${htmlText(shop.name)}</strong><small>${htmlText(shop.host)}</small></header>
<main>${body}</main>
</body>
</html>
`;
}

const STYLE = `
:root{color-scheme:light;--ink:#2b2118;--soft:#7a6a5a;--line:#e6dccf;--leaf:#3f6b4f}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:#faf6f0}
.simulated{margin:0;padding:.4rem 1rem;background:#fff3c4;color:#5c4700;text-align:center;font-size:.85rem}
header,main{max-width:46rem;margin:0 auto;padding:1rem}
header{display:flex;align-items:baseline;gap:.75rem;padding-top:2rem}
header strong{font:600 1.8rem Georgia,serif}
small{color:var(--soft)}
.products{list-style:none;margin:0;padding:0;background:#fff;border:1px solid var(--line);border-radius:10px}
.products li{display:grid;grid-template-columns:1fr 7rem 5rem auto;gap:1rem;align-items:center;padding:.8rem 1rem;border-top:1px solid var(--line)}
.products li:first-child{border-top:0}
.products small{display:block}
.stock{color:var(--leaf)}.gone .stock{color:#a33}
.price{text-align:right;font-variant-numeric:tabular-nums}
button,.button{border:0;border-radius:6px;padding:.5rem .9rem;background:var(--leaf);color:#fff;font:inherit;cursor:pointer;text-decoration:none;display:inline-block}
button[disabled]{background:#cfc6ba;cursor:default}
.quiet{color:var(--soft);margin-left:1rem}
.notice{padding:.7rem 1rem;border-radius:8px}.good{background:#e2f2e6}.bad{background:#fbe3e0}
@media (max-width:34rem){.products li{grid-template-columns:1fr auto}.price{text-align:left}}
`;
