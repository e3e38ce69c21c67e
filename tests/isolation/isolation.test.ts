import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TOPICS } from "#app/channels/shopify/webhooks/topics.ts";
import { catalog } from "#app/jobs/catalog.ts";
import { channels } from "#channels";
import { createHandlers } from "../../server/handlers.ts";
import { webOptionsOf } from "../../server/web.ts";
import { send, shopifyDelivery, sign, wooDelivery, wooOrder } from "../kit/senders.ts";
import { idOf, pressesOf } from "./presses.ts";
import { queryNames, type ServedRoute } from "./served.ts";
import { COLLEAGUE, MARK, OURS, openTwoShops, SECRET, STAFF, THEIRS, type TwoShops, WEBHOOK_SECRET } from "./two-shops.ts";

/** Building the app, and some hundred requests on a machine that is busy otherwise. */
const LONG_MS = 600_000;

let w: TwoShops;
beforeAll(async () => {
	w = await openTwoShops();
}, LONG_MS);
afterAll(() => w?.close());

const deps = () => ({
	pool: w.database.pool,
	keyRing: w.env.keys,
	env: w.env,
	log: pino({ level: "silent" }),
	wake: async () => {},
	rescue: async () => {},
	publicUrl: w.env.appUrl,
	orderPollMs: 1_000_000,
	stockCheckMs: 1_000_000,
});
/** Runs it, and fails where anything of the other shop has changed. */
async function theirsUnchanged(work: () => Promise<void>) {
	const before = await w.fingerprint(w.theirs.shopId);
	await work();
	expect(await w.fingerprint(w.theirs.shopId)).toEqual(before);
}
const marked = (text: string) =>
	text.toLowerCase().includes(MARK) ? text.slice(Math.max(0, text.toLowerCase().indexOf(MARK) - 80)).slice(0, 200) : "";
const filled = (path: string, ids: (param: string) => string) =>
	path.replace(/:(\w+)|\*/g, (whole, name) => (whole === "*" ? "x" : encodeURIComponent(ids(name))));
const pages = () => w.routes.filter((route) => route.hasLoader && !route.path.startsWith("/auth"));
const address = (route: ServedRoute, path: string) => (route.index && route.path !== "/" ? `${path}?index` : path);

describe("R37 nothing is left out", () => {
	test("R37 every table that has a shop's rows has rows of both shops, and the other shop's are marked", async () => {
		const empty: string[] = [];
		for (const { name } of w.tables) {
			for (const { shopId } of [w.ours, w.theirs]) {
				const { rows } = await w.database.pool.query(`SELECT FROM "${name}" WHERE shop_id = $1 LIMIT 1`, [shopId]);
				if (rows.length === 0) empty.push(name);
			}
		}
		expect(empty).toEqual([]);
		expect(w.tables.length).toBeGreaterThan(30);
	});

	test("R37 no row can point into another shop: keys and references between shops' tables have the shop in them", async () => {
		const { rows } = await w.database.pool.query<{ name: string }>(
			`WITH shops AS (SELECT attrelid AS id, attnum FROM pg_attribute WHERE attname = 'shop_id' AND NOT attisdropped)
			 SELECT k.conname AS name FROM pg_constraint k JOIN shops s ON s.id = k.conrelid
			 LEFT JOIN shops t ON t.id = k.confrelid
			 WHERE k.connamespace = 'public'::regnamespace AND ((k.contype = 'p' AND k.conkey[1] <> s.attnum)
			   OR (k.contype = 'f' AND t.id IS NOT NULL AND NOT (s.attnum = ANY (k.conkey) AND t.attnum = ANY (k.confkey))))`,
		);
		expect(rows).toEqual([]);
	});

	test("R37 every action that is served, with each thing it tells apart, has a press here, and no other", () => {
		const served = w.routes.flatMap(({ id, intents }) => intents.map((intent) => `${id} ${intent}`.trim()));
		// Typed keys, and a consent to be renewed, are what is left when no intent is said.
		const pressed = new Set(pressesOf(w.ours, w.ours).map(({ route, intent }) => `${route} ${intent}`.trim()));
		const unsaid = ["routes/app.channels.connect.$channel", "routes/app.channels.$id.renew"];
		expect([...pressed].sort()).toEqual([...served, ...unsaid].sort());
	});
});

