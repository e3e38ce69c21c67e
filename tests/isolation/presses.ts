import { type Ids, OURS } from "./two-shops.ts";

/** One thing that a person can do on a page: what its action is sent. */
export type Press = {
	route: string;
	intent: string;
	path: string;
	body: URLSearchParams | object;
	/** It names something of a shop's in what is sent, not only in its address. */
	names?: true;
};

const form = (fields: Record<string, string | number>) =>
	new URLSearchParams(Object.entries(fields).map(([key, value]) => [key, String(value)]));

/** Every intent of every action; `at`: whose ids stand in the address, `of`: whose in the body. A test compares this with what is served. */
export function pressesOf(at: Ids, of: Ids): Press[] {
	const channel = `/app/channels/${at.woocommerce}`;
	const rule = { kind: "fixed", fixed: 0 };
	const on =
		(route: string, path: string) =>
		(intent: string, fields: Record<string, string | number> = {}, names?: true) => ({
			route: `routes/${route}`,
			intent,
			path,
			body: form({ ...(intent ? { intent } : {}), ...fields }),
			...(names ? { names } : {}),
		});
	const json = (route: string, path: string, intent: string, body: object, names?: true) => ({
		route: `routes/${route}`,
		intent,
		path,
		body,
		...(names ? { names } : {}),
	});
	const stock = on("app.stock._index", "/app/stock?index");
	const channelPage = on("app.channels.$id._index", `${channel}?index`);
	const matching = on("app.channels.$id.matching._index", `${channel}/matching?index`);
	const choosing = on("app.channels.$id.matching.$listing", `${channel}/matching/${at.listing}`);
	const goLive = on("app.channels.$id.go-live", `${channel}/go-live`);
	const order = on("app.orders.$channel.$order", `/app/orders/${at.woocommerce}/${at.order}`);
	const checks = on("app.checks._index", "/app/checks?index");
	const failures = on("app.failed-updates._index", "/app/failed-updates?index");
	const failure = on("app.failed-updates.$id", `/app/failed-updates/${at.failure}`);
	const oversell = on("app.oversells.$id", `/app/oversells/${at.oversell}`);
	const bulk = on("app.bulk-changes.$id", `/app/bulk-changes/${of.bulk}`);
	const newBulk = on("app.bulk-changes.new", "/app/bulk-changes/new");
	const connect = on("app.channels.connect.$channel", "/app/channels/connect/woocommerce");
	return [
		stock("pause", { item: of.item }, true),
		stock("pause", { item: of.item, channel: of.woocommerce }, true),
		stock("resume", { item: of.item }, true),
		stock("save-view", { name: "Mine", query: "" }),
		stock("delete-view", { id: of.view }, true),
		json("app.stock.edit", "/app/stock/edit", "", { rules: [{ listingId: of.listing, policy: rule }], pauses: [] }, true),
		json("app.stock.edit", "/app/stock/edit", "", { rules: [], pauses: [{ listingId: of.listing, paused: true }] }, true),
		...[
			["preview", { policy: rule }],
			["apply", { policy: rule }],
			["apply", { paused: true }],
		].map(([intent, change]) =>
			json(
				"app.stock.bulk",
				`/app/stock/bulk?channel=${of.woocommerce}`,
				String(intent),
				{ intent, change, press: "isolation", products: of.domain === OURS ? of.items.length : 0 },
				true,
			),
		),
		json(
			"app.items.$id",
			`/app/items/${at.item}`,
			"save",
			{ intent: "save", rules: [{ listingId: of.listing, policy: null }], made: null, links: [] },
			true,
		),
		json(
			"app.items.$id",
			`/app/items/${at.item}`,
			"save",
			{ intent: "save", rules: [{ listingId: of.listing, policy: rule }], made: null, links: [] },
			true,
		),
		...[
			{ listingId: of.listing, was: of.item, to: null },
			{ listingId: of.listing, was: of.items[1] ?? null, to: at.item },
			{ listingId: at.listing, was: at.item, to: of.items[1] ?? null },
		].map((link) => json("app.items.$id", `/app/items/${at.item}`, "save", { intent: "save", rules: [], made: null, links: [link] }, true)),
		json("app.items.$id", `/app/items/${at.item}`, "pause", { intent: "pause", listingIds: [of.listing], paused: true }, true),
		...[of.rulesEntry, of.pausesEntry, of.linksEntry].map((entry) => on("app.activity", "/app/activity")("", { entry }, true)),
		json("app.settings", "/app/settings", "", { defaults: { policy: { kind: "buffer", buffer: 3 }, locationIds: [of.location] } }, true),
		json("app.settings", "/app/settings", "", { people: [{ userId: of.member, right: "approve" }] }, true),
		json("app.settings", "/app/settings", "", { people: [{ userId: of.member, name: "Renamed" }] }, true),
		json("app.settings", "/app/settings", "", { guards: { zero: null, raise: null } }),
		json("app.settings", "/app/settings", "", { newcomers: "approve" }),
		json("app.settings", "/app/settings", "", { afterOversell: "pause" }),
		json("app.settings", "/app/settings", "", {
			mail: {
				rules: ["oversell", "approval", "failures", "lag", "unreachable", "writer", "totals", "paused"].map((kind) => ({
					kind,
					enabled: false,
					threshold: 50,
				})),
				recipients: [{ address: "thief@example.com", alerts: true, digest: true }],
				digestHour: 3,
				timeZone: "UTC",
			},
		}),
		json("app.settings", "/app/settings", "", { test: "ann@example.com", press: "isolation" }),
		...["catalogue", "sources", "dry-run", "watch", "restore"].map((work) => channelPage("set-up", { work })),
		channelPage("mirrored", { mirrored: "takes-stock" }),
		channelPage("polling", { minutes: "30" }),
		channelPage("pause"),
		channelPage("resume"),
		matching("link-exact"),
		matching("link", { link: `${of.listing}:${of.items[1]}` }, true),
		matching("unlink", { listing: of.listing }, true),
		matching("undo", { auditId: of.linksEntry }, true),
		matching("import", { file: `Listing ID,SKU\n${of.listing},NW-0002\n` }),
		matching("read"),
		choosing("link", { item: of.items[1] ?? 0 }, true),
		choosing("unlink"),
		goLive("run"),
		goLive("all"),
		goLive("some", { listing: of.listing }, true),
		json("app.channels.$id.rules", `${channel}/rules`, "preview", { intent: "preview", policy: rule, locationIds: [of.location] }, true),
		json(
			"app.channels.$id.rules",
			`${channel}/rules`,
			"save",
			{ intent: "save", policy: { kind: "exact" }, locationIds: [of.location] },
			true,
		),
		on("app.approvals.$id", `/app/approvals/${at.changes}`)("keep"),
		...["write-back", "approve"].map((intent) => on("app.approvals.$id", `/app/approvals/${at.changes}`)(intent, { id: of.item }, true)),
		checks("check"),
		checks("check", { channel: of.woocommerce }, true),
		checks("tolerate", { channel: of.woocommerce, units: 3 }, true),
		failures("discard", { id: of.failure, reason: "A test" }, true),
		...["acknowledge", "ignore", "reopen"].map((intent) => failures(intent, { problem: of.problem }, true)),
		order("read-again"),
		order("count-again", { press: "isolation-3" }),
		order("count-again", { press: "isolation-4", event: of.event }, true),
		failure("try-again", { name: "x", press: "isolation" }),
		on("app.failed-updates.replay", `/app/failed-updates/replay?id=${of.failure}`)(
			"",
			{ name: "x", reason: "x", press: "isolation-2" },
			true,
		),
		...["pause", "resume", "cancel"].map((intent) => on("app.failed-updates.runs.$run", `/app/failed-updates/runs/${at.run}`)(intent)),
		failure("link", { listing: of.listing, item: of.items[1] ?? 0, press: "isolation-5" }, true),
		failure("correct", { text: "{}", press: "isolation-6" }),
		failure("discard", { reason: "A test" }),
		oversell("take-from", { oversell: of.oversell, location: of.location, press: "isolation-7" }, true),
		oversell("substitute", { oversell: of.oversell, item: of.items[1] ?? 0, press: "isolation-8" }, true),
		oversell("take-from", { oversell: at.oversell, location: of.location, press: "isolation-9" }, true),
		oversell("substitute", { oversell: at.oversell, item: of.items[1] ?? 0, press: "isolation-10" }, true),
		oversell("send-instead", { oversell: of.oversell, text: "The blue one" }, true),
		...[["cancel"], ["dismiss", { reason: "A test" }] as const, ["reopen"]].map(([intent, fields]) =>
			oversell(String(intent), (fields ?? {}) as Record<string, string>),
		),
		...["put-away", "pause", "resume", "cancel", "roll-back", "look-again"].map((intent) => bulk(intent, {}, true)),
		bulk("confirm", { leaveOut: "yes" }, true),
		newBulk("file", { name: "x.csv", press: "isolation-11", file: `SKU,Quantity\nNW-0001,1\n` }),
		newBulk("orders", { channel: of.woocommerce, since: new Date().toISOString().slice(0, 10), press: "isolation-12" }, true),
		newBulk("listings", { channel: of.woocommerce, press: "isolation-13" }, true),
		connect("one-click", { account: "https://store.example" }),
		connect("consent", {}),
		{ ...connect("", { account: "https://store.example", consumerKey: "ck_1", consumerSecret: "cs_1" }) },
		...["restore", "stop", "disconnect"].map((intent) => on("app.channels.$id.disconnect", `${channel}/disconnect`)(intent)),
		on("app.channels.$id.renew", `/app/channels/${at.consented}/renew`)(""),
		on("app.channels.$id.renew", `${channel}/renew`)("one-click"),
		on("app.channels.$id.renew", `${channel}/renew`)("", { consumerKey: "ck_1", consumerSecret: "cs_1" }),
	];
}

/** Whose id a part of an address is, by the part before it. A new one is given its meaning here. */
export function idOf(path: string, param: string, ids: Ids): string {
	const before = path.split("/")[path.split("/").indexOf(`:${param}`) - 1];
	switch (`${before}/:${param}`) {
		case "channels/:id":
			return String(path.endsWith("/renew") ? ids.consented : ids.woocommerce);
		case "orders/:channel":
			return String(ids.woocommerce);
		case "failed-updates/:id":
			return String(ids.failure);
		case "checks/:run":
			return String(ids.check);
		case "differences/:id":
			return String(ids.difference);
		case "approvals/:id":
			return String(ids.changes);
		case "totals/:id":
			return String(ids.totals);
		case "oversells/:id":
			return String(ids.oversell);
		case "runs/:run":
			return String(ids.run);
		case "items/:id":
			return String(ids.item);
		case "bulk-changes/:id":
			return String(ids.bulk);
		case "matching/:listing":
			return String(ids.listing);
		case ":channel/:order":
			return ids.order;
		case "connect/:channel":
			return "woocommerce";
	}
	throw new Error(`Whose id is :${param} in ${path}? Say it in tests/isolation/presses.ts`);
}
