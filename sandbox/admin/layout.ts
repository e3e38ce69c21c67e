import { type Html, html, type IconName, icon, raw } from "./html.ts";

export type Chrome = {
	shopName: string;
	/** `/store/<handle>` */
	root: string;
	app: { name: string; handle: string };
	links: readonly { label: string; url: string }[];
};

export type PageName = "orders" | "products" | "app" | "break-it";

/** One page of the simulated admin. The badge that says so is part of the layout: no page can be without it. */
export function layout(chrome: Chrome, page: { name: PageName; title: string; body: Html }): string {
	const { shopName, root, app, links } = chrome;
	const entry = (name: PageName, path: string, picture: IconName, label: string) =>
		html`<a href="${root}${path}" ${name === page.name ? raw('aria-current="page"') : null}>${icon(picture)}<span>${label}</span></a>`;
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
	${entry("orders", "/orders", "orders", "Orders")}
	${entry("products", "/products", "products", "Products")}
	<h2>Apps</h2>
	${entry("app", `/apps/${app.handle}`, "lockstep", app.name)}
	<div class="sub" id="app-nav"></div>
	<h2>Sandbox</h2>
	${entry("break-it", "/break-it", "lightning", "Break it")}
	${links.map(({ label, url }) => html`<a href="${url}" target="_blank" rel="noopener">${icon("link")}<span>${label}</span></a>`)}
	<p class="note">Shop, orders and channels on this page are played on this machine. Nothing leaves it.</p>
</nav>
<main class="${page.name === "app" ? "main main-app" : "main"}">${page.body}</main>
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
