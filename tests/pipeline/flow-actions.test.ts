import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { pauseListings } from "#app/connections/guests/index.ts";
import { runReplays } from "#app/replay/index.ts";
import { resolveMended } from "#delivery";
import { doRuns } from "#flow";
import { dyingPool, placesToDie } from "../kit/dying-pool.ts";
import { type FlowWorld, openFlowWorld } from "../kit/flow-world.ts";

let flow: FlowWorld;
let w: FlowWorld["w"];
let rows: FlowWorld["rows"];
let ask: FlowWorld["ask"];
let deps: FlowWorld["deps"];
let river: FlowWorld["river"];
beforeAll(async () => {
	flow = await openFlowWorld("flow-actions");
	({ w, rows, ask, deps, river } = flow);
}, 120_000);
afterAll(() => flow?.close());
beforeEach(() => flow.begin());

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
	const giveBack = await flow.instead({ patienceMs: 0 });
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
	await giveBack();
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
	expect(await rows("SELECT parked, attempts, dirty_since IS NOT NULL AS dirty FROM listing WHERE shop_id = $1 AND sku = 'PAN'")).toEqual([
		{ parked: false, attempts: 0, dirty: true },
	]);
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
