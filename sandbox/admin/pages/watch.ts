import type { Figure, Follower } from "../follow.ts";
import { html } from "../html.ts";
import { type AdminPage, productOf } from "../page.ts";
import { duration, time } from "../parts.ts";
import type { AdminShop } from "../shop.ts";

/** The strip on every page: what each channel shows of one product now, and how long it took to follow. */
export const watchPage = (shop: AdminShop, follower: Follower): AdminPage => ({
	path: "/watch",
	menu: null,
	show: (rest) => (rest === "/figures" ? { fragment: watchFigures(follower) } : null),
	forms: {
		"": (form) => {
			const { sku, title } = productOf(form, shop.variants(), "here");
			follower.follow(sku);
			return `Watching ${title}`;
		},
	},
});

/** Often enough to see it move; it is one machine asking itself. */
export const WATCH_EVERY_MS = 400;

export const watchStrip = (root: string, follower: Follower) => html`
<section class="watch" aria-label="Watch">
	<form class="watch-pick" method="post" action="${root}/watch">
		<label>Watch<input name="product" list="skus" placeholder="Another SKU" required autocomplete="off"></label><button class="button">Watch</button>
	</form>
	<div class="watch-now" data-poll="${root}/watch/figures" data-poll-ms="${WATCH_EVERY_MS}">${watchFigures(follower)}</div>
</section>`;

function watchFigures(follower: Follower) {
	const { happened, figures } = follower.look();
	return html`<p class="watch-what"><b>${follower.sku()}</b>${happened ? html`<span>${happened.what}, ${time(happened.at)}</span>` : html`<span>Buy it or edit it anywhere</span>`}</p>
<ul class="watch-figures">${figures.map(
		(figure) =>
			html`<li class="watch-${figure.state}" data-channel="${figure.channel}"><span>${figure.name}</span><b>${figure.shown ?? "—"}</b><small>${inWords(figure)}</small></li>`,
	)}</ul>`;
}

export function inWords({ state, ms, shown }: Figure): string {
	if (shown === undefined) return "not sold here";
	switch (state) {
		case "here":
			return "it happened here";
		case "followed":
			return `followed in ${duration(ms)}`;
		case "waiting":
			return `waiting, ${duration(ms)}`;
		case "still":
			return "as before";
	}
}
