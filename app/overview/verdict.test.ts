import { describe, expect, test } from "vitest";
import type { ChannelOverview, Overview } from "./overview.ts";
import { verdictOf } from "./verdict.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const secondsAgo = (seconds: number) => new Date(Date.parse(NOW) - seconds * 1000).toISOString();

function channel(differences: Partial<ChannelOverview> = {}): ChannelOverview {
	return {
		id: 2,
		channel: "woocommerce",
		name: "WooCommerce",
		account: "store.example",
		isHome: false,
		state: "live",
		health: { state: "green", reason: null, since: NOW },
		listings: 480,
		unlinked: 0,
		behind: 0,
		behindSince: null,
		pausedListings: 0,
		lag: null,
		...differences,
	};
}

const home = (differences: Partial<ChannelOverview> = {}) =>
	channel({ id: 1, channel: "shopify", name: "Shopify", isHome: true, listings: 500, ...differences });

function overview(differences: Partial<Overview> = {}): Overview {
	return {
		asOf: NOW,
		firstImport: { state: "done" },
		channels: [home(), channel()],
		waiting: { messages: 0, since: null },
		oversells: { count: 0, units: 0, open: 0, unitsOwed: 0, newest: [] },
		approvals: [],
		keptFigures: 0,
		keptPaused: 0,
		consents: [],
		versions: [],
		alerts: [],
		attention: { updates: { count: 0, more: false }, messages: { count: 0, more: false }, problems: { count: 0, more: false }, newest: [] },
		sales: { orders: { count: 0, more: false }, newest: [] },
		...differences,
	};
}

describe("the one answer at the top of the overview", () => {
	test("all live channels show the right stock: in step", () => {
		expect(verdictOf(overview())).toEqual({ verdict: "in-step", listings: 480, channels: ["WooCommerce"] });
	});

	test("an update on its way for a second is no worry, one of eleven seconds is", () => {
		const behind = (seconds: number) =>
			verdictOf(overview({ channels: [home(), channel({ behind: 3, behindSince: secondsAgo(seconds) })] }));
		expect(behind(1)).toEqual({ verdict: "moving", count: 3 });
		expect(behind(11)).toEqual({ verdict: "behind", count: 3, since: secondsAgo(11), channels: ["WooCommerce"] });
	});

	test("Shopify itself may be the one that is behind", () => {
		const late = overview({ channels: [home({ behind: 1, behindSince: secondsAgo(60) }), channel()] });
		expect(verdictOf(late)).toMatchObject({ verdict: "behind", channels: ["Shopify"] });
	});

	test("messages that are stored and not yet applied for long mean that nobody knows yet", () => {
		expect(verdictOf(overview({ waiting: { messages: 40, since: secondsAgo(30) } }))).toMatchObject({
			verdict: "behind",
			since: secondsAgo(30),
		});
		expect(verdictOf(overview({ waiting: { messages: 40, since: secondsAgo(2) } }))).toMatchObject({ verdict: "in-step" });
	});

	test("R21 what is parked needs a person, even when everything else is in step", () => {
		const attention = {
			updates: { count: 2, more: false },
			messages: { count: 1, more: false },
			problems: { count: 2, more: false },
			newest: [],
		};
		expect(verdictOf(overview({ attention }))).toEqual({ verdict: "attention", count: 3, more: false });
	});

	test("R11 units that are owed come before what is merely parked", () => {
		const attention = {
			updates: { count: 2, more: false },
			messages: { count: 0, more: false },
			problems: { count: 1, more: false },
			newest: [],
		};
		const oversells = { count: 1, units: 2, open: 1, unitsOwed: 2, newest: [] };
		expect(verdictOf(overview({ attention, oversells }))).toEqual({ verdict: "oversold", units: 2 });
		expect(verdictOf(overview({ oversells: { ...oversells, unitsOwed: 0 } }))).toMatchObject({ verdict: "in-step" });
	});

	test("a channel that cannot be reached comes first, unless the merchant paused it", () => {
		const red = channel({ health: { state: "red", reason: "Its keys were refused.", since: NOW } });
		expect(verdictOf(overview({ channels: [home(), red] }))).toMatchObject({
			verdict: "broken",
			channel: { name: "WooCommerce" },
			others: 0,
		});
		expect(verdictOf(overview({ channels: [home(), { ...red, state: "paused" }] }))).toEqual({
			verdict: "idle",
			channels: ["WooCommerce"],
		});
	});

	test("R18 a channel that has trouble is named as such, and is no call for a person", () => {
		const troubled = channel({ health: { state: "degraded", reason: "503", since: NOW }, behind: 4, behindSince: secondsAgo(60) });
		expect(verdictOf(overview({ channels: [home(), troubled] }))).toMatchObject({ verdict: "troubled", channel: { behind: 4 }, others: 0 });
	});

	test("R42 a watched channel is never called behind: what would change is said instead", () => {
		const watched = channel({ state: "watching", behind: 12 });
		expect(verdictOf(overview({ channels: [home(), watched] }))).toEqual({
			verdict: "watching",
			channels: ["WooCommerce"],
			wouldChange: 12,
		});
		const besideLive = verdictOf(overview({ channels: [home(), watched, channel({ id: 3, name: "Second store" })] }));
		expect(besideLive).toEqual({ verdict: "in-step", listings: 480, channels: ["Second store"] });
	});

	test("a new shop reads its products before anything else is said of it", () => {
		expect(verdictOf(overview({ firstImport: { state: "waiting" } }))).toEqual({ verdict: "reading", done: 0, total: null });
		expect(verdictOf(overview({ firstImport: { state: "reading", done: 312, total: 500 } }))).toEqual({
			verdict: "reading",
			done: 312,
			total: 500,
		});
		expect(verdictOf(overview({ firstImport: { state: "failed", reason: "Shopify cancelled it." } }))).toMatchObject({
			verdict: "reading-failed",
		});
	});

	test("a shop without another channel is alone, not in step", () => {
		expect(verdictOf(overview({ channels: [home()] }))).toEqual({ verdict: "alone" });
		expect(verdictOf(overview({ channels: [home(), channel({ state: "connecting" })] }))).toEqual({
			verdict: "idle",
			channels: ["WooCommerce"],
		});
	});
});
