/** What a page can be like. Each has a picture at both sizes in docs/screens/, or a reason why there is none (screens.test.ts). */
export const STATES = ["full", "empty", "huge", "loading", "failing", "look", "no-right", "unavailable"] as const;
export type State = (typeof STATES)[number];
export type Screen = { name: string; route: string; not: Partial<Record<State, string>> };

export const STATE_WORDS: Readonly<Record<State, string>> = {
	full: "on an ordinary day",
	empty: "nothing there yet",
	huge: "8,000 products of long names, 5,000 orders, twelve locations",
	loading: "asked for, from the page that leads there: that one stays, and the admin's line runs",
	failing: "its data could not be read",
	look: "for a person who may only look",
	"no-right": "opened by its address by a person who may only look",
	unavailable: "the server's operator has not registered the app with the channel",
};

const LOOKABLE = { "no-right": "whoever may open Lockstep may look at it" };
const FORM = { look: "who may only look meets the next picture" };
const ALWAYS = { unavailable: "needs no registration with a channel" };
const screen = (name: string, route: string, not: Screen["not"] = {}): Screen => ({ name, route, not: { ...LOOKABLE, ...ALWAYS, ...not } });
const form = (name: string, route: string, not: Screen["not"] = {}): Screen => ({ name, route, not: { ...FORM, ...ALWAYS, ...not } });
const byConsent = (name: string, route: string, not: Screen["not"] = {}): Screen => ({ name, route, not: { ...FORM, ...not } });

/** Every page of app/routes under the name that its pictures begin with. */
export const SCREENS: readonly Screen[] = [
	screen("overview", "app._index"),
	screen("channels", "app.channels._index"),
	byConsent("connect", "app.channels.connect.$channel", { empty: "a form is never empty" }),
	screen("channel", "app.channels.$id._index"),
	screen("matching", "app.channels.$id.matching._index"),
	screen("choose-product", "app.channels.$id.matching.$listing"),
	form("rules", "app.channels.$id.rules", { empty: "a form is never empty" }),
	screen("go-live", "app.channels.$id.go-live"),
	screen("watch", "app.channels.$id.watch"),
	byConsent("renew", "app.channels.$id.renew", { empty: "a form is never empty" }),
	form("new-keys", "app.channels.$id.renew", { empty: "a form is never empty" }),
	form("disconnect", "app.channels.$id.disconnect"),
	screen("stock", "app.stock._index"),
	form("stock-edit", "app.stock.edit"),
	form("stock-bulk", "app.stock.bulk"),
	screen("bulk-changes", "app.bulk-changes._index"),
	form("bulk-new", "app.bulk-changes.new", { empty: "a form is never empty" }),
	screen("bulk-change", "app.bulk-changes.$id", { empty: "there is a bulk change, or no such page" }),
	screen("item", "app.items.$id"),
	screen("orders", "app.orders._index"),
	screen("order", "app.orders.$channel.$order"),
	screen("oversells", "app.oversells._index"),
	screen("oversell", "app.oversells.$id", { empty: "there is an owed order, or no such page" }),
	screen("failed-updates", "app.failed-updates._index"),
	screen("failed-update", "app.failed-updates.$id", { empty: "there is a failure, or no such page" }),
	form("replay-preview", "app.failed-updates.replay"),
	screen("replay-ended", "app.failed-updates.runs.$run", { empty: "a run has one failure at least" }),
	screen("approval", "app.approvals.$id", { empty: "something waits, or no such page" }),
	screen("totals", "app.checks.totals.$id", { empty: "a week was compared, or no such page" }),
	screen("checks", "app.checks._index"),
	screen("check", "app.checks.$run", { empty: "a check, or no such page; one that found nothing is the ordinary day's" }),
	screen("difference", "app.checks.differences.$id", { empty: "there is a difference, or no such page" }),
	screen("activity", "app.activity"),
	screen("settings", "app.settings"),
];

export const pictureOf = (name: string, state: State) => (state === "full" ? name : `${name}-${state}`);
