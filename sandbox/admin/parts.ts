import { html, raw } from "./html.ts";
import { QUANTITY_MAX, type Selection } from "./page.ts";

/** Pieces that several pages of the admin are made of. */
export const searchBar = (
	action: string,
	{ query, found }: Selection,
	{ placeholder, noun }: { placeholder: string; noun?: string },
) => html`
<form class="filter" method="get" action="${action}" role="search">
	<input type="search" name="q" value="${query}" placeholder="${placeholder}" aria-label="${placeholder}">
	${noun && html`<span class="subdued">${found.toLocaleString("en-US")} ${noun}</span>`}
</form>`;

export function pager(action: string, { query, number, pages }: Selection) {
	const at = (page: number) => `${action}?${new URLSearchParams({ q: query, page: String(page) })}`;
	const turn = (label: string, page: number) =>
		page < 1 || page > pages
			? html`<a class="button" aria-disabled="true">${label}</a>`
			: html`<a class="button" href="${at(page)}">${label}</a>`;
	return html`<div class="pager">${turn("Previous", number - 1)}<span class="subdued">Page ${number} of ${pages}</span>${turn("Next", number + 1)}</div>`;
}

/** The list behind it is in the layout, once. */
export const productField = html`<label>Product<input name="product" list="skus" required placeholder="SKU" autocomplete="off"></label>`;
export const quantityField = html`<label class="narrow">Quantity<input type="number" name="quantity" value="1" min="1" max="${QUANTITY_MAX}" required></label>`;

export const hidden = (fields: Readonly<Record<string, string>>) =>
	Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);

type Tone = "plain" | "attention" | "success" | "critical";
export const badge = (text: string, tone: Tone = "plain") =>
	html`<span class="${tone === "plain" ? "badge" : `badge badge-${tone}`}">${text}</span>`;

export const time = (at: number) => html`<time datetime="${new Date(at).toISOString()}">${new Date(at).toISOString().slice(11, 19)}</time>`;

export const back = (href: string, label: string) =>
	html`<a class="back" href="${href}" aria-label="Back to ${label}">${raw("&larr;")}</a>`;

/** "2.4 s", or "3 min" when it has been long. */
export const duration = (ms: number) => (ms < 60_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min`);