describe("R37 with another shop's ids", () => {
	test(
		"R37 every page with our own ids is there",
		async () => {
			const got: [string, number][] = [];
			for (const route of pages()) {
				const path = filled(route.path, (param) => idOf(route.path, param, w.ours));
				const { status, text } = await w.ask(address(route, path));
				expect([path, marked(text)]).toEqual([path, ""]);
				if (route.path !== "/") got.push([path, status]);
			}
			expect(got.filter(([, status]) => status !== 200)).toEqual([]);
		},
		LONG_MS,
	);

	test(
		"R37 every page with one or all of its ids from the other shop is 404",
		async () => {
			const got: [string, number, string][] = [];
			await theirsUnchanged(async () => {
				for (const route of pages()) {
					const own = route.params.filter((param) => idOf(route.path, param, w.ours) !== idOf(route.path, param, w.theirs));
					for (let pick = 1; pick < 2 ** own.length; pick++) {
						const foreign = own.filter((_, n) => pick & (1 << n));
						const path = filled(route.path, (param) => idOf(route.path, param, foreign.includes(param) ? w.theirs : w.ours));
						const { status, text } = await w.ask(address(route, path));
						got.push([path, status, marked(text)]);
					}
				}
			});
			expect(got.length).toBeGreaterThan(10);
			expect(got.filter(([, status, text]) => status !== 404 || text !== "")).toEqual([]);
		},
		LONG_MS,
	);

	test(
		"R37 every page, asked behind the question mark for anything of the other shop, shows nothing of it",
		async () => {
			const { theirs } = w;
			const valuesOf = (name: string) => (name === "q" ? [theirs.order, theirs.item] : [theirs.woocommerce, theirs.item]);
			const names = queryNames();
			expect(names.length).toBeGreaterThan(10);
			const wrong: unknown[] = [];
			await theirsUnchanged(async () => {
				for (const route of pages().filter(({ path }) => path !== "/")) {
					const path = filled(route.path, (param) => idOf(route.path, param, w.ours));
					for (const name of names) {
						for (const value of valuesOf(name)) {
							const query = new URLSearchParams([[name, String(value)]]);
							const { status, text, location } = await w.ask(`${path}?${route.index ? "index&" : ""}${query}`);
							// What was asked for may be said again; it is taken out before looking.
							const said = text.replaceAll(String(value), "").replaceAll(encodeURIComponent(String(value)), "");
							if (status >= 500 || marked(said) || marked(location)) wrong.push([path, name, value, status, marked(said)]);
						}
					}
				}
			});
			expect(wrong).toEqual([]);
		},
		LONG_MS,
	);

	test(
		"R37 every action at the other shop's address is 404 or finds nothing, and changes neither shop",
		async () => {
			const ours = await w.fingerprint(w.ours.shopId);
			const wrong: unknown[] = [];
			await theirsUnchanged(async () => {
				for (const press of pressesOf(w.theirs, w.theirs)) {
					const foreign = /\/channels\/\d/.test(press.path);
					if (!foreign && !press.names) continue;
					const { status, text } = await w.ask(press.path, { body: press.body });
					if ((foreign ? status !== 404 : status >= 400 && status !== 404) || marked(text))
						wrong.push([press.path, String(press.body), status, marked(text)]);
				}
			});
			expect(wrong).toEqual([]);
			expect(await w.fingerprint(w.ours.shopId)).toEqual(ours);
		},
		LONG_MS,
	);

	test(
		"R37 every action at our own address that names a thing of the other shop changes neither shop",
		async () => {
			const ours = await w.fingerprint(w.ours.shopId);
			const wrong: unknown[] = [];
			await theirsUnchanged(async () => {
				for (const press of pressesOf(w.ours, w.theirs).filter(({ names }) => names)) {
					const { status, text } = await w.ask(press.path, { body: press.body });
					if (status >= 500 || marked(text)) wrong.push([press.path, String(press.body), status, marked(text)]);
				}
			});
			expect(wrong).toEqual([]);
			expect(await w.fingerprint(w.ours.shopId)).toEqual(ours);
		},
		LONG_MS,
	);

	test(
		"R37 every job that is given our shop and the other's channel does nothing to either channel's rows",
		async () => {
			const handlers = createHandlers(deps()) as unknown as Record<string, (payload: unknown, context: unknown) => Promise<unknown>>;
			const jobs = Object.entries(catalog).filter(([, { kind }]) => kind === "job");
			expect(Object.keys(handlers).sort()).toEqual(Object.keys(catalog).sort());
			const failed: unknown[] = [];
			await theirsUnchanged(async () => {
				for (const [name] of jobs) {
					const payload = { shopId: w.ours.shopId, connectionId: w.theirs.woocommerce };
					const context = { log: deps().log, signal: new AbortController().signal };
					await handlers[name]?.(payload, context).catch((error: unknown) => failed.push([name, String(error)]));
				}
			});
			expect(failed).toEqual([]);
		},
		LONG_MS,
	);

	test("R37 what works by the clock is for all shops on purpose, and is known by name", () => {
		const timers = Object.entries(catalog).flatMap(([name, { kind }]) => (kind === "timer" ? [name] : []));
		expect(timers.sort()).toEqual([
			"alerts.look",
			"connections.refresh-tokens",
			"failures.count",
			"flow.look",
			"housekeeping",
			"polls.count",
			"sweep",
		]);
	});
});

