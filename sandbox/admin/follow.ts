import type { World } from "../world.ts";

/** One product, followed over all channels: what last happened to it, and what each channel shows since. */
export type Follower = {
	sku(): string;
	follow(sku: string): void;
	/** Somebody typed another figure on a channel: no sale, no stock, but something to be found. */
	edited(channel: string, sku: string): void;
	look(): { happened: Happened | null; figures: readonly Figure[] };
};

type Happened = { at: number; channel: string; what: string; behindItsBack: boolean };
export type Figure = {
	channel: string;
	name: string;
	/** undefined: it does not sell it. */
	shown: number | undefined;
	state: "here" | "followed" | "waiting" | "still";
	/** Until it followed, or until now. */
	ms: number;
};

/**
 * By the merchant's rules a channel may show another figure than what there is: one that moved and then stayed for so long has
 * followed as well. A shorter time would take the figure of an earlier change for it.
 */
const CALM_MS = 5_000;

/**
 * It looks at the sandbox's own books, so what it says is what buyers see, whatever the app believes. A person follows one
 * product at a time: the one that was last bought or edited on these pages, or that was chosen.
 */
export function createFollower(world: World, channels: readonly { id: string; name: string }[], first: string): Follower {
	const { books, clock } = world;
	const nameOf = (id: string) => channels.find((channel) => channel.id === id)?.name ?? id;
	let sku = first;
	let happened: Happened | null = null;
	let readTo = books.mark();
	let seen = new Map<string, { shown: number | undefined; since: number }>();

	const look = () => {
		for (const { id } of channels) {
			const shown = books.shown(id, sku);
			if (seen.get(id)?.shown !== shown || !seen.has(id)) seen.set(id, { shown, since: seen.has(id) ? clock.now() : 0 });
		}
	};
	const follow = (next: string) => {
		if (next === sku) return;
		sku = next;
		happened = null;
		seen = new Map();
		look();
	};
	const concerns = (moved: string) => books.componentsOf(sku).some((part) => part.sku === moved);
	books.watch(({ kind }) => {
		if (kind === "showed") look();
		// The sale of a bundle is several entries, one for each of its parts, and told once.
		for (const sale of books.sales().slice(readTo)) {
			if (!concerns(sale.sku)) continue;
			const pieces = sale.sku === sku ? `${Math.abs(sale.units)} ` : "its parts ";
			const what = `${pieces}${sale.units > 0 ? "sold on" : "given back on"} ${nameOf(sale.channel)}`;
			happened = { at: sale.at, channel: sale.channel, what, behindItsBack: false };
		}
		readTo = books.mark();
		// A listener is called right after the entry was made, so it is the last one.
		const edit = kind === "edited" ? books.edits().at(-1) : undefined;
		if (edit && concerns(edit.sku)) {
			const what = `stock edited by ${edit.delta > 0 ? "+" : ""}${edit.delta} in ${nameOf(edit.channel)}`;
			happened = { at: edit.at, channel: edit.channel, what, behindItsBack: false };
		}
	});
	look();

	return {
		sku: () => sku,
		follow,
		edited(channel, edited) {
			follow(edited);
			happened = { at: clock.now(), channel, what: `figure typed by hand on ${nameOf(channel)}`, behindItsBack: true };
		},
		look() {
			look();
			const now = clock.now();
			const should = books.sellable(sku);
			const figures = channels.map(({ id, name }): Figure => {
				const { shown, since } = seen.get(id) ?? { shown: undefined, since: 0 };
				const figure = (state: Figure["state"], ms = 0): Figure => ({ channel: id, name, shown, state, ms });
				if (!happened || shown === undefined) return figure("still");
				const own = id === happened.channel;
				if (own && !happened.behindItsBack) return figure("here");
				const moved = since > happened.at && (shown === should || (!own && now - since > CALM_MS));
				if (moved) return figure("followed", since - happened.at);
				return shown === should ? figure("still") : figure("waiting", now - happened.at);
			});
			return { happened, figures };
		},
	};
}
