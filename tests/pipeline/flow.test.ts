import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pauseListings } from "#app/connections/guests/index.ts";
import { runReplays } from "#app/replay/index.ts";
import { resolveMended } from "#delivery";
import { createFlowEndpoints, doRuns, sendEvents } from "#flow";
import { startWeb, type Web } from "../../server/web.ts";
import { dyingPool, placesToDie } from "../kit/dying-pool.ts";
import { runRiver } from "../kit/river.ts";
import { APP_ORIGIN, openRiverWorld, type RiverWorld } from "../kit/river-world.ts";
import { CLIENT_SECRET } from "../kit/shopify-identity.ts";

/** A shop and a store that sell the same, the app's own web server with what Flow calls, and Flow itself played by the sandbox. */
let w: RiverWorld;
let web: Web;
let dataDir: string;
beforeAll(async () => {
	w = await openRiverWorld({ name: "flow-shop", skus: ["CUP", "MUG", "PAN"], opening: 2, storeQueueMs: 1, seed: 11 });
	dataDir = await mkdtemp(join(tmpdir(), "lockstep-flow-"));
	web = await startWeb(w.kit.deps, { port: 0, host: "127.0.0.1", dataDir, endpoints: createFlowEndpoints(w.kit.deps) });
	w.kit.world.route(APP_ORIGIN, `http://127.0.0.1:${web.port}`);
}, 120_000);
afterAll(async () => {
	await web?.close();
	await w?.close();
	await rm(dataDir, { recursive: true, force: true });
});
beforeEach(async () => {
	await w.kit.database.pool.query("DELETE FROM flow_event; DELETE FROM flow_use; DELETE FROM flow_spell; DELETE FROM rate_budget");
});

const deps = () => ({ ...w.kit.deps, publicUrl: APP_ORIGIN, rescue: async () => {} });
const river = () => runRiver(deps(), { polls: false });
const rows = async <Row extends object>(sql: string, values: unknown[] = [w.shopId]) =>
	(await w.kit.database.pool.query<Row & Record<string, unknown>>(sql, values)).rows as Row[];
const said = () => w.shop.flow.received().map(({ handle, payload }) => [handle, payload] as const);
const since = (count: number) => said().slice(0, said().length - count);
/** Something to tell that needs no sale: the shop's first oversell under other names. */
const addEvents = (count: number) =>
	rows(
		`INSERT INTO flow_event (shop_id, handle, subject_id, source_key, occurred_at)
		 SELECT $1, 'oversell-detected', (SELECT min(id) FROM oversell WHERE shop_id = $1), 'oversell:test-' || n, now() FROM generate_series(1, $2::int) n`,
		[w.shopId, count],
	);

/** Straight to the app's own port, signed by whom one likes. */
const ask = (
	path: string,
	message: unknown,
	{ secret = CLIENT_SECRET, method = "POST" }: { secret?: string | null; method?: string } = {},
) =>
	new Promise<{ status: number; body: string }>((resolve, reject) => {
		const body = typeof message === "string" ? message : JSON.stringify(message);
		const headers = secret === null ? {} : { "x-shopify-hmac-sha256": createHmac("sha256", secret).update(body).digest("base64") };
		const request = httpRequest(`http://127.0.0.1:${web.port}${path}`, { method, headers }, (response) => {
			let text = "";
			response.setEncoding("utf8").on("data", (chunk) => {
				text += chunk;
			});
			response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
		});
		request.on("error", reject).end(body);
	});

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

