import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sendEvents } from "#flow";
import { dyingPool, placesToDie } from "../kit/dying-pool.ts";
import { type FlowWorld, openFlowWorld } from "../kit/flow-world.ts";

let flow: FlowWorld;
let w: FlowWorld["w"];
let rows: FlowWorld["rows"];
let ask: FlowWorld["ask"];
let deps: FlowWorld["deps"];
let river: FlowWorld["river"];
beforeAll(async () => {
	flow = await openFlowWorld("flow-shop");
	({ w, rows, ask, deps, river } = flow);
}, 120_000);
afterAll(() => flow?.close());
beforeEach(() => flow.begin());

const said = () => w.shop.flow.received().map(({ handle, payload }) => [handle, payload] as const);
const since = (count: number) => said().slice(0, said().length - count);
/** Something to tell that needs no sale: the shop's first oversell under other names. */
const addEvents = (count: number) =>
	rows(
		`INSERT INTO flow_event (shop_id, handle, subject_id, source_key, occurred_at)
		 SELECT $1, 'oversell-detected', (SELECT min(id) FROM oversell WHERE shop_id = $1), 'oversell:test-' || n, now() FROM generate_series(1, $2::int) n`,
		[w.shopId, count],
	);

describe("triggers", () => {
	test("R11 an oversell starts the shop's workflow once, with what it is about; a shop without a workflow is told nothing", async () => {
		// Three are sold at a store that shows three, of two that there are.
		for (let n = 0; n < 3; n++) expect(await w.buyAtStore("MUG")).not.toBeNull();
		await w.delivered();
		// Applied, and nothing written to the store yet.
		await w.kit.quiet(w.shopId);
		expect(await rows("SELECT units FROM oversell WHERE shop_id = $1")).toEqual([{ units: 1 }]);
		expect(await rows("SELECT FROM flow_event WHERE shop_id = $1")).toEqual([]);

		await w.shop.flow.use("oversell-detected", true);
		const orders = [];
		for (let n = 0; n < 3; n++) orders.push(await w.buyAtStore("CUP"));
		await w.delivered();
		await river();
		await river();
		expect(orders).not.toContain(null);
		const [oversell] = await rows<{ id: number; units: number }>(
			"SELECT o.id, o.units FROM oversell o JOIN item i ON i.shop_id = o.shop_id AND i.id = o.item_id WHERE o.shop_id = $1 AND i.sku = 'CUP'",
		);
		expect(oversell?.units).toBe(1);
		expect(said()).toEqual([
			[
				"oversell-detected",
				{
					SKU: "CUP",
					"Product title": "CUP",
					"Units short": 1,
					Channel: expect.stringContaining("flow-shop.example"),
					Order: `#${orders[2]}`,
					"Event ID": `oversell:${oversell?.id}`,
				},
			],
		]);
		expect(w.shop.flow.received()[0]?.started).toBe(true);
		expect(w.kit.world.books.violations("shopify").filter(({ rule }) => rule.startsWith("Flow"))).toEqual([]);
	});

	test("R17 what Flow is told is paid from home's budget", async () => {
		await addEvents(1);
		await sendEvents(deps(), w.shopId);
		const [budget] = await rows<{ tokens: number; capacity: number }>(
			"SELECT b.tokens, b.capacity FROM rate_budget b JOIN connection c ON c.shop_id = b.shop_id AND c.id = b.connection_id WHERE b.shop_id = $1 AND c.is_home",
		);
		expect(budget?.tokens).toBeLessThan(budget?.capacity ?? 0);
	});

	test("R19 two workers at once tell twenty events once each", async () => {
		const before = said().length;
		await addEvents(20);
		const sent = await Promise.all([sendEvents(deps(), w.shopId), sendEvents(deps(), w.shopId)]);
		expect(sent.reduce((sum, one) => sum + one.sent, 0)).toBe(20);
		const ids = since(before).map(([, payload]) => payload["Event ID"]);
		expect(ids).toHaveLength(20);
		expect(new Set(ids).size).toBe(20);
	});

	test("R08 a worker that is killed anywhere loses no event; only one killed between sending and noting tells it again, under the same id", async () => {
		const clean = dyingPool(w.kit.database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		await addEvents(1);
		await sendEvents({ ...deps(), pool: clean.pool }, w.shopId);
		const told: number[] = [];
		for (const place of placesToDie(clean.statements())) {
			await rows("DELETE FROM flow_event WHERE shop_id = $1");
			await rows("DELETE FROM rate_budget WHERE shop_id = $1");
			await addEvents(1);
			const before = said().length;
			const { pool } = dyingPool(w.kit.database.pool, place);
			await sendEvents({ ...deps(), pool }, w.shopId).catch(() => {});
			// Its claim runs out.
			await rows("UPDATE flow_event SET claimed_until = now() - interval '1 second' WHERE shop_id = $1 AND claimed_until IS NOT NULL");
			await rows("UPDATE flow_event SET next_attempt_at = now() WHERE shop_id = $1");
			await sendEvents(deps(), w.shopId);
			const now = since(before);
			told.push(now.length);
			expect(new Set(now.map(([, payload]) => payload["Event ID"]))).toEqual(new Set(["oversell:test-1"]));
			expect(await rows("SELECT state FROM flow_event WHERE shop_id = $1")).toEqual([{ state: "sent" }]);
		}
		expect(told.length).toBeGreaterThanOrEqual(10);
		expect(Math.min(...told)).toBe(1);
		expect(Math.max(...told)).toBe(2);
		// Between the answer and the note there are few statements (the budget's correction, the note itself).
		expect(told.filter((count) => count === 2).length).toBeLessThanOrEqual(6);
	}, 60_000);

	test("R18 Shopify that is away is asked again later; a trigger that is not deployed is dropped without a word", async () => {
		const before = said().length;
		await addEvents(1);
		w.kit.world.faults.onRequests("shopify", "away", 1, { kind: "status", status: 503 });
		await sendEvents(deps(), w.shopId);
		w.kit.world.faults.onRequests("shopify", "away", 0, { kind: "status", status: 503 });
		expect(await rows("SELECT state, attempts, next_attempt_at > now() AS later FROM flow_event WHERE shop_id = $1")).toEqual([
			{ state: "waiting", attempts: 1, later: true },
		]);
		await sendEvents(deps(), w.shopId);
		expect(since(before)).toEqual([]);
		await rows("UPDATE flow_event SET next_attempt_at = now() WHERE shop_id = $1");
		await sendEvents(deps(), w.shopId);
		expect(since(before)).toHaveLength(1);

		await rows("DELETE FROM flow_event WHERE shop_id = $1");
		await addEvents(1);
		const trigger = w.shop.flow.triggers.findIndex(({ handle }) => handle === "oversell-detected");
		const [taken] = w.shop.flow.triggers.splice(trigger, 1);
		await sendEvents(deps(), w.shopId);
		if (taken) w.shop.flow.triggers.splice(trigger, 0, taken);
		expect(await rows("SELECT state, error FROM flow_event WHERE shop_id = $1")).toEqual([
			{ state: "dropped", error: "Errors validating schema:\n  Invalid handle 'oversell-detected'.\n" },
		]);
		expect(await rows("SELECT FROM dead_letter WHERE shop_id = $1")).toEqual([]);
	});

	test("R21 an update that failed starts a workflow once; one that goes on failing does not start it for ever", async () => {
		await w.shop.flow.use("update-failed", true, { calledBy: "handle" });
		const before = said().length;
		const [listing] = await rows<{ id: number; connectionId: number }>(
			`SELECT id, connection_id AS "connectionId" FROM listing WHERE shop_id = $1 AND sku = 'PAN'`,
		);
		const fail = () =>
			rows(
				`INSERT INTO dead_letter AS d (shop_id, direction, connection_id, listing_id, operation, error_class, error, source_key, correlation_id)
				 VALUES ($1, 'out', $2, $3, 'listing.write', 'rejected', 'Stock is managed elsewhere', 'listing:pan', 'c')
				 ON CONFLICT (shop_id, source_key) DO UPDATE SET attempts = d.attempts + 1, state = 'open', last_at = clock_timestamp()`,
				[w.shopId, listing?.connectionId, listing?.id],
			);
		await fail();
		await fail();
		await river();
		expect(since(before)).toEqual([
			[
				"update-failed",
				{
					SKU: "PAN",
					"Product title": "PAN",
					Channel: expect.any(String),
					Reason: "Stock is managed elsewhere",
					"Event ID": expect.stringMatching(/^update:\d+:1$/),
				},
			],
		]);
		await rows("UPDATE dead_letter SET state = 'resolved' WHERE shop_id = $1");
		await fail();
		await river();
		expect(since(before)).toHaveLength(2);
		await rows("DELETE FROM dead_letter WHERE shop_id = $1");
	});
});

describe("what Flow says of the triggers in use", () => {
	const usage = (some: object) => ({
		flow_trigger_definition_id: "Oversell detected",
		has_enabled_flow: true,
		shop_id: "1",
		shopify_domain: w.shop.domain,
		timestamp: "2026-11-21T10:00:00.000Z",
		...some,
	});
	const inUse = async () => (await rows<{ in_use: boolean }>("SELECT in_use FROM flow_use WHERE shop_id = $1")).map((row) => row.in_use);

	test("the newest word counts, in whatever order they come, and however often", async () => {
		expect((await ask("/flow/usage", usage({ timestamp: "2026-11-21T10:00:05.000Z", has_enabled_flow: false }))).status).toBe(200);
		expect((await ask("/flow/usage", usage({}))).status).toBe(200);
		expect(await inUse()).toEqual([false]);
		expect((await ask("/flow/usage", usage({ timestamp: "2026-11-21T12:00:07+02:00" }))).status).toBe(200);
		expect(await inUse()).toEqual([true]);
		expect((await ask("/flow/usage", usage({ timestamp: "2026-11-21T10:00:05.000Z", has_enabled_flow: false }))).status).toBe(200);
		expect(await inUse()).toEqual([true]);
	});

	test("a name for a trigger that we do not know may be any of them", async () => {
		await w.shop.flow.use("channel-out-of-step", true, { calledBy: "id" });
		const [waits] = await rows<{ waits: boolean }>("SELECT flow_waits_for($1, 'oversell-detected') AS waits");
		expect(waits?.waits).toBe(true);
	});

	test("R01 unsigned, signed by another or about a shop without the app: nothing is kept, and the merchant cannot switch it on", async () => {
		for (const secret of [null, "not ours"]) {
			expect(await ask("/flow/usage", usage({}), { secret })).toEqual({ status: 401, body: "{}" });
			expect(await ask("/flow/actions/pause-sku-everywhere", {}, { secret })).toEqual({ status: 401, body: "{}" });
			expect(await ask("/flow/actions/replay-failed-updates", {}, { secret })).toEqual({ status: 401, body: "{}" });
		}
		expect((await ask("/flow/usage", usage({ shopify_domain: "nobody.myshopify.com" }))).status).toBe(404);
		expect((await ask("/flow/usage", usage({ shopify_domain: "nobody.myshopify.com", has_enabled_flow: false }))).status).toBe(200);
		expect((await ask("/flow/usage", "{")).status).toBe(400);
		expect((await ask("/flow/usage", usage({}), { method: "PUT" })).status).toBe(405);
		expect((await ask("/flow/usage", "x".repeat(70_000))).status).toBe(413);
		expect(await rows("SELECT FROM flow_use", [])).toEqual([]);
		expect(await rows("SELECT FROM shop WHERE domain = 'nobody.myshopify.com'", [])).toEqual([]);
	});
});
