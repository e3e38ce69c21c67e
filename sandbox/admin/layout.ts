import { type Html, html, type IconName, icon, raw } from "./html.ts";
import type { AdminPage, MenuGroup } from "./page.ts";

export type Chrome = {
	shopName: string;
	/** `/store/<handle>` */
	root: string;
	/** What the menu names, in its order. */
	pages: readonly Pick<AdminPage, "path" | "menu">[];
	links: readonly { label: string; url: string }[];
	/** Every SKU, for the fields that take one. */
	skus: readonly { sku: string; title: string }[];
	/** Above every page but the app's own. */
	strip: Html;
};

const GROUPS: readonly { id: MenuGroup; title: string | null }[] = [
	{ id: "shop", title: null },
	{ id: "channels", title: "Sales channels" },
	{ id: "apps", title: "Apps" },
	{ id: "sandbox", title: "Sandbox" },
];

/** One page of the simulated admin. The badge that says so is part of the layout: no page can be without it. */
export function layout(chrome: Chrome, page: { path: string; title: string; body: Html; isApp: boolean }): string {
	const { shopName, root, pages, links, skus, strip } = chrome;
	const entry = ({ path, menu }: { path: string; menu: { icon: IconName; label: string } }) =>
		html`<a href="${root}${path}" ${path === page.path ? raw('aria-current="page"') : null}>${icon(menu.icon)}<span>${menu.label}</span></a>`;
	const group = ({ id, title }: (typeof GROUPS)[number]) => {
		const entries = pages.flatMap(({ path, menu }) => (menu?.group === id ? [entry({ path, menu })] : []));
		if (entries.length === 0) return null;
		// The app fills in what is below its own entry.
		return html`${title && html`<h2>${title}</h2>`}${entries}${id === "apps" && raw('<div class="sub" id="app-nav"></div>')}`;
	};
	return `<!doctype html>${
		html`<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${page.title} · Simulated Shopify admin</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/admin-assets/admin.css">
</head>
<body>
<header class="top">
	<label class="menu-button" for="menu" aria-label="Menu">${icon("menu")}</label>
	<span class="simulated">Simulated Shopify admin</span>
	<span class="search" aria-hidden="true">${icon("search")}<span>Search</span></span>
	<span class="shop"><span class="shop-name">${shopName}</span><span class="avatar">${initials(shopName)}</span></span>
</header>
<input type="checkbox" id="menu" hidden>
<nav class="side" aria-label="Shop">
	${GROUPS.map(group)}
	${links.map(({ label, url }) => html`<a href="${url}" target="_blank" rel="noopener">${icon("link")}<span>${label}</span></a>`)}
	<p class="note">Shop, orders and channels on this page are played on this machine. Nothing leaves it.</p>
</nav>
<main class="${page.isApp ? "main main-app" : "main"}">${page.isApp ? null : strip}${page.body}</main>
${page.isApp ? null : html`<datalist id="skus">${skus.map(({ sku, title }) => html`<option value="${sku}">${title}</option>`)}</datalist>`}
<div id="toasts" class="toasts"></div>
<script src="/admin-assets/poll.js"></script>
</body></html>`.html
	}`;
}

const initials = (name: string) =>
	name
		.split(/\s+/)
		.slice(0, 2)
		.map((word) => word[0] ?? "")
		.join("")
		.toUpperCase();
