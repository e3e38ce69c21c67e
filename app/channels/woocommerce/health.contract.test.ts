import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReplay, type SentRequest } from "../../../tests/kit/replay.ts";
import { hasContract, readContract, recording, type Step, schemaProblems } from "../../../tests/kit/woo-contract.ts";
import type { ChannelClient } from "../channel.ts";
import { woocommerce } from "./index.ts";

const API = "/wp-json/wc/v3";
const credentials = { consumerKey: `ck_${"1".repeat(40)}`, consumerSecret: `cs_${"2".repeat(40)}` };

describe.skipIf(!hasContract)("connecting to a real WooCommerce 11.0.1", () => {
	let replay: Awaited<ReturnType<typeof createReplay>>;
	let client: ChannelClient;
	beforeAll(async () => {
		replay = await createReplay();
		client = woocommerce.connect({ account: "store.example", credentials });
	});
	afterAll(async () => {
		const sent = [...replay.requests];
		await replay.close();
		expect(sent.length).toBeGreaterThan(25);
		expect(sent.flatMap((request) => schemaProblems(request))).toEqual([]);
	});

	const steps = hasContract ? recording("connect-read-store") : [];
	const auth = hasContract ? recording("auth") : [];
	const store = (over: (request: SentRequest) => { status?: number; body: unknown } | undefined = () => undefined) => {
		replay.setDate("2026-11-21T04:37:32Z");
		const known: Record<string, { body: unknown }> = {
			"GET /wp-json/": { body: steps[3]?.response.body },
			[`GET ${API}/system_status`]: { body: steps[0]?.response.body },
			[`GET ${API}/settings/products`]: { body: steps[2]?.response.body },
			[`POST ${API}/products/batch`]: { body: [] },
		};
		const none = { status: 404, body: { code: "rest_no_route", message: "", data: { status: 404 } } };
		replay.answer((request) => over(request) ?? known[`${request.method} ${request.url.pathname}`] ?? none);
	};
	const said = (step: Step | undefined) => ({ status: step?.response.status ?? 0, body: step?.response.body });
	const authStep = (note: string) => auth.find((step) => step.note === note);

	test("R31 green, with what the store told", async () => {
		store();
		expect(await client.check()).toEqual({
			health: "green",
			account: "store.example",
			detail: {
				name: "Example Store",
				version: "11.0.1",
				wordpress: "7.1",
				orderStorage: "HPOS",
				timeZone: "America/New_York",
				currency: "USD",
				auth: "header",
				clock: "2026-11-21T04:37:32.000Z",
			},
		});
	});

	test.each([
		["Basic: right key, wrong secret", /consumer secret does not belong/],
		["Basic: unknown key", /does not know this API key/],
		["key whose user has no shop rights: reads orders", /may not manage the store/],
	])("R31 red: %s", async (note, reason) => {
		store(({ url }) => (url.pathname === "/wp-json/" ? undefined : said(authStep(note))));
		expect(await client.check()).toMatchObject({
			health: "red",
			reason: expect.stringMatching(reason),
			error: { errorClass: "credentials" },
		});
	});

	test("R31 red: a key that may only read is found out without writing anything", async () => {
		store(({ method }) => (method === "POST" ? said(authStep("read key: batch")) : undefined));
		expect(await client.check()).toMatchObject({ health: "red", reason: expect.stringMatching(/may only read/) });
		expect(replay.requests.at(-1)?.body).toEqual({ update: [] });
	});

	test("keys in the address where the server strips the header", async () => {
		store(({ url }) =>
			url.pathname !== "/wp-json/" && !url.searchParams.has("consumer_key") ? said(authStep("no credentials: read")) : undefined,
		);
		const report = await client.check();
		expect(report).toMatchObject({ health: "green", detail: { auth: "query" } });
		const sent = replay.requests.at(-1) as SentRequest;
		expect(sent.url.searchParams.get("consumer_secret")).toBe(credentials.consumerSecret);
		expect(sent.headers.authorization).toBeUndefined();
	});

	test("R31 red: no pretty permalinks, WooCommerce off, too old, stock management off, another home address", async () => {
		const notFound = recording("errors-html-and-routes").find((step) => step.request.path === "/wp-json2/");
		const status = steps[0]?.response.body as { environment: object; settings: object };
		const index = steps[3]?.response.body as object;
		const settings = steps[2]?.response.body as { id: string; value: unknown }[];
		const cases: [string, (request: SentRequest) => { status?: number; body: unknown } | undefined, RegExp][] = [
			["plain permalinks", ({ url }) => (url.pathname === "/wp-json/" ? said(notFound) : undefined), /permalink/],
			[
				"no WooCommerce",
				({ url }) => (url.pathname === "/wp-json/" ? { body: { ...index, namespaces: ["wp/v2"] } } : undefined),
				/Activate the WooCommerce plugin/,
			],
			[
				"too old",
				({ url }) =>
					url.pathname.endsWith("system_status")
						? { body: { ...status, environment: { ...status.environment, version: "5.7.2" } } }
						: undefined,
				/WooCommerce 5\.7\.2; Lockstep needs 5\.8\.0/,
			],
			[
				"another address",
				({ url }) =>
					url.pathname.endsWith("system_status")
						? { body: { ...status, environment: { ...status.environment, home_url: "https://www.store.example" } } }
						: undefined,
				/calls itself www\.store\.example/,
			],
			[
				"no stock management",
				({ url }) =>
					url.pathname.endsWith("settings/products")
						? { body: settings.map((s) => (s.id === "woocommerce_manage_stock" ? { ...s, value: "no" } : s)) }
						: undefined,
				/Stock management is off/,
			],
		];
		for (const [name, over, reason] of cases) {
			store(over);
			const report = await client.check();
			expect({ name, ...report }).toMatchObject({ name, health: "red", reason: expect.stringMatching(reason) });
		}
	});

	test("webhooks are made with a secret, listed with their state, and removed for good", async () => {
		const made = recording("webhooks-create-and-list");
		const manager = client.webhooks;
		if (!manager) throw new Error("WooCommerce has webhooks");
		const create = readContract<{ create_steps: Step[] }>("recorded-11.0.1/webhooks/creation-ping.json").create_steps[0] as Step;
		replay.answerStep(create);
		const secret = "s".repeat(40);
		const url = "https://app.example/in/x";
		expect(await manager.create({ topic: "order.created", url, secret })).toEqual({
			id: "6",
			topic: "order.created",
			url: "http://127.0.0.1:45390/ok/order.created",
			active: true,
		});
		expect(replay.requests.at(-1)?.body).toEqual({
			name: "Lockstep order.created",
			topic: "order.created",
			delivery_url: url,
			secret,
			status: "active",
		});
		replay.answerStep(made.find((step) => step.note === "list") as Step);
		const list = await manager.list();
		expect(list).toHaveLength(14);
		expect(list[0]).toEqual({ id: "6", topic: "order.created", url: "http://127.0.0.1:45390/ok/order.created", active: true });
		replay.answer(() => ({
			status: 404,
			body: { code: "woocommerce_rest_shop_webhook_invalid_id", message: "Invalid ID.", data: { status: 404 } },
		}));
		await manager.remove("6");
		expect(replay.requests.at(-1)).toMatchObject({ method: "DELETE" });
		expect(replay.requests.at(-1)?.url.searchParams.get("force")).toBe("true");
	});
});
