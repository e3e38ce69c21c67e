import type { World } from "../../world.ts";
import type { Figure, Follower } from "../follow.ts";
import { html } from "../html.ts";
import type { AdminMarket } from "../market.ts";
import { type AdminPage, QUANTITY_MAX, quantityOf, refuse, wholeNumber } from "../page.ts";
import { duration, time } from "../parts.ts";
import type { AdminShop } from "../shop.ts";
import { inWords, WATCH_EVERY_MS } from "./watch.ts";

const LISTED_MAX = 12;

type Parts = { world: World; shop: AdminShop; markets: readonly AdminMarket[]; follower: Follower; root: string };

/** Side by side: the watched product on every channel at once, each with its own counter to buy it at. */
export function homePage(parts: Parts): AdminPage {
	const { shop, markets, follower } = parts;
	const product = () => shop.variants().find(({ sku }) => sku === follower.sku()) ?? refuse("Choose a product to watch");
	return {
		path: "/home",
		menu: { group: "shop", icon: "home", label: "Home" },
		show(rest) {
			if (rest === "") return { title: "Home", body: whole(parts) };
			if (rest === "/happened") return { fragment: happened(parts) };
			if (rest === "/title") return { fragment: titleOf(parts) };
			const figure = follower.look().figures.find(({ channel }) => rest === `/figure/${channel}`);
			return figure ? { fragment: figureOf(figure) } : null;
		},
		forms: {
			"/buy": async (form) => {
				const { id, sku, title } = product();
				const quantity = quantityOf(form);
				const market = markets.find((one) => one.id === form.get("channel"));
				if (!market) return `Order ${shop.placeOrder({ variantId: id, quantity, via: "online" }).name}: ${quantity} × ${title}`;
				if (!market.offers().some((offer) => offer.sku === sku)) refuse(`${market.name} does not sell ${title}`);
				const orderId = await market.checkout([{ sku, quantity }]);
				return orderId === null
					? refuse(`${market.name} shows too few of ${title}`)
					: `${market.name} order ${orderId}: ${quantity} × ${title}`;
			},
			"/type": async (form) => {
				const { id, sku, title, bundle } = product();
				const quantity = wholeNumber(form, "quantity", { min: 0, max: 100_000, what: "A figure" });
				const market = markets.find((one) => one.id === form.get("channel"));
				if (market) {
					if (!market.offers().some((offer) => offer.sku === sku)) refuse(`${market.name} does not sell ${title}`);
					follower.edited(market.id, sku);
					await market.editStock(sku, quantity);
					return `${title} shows ${quantity} on ${market.name}; Lockstep was not told`;
				}
				if (bundle) refuse("A bundle's stock is that of its parts");
				const [first] = shop.locations();
				if (!first) return refuse("The shop has no location");
				shop.changeStock({ variantId: id, locationId: first.id, change: { set: quantity }, reason: "Correction" });
				return `${sku}: ${quantity} available at ${first.name}`;
			},
		},
	};
}

function whole(parts: Parts) {
	const { shop, follower, root, markets } = parts;
	const [first] = shop.locations();
	const column = (figure: Figure) => {
		const { channel, name } = figure;
		const isShop = !markets.some(({ id }) => id === channel);
		return html`<section class="card card-form side-card" aria-label="${name}"><h2>${name}</h2>
	<div class="side-figure" data-poll="${root}/home/figure/${channel}" data-poll-ms="${WATCH_EVERY_MS}">${figureOf(figure)}</div>
	<form class="row-form" method="post" action="${root}/home/buy"><input type="hidden" name="channel" value="${channel}"><input type="number" name="quantity" value="1" min="1" max="${QUANTITY_MAX}" aria-label="Quantity to buy on ${name}" required><button class="button button-primary">Buy</button></form>
	<form class="row-form" method="post" action="${root}/home/type"><input type="hidden" name="channel" value="${channel}"><input type="number" name="quantity" min="0" placeholder="Figure" aria-label="New figure on ${name}" required><button class="button">${isShop ? `Set at ${first?.name ?? ""}` : "Type it there"}</button></form>
</section>`;
	};
	return html`
<div class="page-head"><h1>Side by side</h1></div>
<p class="lead">Buy it on one channel and see the others follow. The figures are what buyers see, by the sandbox's own books. <span data-poll="${root}/home/title">${titleOf(parts)}</span></p>
<div class="side-by-side">${follower
		.look()
		.figures.filter(({ channel }) => channel === "shopify" || markets.some(({ id }) => id === channel))
		.map(column)}</div>
<section class="card"><h2 class="card-title">What just happened</h2><div class="scroll"><table>
	<thead><tr><th>Time</th><th>Channel</th><th>SKU</th><th class="end">Pieces</th><th>What</th></tr></thead>
	<tbody data-poll="${root}/home/happened">${happened(parts)}</tbody>
</table></div></section>`;
}

const figureOf = (figure: Figure) => html`<b>${figure.shown ?? "—"}</b><span class="watch-${figure.state}">${inWords(figure)}</span>`;

function titleOf({ shop, follower }: Parts) {
	const product = shop.variants().find(({ sku }) => sku === follower.sku());
	return html`Watched: <b>${product?.title ?? follower.sku()}</b>.`;
}

function happened({ world, markets }: Parts) {
	const nameOf = (id: string) => markets.find((market) => market.id === id)?.name ?? "Shopify";
	const sales = world.books
		.sales()
		.slice(-LISTED_MAX)
		.map((sale) => ({ ...sale, pieces: -sale.units, what: sale.units > 0 ? "Sold" : "Given back" }));
	const edits = world.books
		.edits()
		.slice(-LISTED_MAX)
		.map((edit) => ({ ...edit, pieces: edit.delta, what: "Stock edited by hand" }));
	const all = [...sales, ...edits].sort((a, b) => b.at - a.at).slice(0, LISTED_MAX);
	if (all.length === 0) return html`<tr><td class="empty" colspan="5">Nothing yet.</td></tr>`;
	return html`${all.map(
		({ at, channel, sku, pieces, what }) =>
			html`<tr><td class="subdued nowrap">${time(at)} <small>${duration(world.clock.now() - at)} ago</small></td><td>${nameOf(channel)}</td><td class="nowrap">${sku}</td><td class="end">${pieces > 0 ? "+" : ""}${pieces}</td><td>${what}</td></tr>`,
	)}`;
}