describe("R37 messages from outside", () => {
	const handlers = () => createHandlers(deps());
	const context = () => ({ log: deps().log, signal: new AbortController().signal });
	const work = async () => {
		await handlers()["apply.drain"]?.({ shopId: w.ours.shopId }, context());
		await handlers()["connections.lifecycle"]?.({ shopId: w.ours.shopId }, context());
	};

	test("R37 every address that a machine can call is one of those tried here", () => {
		const endpoints = Object.keys(webOptionsOf(w.env, deps()).endpoints ?? {});
		expect(endpoints.sort()).toEqual([
			"/connect/callback",
			"/connect/woocommerce/callback",
			"/flow/actions/pause-sku-everywhere",
			"/flow/actions/replay-failed-updates",
			"/flow/usage",
		]);
		// Amazon's messages come through queues, where the account stands inside (app/ingest/pull/pull.test.ts).
		expect(
			channels()
				.flatMap(({ id, webhooks }) => (webhooks.signature ? [id] : []))
				.sort(),
		).toEqual(["shopify", "woocommerce"]);
	});

	test("R37 a store's message counts where its address leads and its own secret signed it, and nowhere else", async () => {
		const { ours, theirs } = w;
		const message = (token: string, secret: string) =>
			send(w.port, wooDelivery({ token, secret, topic: "order.updated", body: wooOrder(5), source: "x" }));
		const secretOf = (shopId: number) => `${WEBHOOK_SECRET}-${shopId}`;
		await theirsUnchanged(async () => {
			expect((await message(ours.webhookToken, secretOf(theirs.shopId))).status).toBe(401);
			expect((await message(theirs.webhookToken, secretOf(ours.shopId))).status).not.toBe(200);
			expect((await message(ours.webhookToken, secretOf(ours.shopId))).status).toBe(200);
			await work();
		});
	});

	test("R37 every topic of Shopify's, sent for our shop about ids that both shops have, changes the other shop in nothing", async () => {
		const body = {
			...wooOrder(1),
			id: 90001,
			name: "#90001",
			order_id: 777,
			order_edit: { order_id: 777 },
			inventory_item_id: 90001,
			location_id: 60001,
			available: 1,
			shop_id: w.theirs.shopId,
			shop_domain: THEIRS,
			myshopify_domain: THEIRS,
			domain: THEIRS,
			current: ["read_orders"],
			status: "completed",
			admin_graphql_api_id: "gid://shopify/BulkOperation/1",
			created_at: "2026-11-20T10:00:00-05:00",
			updated_at: "2026-11-20T10:00:01-05:00",
			cancelled_at: null,
			line_items: [{ id: 1, variant_id: 70001, sku: "NW-0001", quantity: 1, current_quantity: 1 }],
			refunds: [],
		};
		const last = (topic: string) => (topic === "app/uninstalled" ? 1 : topic === "shop/redact" ? 2 : 0);
		const statuses: [string, number][] = [];
		await theirsUnchanged(async () => {
			for (const [topic, { compliance }] of Object.entries(TOPICS).sort(([a], [b]) => last(a) - last(b))) {
				if (last(topic) > 0) continue;
				const path = compliance ? "/webhooks/shopify/compliance" : "/webhooks/shopify";
				const { status } = await send(w.port, shopifyDelivery({ shop: OURS, topic, body, secret: SECRET, path }));
				statuses.push([topic, status]);
			}
			await work();
		});
		expect(statuses.filter(([, status]) => status !== 200)).toEqual([]);
	});

	test("R37 a workflow's step of our shop touches nothing of the other's, though SKU and run are the same", async () => {
		const call = (path: string, body: object) => {
			const bytes = Buffer.from(JSON.stringify(body));
			return send(w.port, {
				path,
				body: bytes,
				headers: { "content-type": "application/json", "x-shopify-hmac-sha256": sign(SECRET, bytes) },
			});
		};
		await theirsUnchanged(async () => {
			const run = { shopify_domain: OURS, action_run_id: "same-run-2", properties: { sku: "NW-0001", channel: `${MARK}-name` } };
			for (const path of ["/flow/actions/pause-sku-everywhere", "/flow/actions/replay-failed-updates"]) {
				const answer = await call(path, { ...run, action_run_id: `${path}-1` });
				expect([path, answer.status < 500, marked(answer.body.replaceAll(`${MARK}-name`, ""))]).toEqual([path, true, ""]);
			}
			const usage = { flow_trigger_definition_id: "x", has_enabled_flow: true, shopify_domain: OURS, timestamp: "2026-11-20T10:00:00Z" };
			expect((await call("/flow/usage", usage)).status).toBe(200);
		});
	});

	test("R37 a consent of our shop is finished neither in the other shop nor by another of our staff, and then still by who began it", async () => {
		const { ours, theirs } = w;
		for (const { shopId } of [ours, theirs]) for (const user of [STAFF, COLLEAGUE]) await w.allow(shopId, user, "approve");
		const state = async (of: number) =>
			(await w.database.pool.query("SELECT state, sealed FROM connect_request WHERE shop_id = $1", [of])).rows;
		const [before, others] = [await state(ours.shopId), await state(theirs.shopId)];
		const finish = (name: string, value: string, who: { userId?: string; shop?: string }) =>
			w.ask(`/app/channels/connect/woocommerce?${name}=${encodeURIComponent(value)}&success=1`, who);
		for (const [name, value] of [
			["nonce", ours.ticket],
			["user_id", ours.nonce],
		] as const) {
			for (const who of [{ shop: THEIRS }, { userId: COLLEAGUE }]) {
				const { status, location, text } = await finish(name, value, who);
				expect([name, who, status, location, /start again|not agreed|expired/i.test(text)]).toEqual([name, who, 200, "", true]);
			}
		}
		for (const [name, value] of [
			["nonce", theirs.ticket],
			["user_id", theirs.nonce],
		] as const) {
			expect((await finish(name, value, {})).location).toBe("");
		}
		expect(await state(theirs.shopId)).toEqual(others);
		expect(await state(ours.shopId)).toEqual(before);
		// The same address opened by who began it takes the request up: it was theirs to refuse, not broken.
		await finish("nonce", ours.ticket, {});
		expect(await state(ours.shopId)).not.toEqual(before);
	});

	test("R37 our shop's end, uninstalled and erased, takes nothing of the other shop's", async () => {
		w.uninstallOurs();
		await theirsUnchanged(async () => {
			for (const topic of ["app/uninstalled", "shop/redact"]) {
				const path = topic === "shop/redact" ? "/webhooks/shopify/compliance" : "/webhooks/shopify";
				const body = { id: 1, shop_id: w.theirs.shopId, shop_domain: THEIRS };
				const triggeredAt = new Date(Date.now() + 1_000).toISOString();
				expect((await send(w.port, shopifyDelivery({ shop: OURS, topic, body, secret: SECRET, path, triggeredAt }))).status).toBe(200);
				await work();
			}
		});
		const { rows } = await w.database.pool.query("SELECT FROM shop WHERE domain = $1 AND state = 'installed'", [OURS]);
		expect(rows).toEqual([]);
	});
});
