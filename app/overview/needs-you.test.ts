import { expect, test } from "vitest";
import { needsYou } from "./needs-you.ts";
import type { AttentionLine, ChannelOverview, OversellLine, Overview } from "./overview.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const NONE = { count: 0, more: false };

const channel = (differences: Partial<ChannelOverview>): ChannelOverview => ({
	id: 2,
	channel: "woocommerce",
	name: "WooCommerce",
	account: "store.example",
	isHome: false,
	state: "live",
	health: { state: "green", reason: null, since: NOW },
	listings: 3,
	unlinked: 0,
	behind: 0,
	behindSince: null,
	pausedListings: 0,
	lag: null,
	...differences,
});
const red = { state: "red", reason: "It refused its keys.", since: NOW } as const;
const owed = (id: number, units: number): OversellLine => ({
	id,
	at: NOW,
	itemId: 7,
	sku: "MUG",
	title: "Mug",
	channel: "WooCommerce",
	order: "#1",
	units: 2,
	owed: units,
});
const parked = (id: number, direction: "in" | "out"): AttentionLine => ({
	id,
	at: NOW,
	direction,
	channel: "WooCommerce",
	connectionId: 2,
	operation: "write stock",
	errorClass: "rejected",
	failures: 1,
	subject: "Mug",
	error: "no",
	attempts: 5,
});
const overview = (differences: Partial<Overview> = {}): Overview => ({
	asOf: NOW,
	firstImport: { state: "done" },
	channels: [channel({ id: 1, channel: "shopify", name: "Shopify", isHome: true }), channel({})],
	waiting: { messages: 0, since: null },
	oversells: { count: 0, units: 0, open: 0, unitsOwed: 0, newest: [] },
	approvals: [],
	keptFigures: 0,
	keptPaused: 0,
	consents: [],
	versions: [],
	alerts: [],
	attention: { updates: NONE, messages: NONE, problems: NONE, newest: [] },
	sales: { orders: NONE, newest: [] },
	...differences,
});

test("R35 nothing waits for anybody in a quiet shop; a channel that has trouble answering is asked again by itself", () => {
	const troubled = channel({ health: { ...red, state: "degraded" } });
	expect(needsYou(overview({ channels: [troubled] }))).toEqual({ total: NONE, needs: [] });
});

test("R35 R11 R21 R29 R31 R33 one list: unreachable channels, owed units, slow ones, other writers, ending consents and versions, forgotten pauses, what was set aside", () => {
	const { total, needs } = needsYou(
		overview({
			channels: [channel({ health: red }), channel({ id: 3, health: red, state: "paused" })],
			oversells: { count: 2, units: 4, open: 1, unitsOwed: 2, newest: [owed(1, 2), owed(2, 0)] },
			approvals: [{ id: 7, kind: "zero", since: NOW, products: 312, passed: 50 }],
			keptPaused: 2,
			consents: [{ connectionId: 2, channel: "Amazon", endsAt: NOW }],
			versions: [{ name: "Shopify", pinned: "2026-10", endsAt: NOW, hasEnded: false }],
			alerts: [
				{ kind: "lag", connectionId: 2, channel: "WooCommerce", since: NOW, count: 12 },
				{ kind: "writer", connectionId: 1, channel: "Shopify", since: NOW, count: 6 },
				{ kind: "paused", connectionId: 3, channel: "Outlet", since: NOW, count: 40 },
			],
			attention: {
				updates: { count: 1, more: false },
				messages: { count: 1, more: false },
				problems: { count: 2, more: false },
				newest: [parked(9, "in"), parked(8, "out")],
			},
		}),
	);
	expect(needs.map(({ need }) => need)).toEqual([
		...[
			"unreachable",
			"oversold",
			"approval",
			"slow",
			"other-writer",
			"kept-paused",
			"consent",
			"version",
			"forgotten-pause",
			"not-understood",
			"undelivered",
		],
	]);
	expect(total).toEqual({ count: 11, more: false });
});

test("R21 what is not listed is counted all the same; failures of one kind are one thing to look at", () => {
	const { total } = needsYou(
		overview({
			oversells: { count: 0, units: 0, open: 7, unitsOwed: 9, newest: [owed(1, 2)] },
			attention: { updates: { count: 10_000, more: false }, messages: NONE, problems: { count: 3, more: false }, newest: [] },
		}),
	);
	expect(total).toEqual({ count: 10, more: false });
});