describe("actions", () => {
	const listings = (sku: string) =>
		rows<{ id: number; connectionId: number; paused: boolean; reason: string | null }>(
			`SELECT id, connection_id AS "connectionId", paused, paused_reason AS reason FROM listing WHERE shop_id = $1 AND sku = $2 ORDER BY id`,
			[w.shopId, sku],
		);
	const resume = async (sku: string) => {
		for (const { id, connectionId } of await listings(sku))
			await pauseListings(deps(), w.shopId, connectionId, { listingIds: [id], paused: false, reason: "", actor: "user-1" });
	};
	const audit = (action: string) =>
		rows<{ actor: string }>("SELECT actor FROM audit WHERE shop_id = $1 AND action = $2 ORDER BY id", [w.shopId, action]);

	test("R40 Pause SKU everywhere pauses that SKU's listings alone, and says that a workflow did it", async () => {
		const run = await w.shop.flow.run("pause-sku-everywhere", { sku: "MUG" });
		expect(run).toMatchObject({ status: 200, state: "succeeded", attempts: 1 });
		expect(await listings("MUG")).toMatchObject([{ paused: true, reason: "paused by a Shopify Flow workflow" }]);
		expect(await listings("CUP")).toMatchObject([{ paused: false }]);
		expect(await audit("listings.paused")).toEqual([{ actor: "flow" }]);

		// The answer was lost, or somebody plays the old request again: it was done, and it is not done a second time.
		await resume("MUG");
		expect(await w.shop.flow.run("pause-sku-everywhere", { sku: "MUG" }, { runId: run.runId })).toMatchObject({ status: 200, attempts: 2 });
		expect(await listings("MUG")).toMatchObject([{ paused: false }]);
		expect(await audit("listings.paused")).toHaveLength(1);
	});

	test("what can never be done is said in a sentence that the merchant reads, and is not tried again", async () => {
		expect(await w.shop.flow.run("pause-sku-everywhere", { sku: "NONE" })).toMatchObject({
			status: 422,
			state: "failed",
			body: JSON.stringify({ message: "No product in this shop has the SKU NONE." }),
		});
		expect(await w.shop.flow.run("replay-failed-updates", { channel: "eBay" })).toMatchObject({ status: 422, state: "failed" });
		await expect(w.shop.flow.run("pause-sku-everywhere", {})).rejects.toThrow("SKU can't be blank");
		await expect(w.shop.flow.run("pause-sku-everywhere", { sku: "MUG", forHours: 3 })).rejects.toThrow("has no field forHours");
		const blank = { shopify_domain: w.shop.domain, action_run_id: "run-blank", properties: { sku: "  " } };
		expect((await ask("/flow/actions/pause-sku-everywhere", blank)).status).toBe(400);
		const elsewhere = { shopify_domain: "nobody.myshopify.com", action_run_id: "run-x", properties: { sku: "MUG" } };
		expect((await ask("/flow/actions/pause-sku-everywhere", elsewhere)).status).toBe(404);
	});

	test("a body that was signed for one action does nothing at another's address, nor does its run id", async () => {
		const body = { shopify_domain: w.shop.domain, action_run_id: "run-1", handle: "replay-failed-updates", properties: { sku: "MUG" } };
		expect((await ask("/flow/actions/pause-sku-everywhere", body)).status).toBe(400);
		expect(await rows("SELECT FROM flow_run WHERE shop_id = $1 AND run_id = 'run-1'")).toEqual([]);
		expect((await ask("/flow/actions/replay-failed-updates", body)).status).toBe(200);
		expect((await ask("/flow/actions/pause-sku-everywhere", body)).status).toBe(400);
		expect((await ask("/flow/actions/pause-sku-everywhere", { ...body, handle: undefined })).status).toBe(400);
		expect(await listings("MUG")).toMatchObject([{ paused: false }]);
	});

	test("R37 an action of one shop never touches another's listings, though SKU, names and run ids are the same", async () => {
		const other = w.kit.shopify.createShop({ domain: "flow-other.myshopify.com", booksAs: null });
		other.seed({
			locations: [{ name: "Main" }],
			products: [
				{ title: "MUG", variants: [{ sku: "MUG", stock: { Main: 5 } }] },
				{ title: "Only there", variants: [{ sku: "ONLY-THERE", stock: { Main: 5 } }] },
			],
		});
		const { shopId } = await w.kit.openApp(other);
		await w.kit.import(shopId);
		const [made] = await rows<{ id: number }>(
			`WITH c AS (INSERT INTO connection (shop_id, channel, account, name, state, webhook_token)
			   SELECT $1, 'woocommerce', 'other.example', name, 'live', 'other' FROM connection WHERE shop_id = $2 AND NOT is_home RETURNING id)
			 INSERT INTO listing (shop_id, connection_id, external_id, sku, item_id, link_state, parked)
			 SELECT $1, c.id, '1', 'MUG', i.id, 'linked', true FROM c, item i WHERE i.shop_id = $1 AND i.sku = 'MUG' RETURNING id`,
			[shopId, w.shopId],
		);
		const state = () => rows("SELECT paused, parked, dirty_since FROM listing WHERE shop_id = $1 AND id = $2", [shopId, made?.id]);
		const before = await state();
		await w.shop.flow.run("pause-sku-everywhere", { sku: "MUG" }, { runId: "same" });
		await w.shop.flow.run("replay-failed-updates", { sku: "MUG" });
		await w.shop.flow.run("replay-failed-updates", {});
		expect(await state()).toEqual(before);
		expect(await w.shop.flow.run("pause-sku-everywhere", { sku: "ONLY-THERE" })).toMatchObject({ status: 422 });
		expect(await w.shop.flow.run("replay-failed-updates", { sku: "ONLY-THERE" })).toMatchObject({ status: 422 });
		expect(await rows("SELECT FROM audit WHERE shop_id = $1 AND actor = 'flow'", [shopId])).toEqual([]);
		await resume("MUG");

		// The other's own run under the same id is its own.
		await other.flow.run("pause-sku-everywhere", { sku: "MUG" }, { runId: "same" });
		expect(await state()).toMatchObject([{ paused: true }]);
		expect(await listings("MUG")).toMatchObject([{ paused: false }]);
		await rows("UPDATE shop SET state = 'uninstalled' WHERE id = $1", [shopId]);
	});

	test("R08 an action whose process is killed anywhere is finished by the next, and pauses and writes down once", async () => {
		const keep = (runId: string) =>
			rows("INSERT INTO flow_run (shop_id, run_id, handle, properties) VALUES ($1, $2, 'pause-sku-everywhere', $3)", [
				w.shopId,
				runId,
				JSON.stringify({ sku: "PAN" }),
			]);
		const clean = dyingPool(w.kit.database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		await keep("kill-0");
		await doRuns({ ...deps(), pool: clean.pool }, w.shopId);
		await resume("PAN");
		const places = placesToDie(clean.statements());
		expect(places.length).toBeGreaterThanOrEqual(12);
		for (const [n, place] of places.entries()) {
			const before = (await audit("listings.paused")).length;
			await keep(`kill-${n + 1}`);
			const { pool } = dyingPool(w.kit.database.pool, place);
			await doRuns({ ...deps(), pool }, w.shopId).catch(() => {});
			await rows(
				"UPDATE flow_run SET claimed_until = now() - interval '1 second' WHERE shop_id = $1 AND done_at IS NULL AND claimed_until IS NOT NULL",
			);
			await river();
			expect(await listings("PAN")).toMatchObject([{ paused: true }]);
			expect((await audit("listings.paused")).length - before).toBe(1);
			const [run] = await rows("SELECT outcome FROM flow_run WHERE shop_id = $1 AND run_id = $2", [w.shopId, `kill-${n + 1}`]);
			expect(run).toEqual({ outcome: "done" });
			await resume("PAN");
		}
	}, 60_000);

	test("an action that takes longer than Flow waits is answered with 202 and told as done when Flow asks again", async () => {
		const slow = createFlowEndpoints(w.kit.deps, { patienceMs: 0 });
		const second = await startWeb(w.kit.deps, { port: 0, host: "127.0.0.1", dataDir, endpoints: slow });
		w.kit.world.route(APP_ORIGIN, `http://127.0.0.1:${second.port}`);
		const holder = await w.kit.database.pool.connect();
		await holder.query("BEGIN");
		await holder.query("SELECT FROM listing WHERE shop_id = $1 FOR UPDATE", [w.shopId]);
		const run = await w.shop.flow.run("pause-sku-everywhere", { sku: "CUP" });
		expect(run).toMatchObject({ status: 202, state: "running" });
		await holder.query("COMMIT");
		holder.release();
		await expect.poll(() => listings("CUP")).toMatchObject([{ paused: true }]);
		await expect.poll(() => rows("SELECT FROM flow_run WHERE shop_id = $1 AND done_at IS NULL")).toEqual([]);
		expect(await w.shop.flow.run("pause-sku-everywhere", { sku: "CUP" }, { runId: run.runId })).toMatchObject({
			status: 200,
			state: "succeeded",
		});
		await second.close();
		w.kit.world.route(APP_ORIGIN, `http://127.0.0.1:${web.port}`);
		await resume("CUP");
	});

	test("R22 Replay failed updates: what was set aside reaches the channel, and its dead letter stays open until then", async () => {
		await rows(
			"UPDATE listing SET desired = 1, shown = 7, parked = true, attempts = 5, attempts_class = 'rejected', dirty_since = now() - interval '1 day' WHERE shop_id = $1 AND sku = 'PAN'",
		);
		await rows(
			`INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, source_key, correlation_id)
			 SELECT shop_id, 'out', connection_id, id, 'listing.write', 'rejected', 'no', 'listing:' || id || ':rejected', 'c' FROM listing WHERE shop_id = $1 AND sku = 'PAN'`,
		);
		const letters = () => rows("SELECT state FROM dead_letter WHERE shop_id = $1");
		expect(await w.shop.flow.run("replay-failed-updates", { sku: "CUP" })).toMatchObject({ status: 200 });
		expect(await rows("SELECT parked FROM listing WHERE shop_id = $1 AND sku = 'PAN'")).toEqual([{ parked: true }]);

		const run = await w.shop.flow.run("replay-failed-updates", { sku: "PAN" });
		expect(run).toMatchObject({ status: 200 });
		// Asked again under the same id, it is the same run; the run itself goes as any other on Failed updates.
		await w.shop.flow.run("replay-failed-updates", { sku: "PAN" }, { runId: run.runId });
		await runReplays(deps(), w.shopId);
		expect(await rows("SELECT parked, attempts, dirty_since IS NOT NULL AS dirty FROM listing WHERE shop_id = $1 AND sku = 'PAN'")).toEqual(
			[{ parked: false, attempts: 0, dirty: true }],
		);
		await resolveMended(w.kit.database.pool);
		expect(await letters()).toEqual([{ state: "open" }]);
		await river();
		await runReplays(deps(), w.shopId);
		expect(await letters()).toEqual([{ state: "resolved" }]);
		expect(await audit("replay.begun")).toEqual([{ actor: "flow" }]);
		expect(await rows("SELECT name, total, succeeded, done_at IS NOT NULL AS done FROM replay_run WHERE shop_id = $1")).toEqual([
			{ name: "By Shopify Flow: PAN", total: 1, succeeded: 1, done: true },
		]);
	});
});
