import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Channel, ChannelClient, MessageQueue, OrderPage, RemoteListing } from "#channels";
import { channel } from "#channels";
import type { CanonicalEvent } from "#domain";
import { type Amazon, type AmazonSeller, createAmazon, type Queue } from "../../sandbox/channels/amazon/index.ts";
import { createWorld, type World } from "../../sandbox/world.ts";
import { leadOutside } from "../kit/outside.ts";

/** The adapter and the stand-in were each written from Amazon's models, not from each other; here they meet over HTTP. */
const US = "ATVPDKIKX0DER";
const APP = {
	id: "amzn1.sp.solution.conformance",
	clientId: "amzn1.application-oa2-client.conformance",
	clientSecret: "amzn1.oa2-cs.v1.conformance-secret",
	redirectUris: ["https://app.example/connect/callback"],
};

let world: World;
let standIn: Amazon;
let seller: AmazonSeller;
let filled: Queue;
let amazon: Channel;
let client: ChannelClient;
let queue: MessageQueue;
let outside: ReturnType<typeof leadOutside>;
let app: Record<string, string>;
const refOf = (sku: string) => ({ externalId: `${US}/${sku}`, parentExternalId: null });
const never = new AbortController().signal;

beforeAll(async () => {
	world = createWorld({ seed: 11 });
	standIn = createAmazon(world, {
		app: APP,
		patchMs: [100, 300],
		noticeMs: [10, 50],
		pendingMs: [100, 200],
		shipMs: null,
		searchLagMs: 100,
		reportMs: [50, 100],
		reportCacheMs: 0,
		roundTripMs: [1, 5],
		redeliveredShare: 0.5,
	});
	seller = standIn.createSeller({ id: "A2CONFORMANCE1", name: "Teahouse" });
	filled = standIn.createQueue({ name: "lockstep" });
	const key = standIn.addAccessKey();
	vi.stubEnv("AWS_ACCESS_KEY_ID", key.id);
	vi.stubEnv("AWS_SECRET_ACCESS_KEY", key.secret);
	seller.seed([
		{ sku: "TEA", title: "Green tea", price: "4.00", quantity: 50 },
		{ sku: "POT/1, red", title: "Teapot", price: "20.00", quantity: 5 },
	]);
	const origin = await world.listen();
	outside = leadOutside({ "*.com": origin, "*.net": origin });
	amazon = channel("amazon");
	app = { applicationId: APP.id, lwaClientId: APP.clientId, lwaClientSecret: APP.clientSecret, queueUrlNa: filled.url };
	const answer = new URLSearchParams({ spapi_oauth_code: seller.authorise().spapiOauthCode, selling_partner_id: seller.id, state: "s" });
	const consent = await amazon.authorization?.finish({ app, chosen: { region: "NA-US" }, answer, redirectUrl: APP.redirectUris[0] ?? "" });
	if (!consent) throw new Error("Amazon is connected by consent");
	let access: Promise<string> | undefined;
	const refresh = async () => {
		const fresh = await amazon.authorization?.refresh({ app, credentials: consent.credentials });
		return fresh?.accessToken ?? "";
	};
	client = amazon.connect({
		...consent,
		app,
		beforeCall: pay,
		accessToken: (refused) => {
			if (refused !== undefined) access = undefined;
			access ??= refresh();
			return access;
		},
	});
	const [only] = amazon.messageQueues?.(app) ?? [];
	if (!only) throw new Error("One queue is set");
	queue = only;
});
afterAll(async () => {
	queue?.close();
	await outside?.restore();
	await world?.close();
	vi.unstubAllEnvs();
});

/** The channel's own limits, kept as the app keeps them: a bucket per operation. */
const buckets = new Map<string, { tokens: number; at: number }>();
async function pay(cost: number, operation = ""): Promise<void> {
	const limits = amazon.limits.operations?.[operation];
	if (!limits) throw new Error(`${operation} is paid from no bucket`);
	const { tokens, at } = buckets.get(operation) ?? { tokens: limits.burst, at: Date.now() };
	const now = Math.min(limits.burst, tokens + ((Date.now() - at) / 1000) * limits.unitsPerSecond) - cost;
	buckets.set(operation, { tokens: now, at: Date.now() });
	if (now < 0) await new Promise((resolve) => setTimeout(resolve, (-now / limits.unitsPerSecond) * 1000));
}

/** What comes through the queue until `enough` of it is there; everything is deleted, as after a commit. */
async function pulled(enough: (events: CanonicalEvent[]) => boolean): Promise<{ events: CanonicalEvent[]; ids: string[] }> {
	const events: CanonicalEvent[] = [];
	const ids: string[] = [];
	for (let round = 0; round < 50 && !enough(events); round++) {
		const messages = await queue.receive(never);
		for (const { delivery } of messages) {
			const identity = amazon.webhooks.identify(delivery);
			expect(identity?.account).toBe(seller.id);
			const topic = identity?.topic ?? "";
			const payload = amazon.webhooks.allowList(topic, JSON.parse(delivery.body.toString("utf8")));
			ids.push(identity?.deliveryId ?? "");
			events.push(...amazon.webhooks.toEvents({ topic, payload, headers: delivery.headers }));
		}
		await queue.remove(messages);
	}
	expect(enough(events)).toBe(true);
	return { events, ids };
}
const ofOrder = (events: readonly CanonicalEvent[], orderId: string) =>
	events.filter((event) => event.type === "order.snapshot" && event.orderId === orderId);
const buy = (sku: string, quantity: number): string => {
	const bought = seller.checkout({ lines: [{ sku, quantity }] });
	if (bought.outcome !== "placed") throw new Error(`Not sold: ${bought.outcome}`);
	return bought.orderId;
};
const shows = async (sku: string) => (await client.readStock([refOf(sku)])).readings[0]?.quantity;

test("R31 a consented account answers its health check", async () => {
	expect(await client.check()).toMatchObject({ health: "green", account: seller.id });
});

test("the catalogue, and the same figures read one by one", async () => {
	const listed: RemoteListing[] = [];
	for await (const page of client.listListings()) listed.push(...page);
	const figures = listed.map(({ externalId, quantity, managed }) => ({ externalId, quantity, managed }));
	expect(figures.sort((a, b) => (a.externalId < b.externalId ? -1 : 1))).toEqual([
		{ externalId: `${US}/POT/1, red`, quantity: 5, managed: true },
		{ externalId: `${US}/TEA`, quantity: 50, managed: true },
	]);
	const { readings } = await client.readStock([refOf("TEA"), refOf("GONE"), refOf("POT/1, red")]);
	expect(readings.map((reading) => reading?.quantity ?? null)).toEqual([50, null, 5]);
});

describe("with subscriptions", () => {
	beforeAll(async () => {
		for (const topic of client.webhooks?.topics ?? []) await client.webhooks?.create({ topic, url: "", secret: "" });
	});

	test("they lead into our queue, and making them again changes nothing", async () => {
		const manager = client.webhooks;
		const topics = async () => (await manager?.list())?.filter(({ active }) => active).map(({ topic }) => topic);
		expect(await topics()).toEqual(manager?.topics);
		for (const topic of manager?.topics ?? []) await manager?.create({ topic, url: "", secret: "" });
		expect(await topics()).toEqual(manager?.topics);
	});

	test("R06 one sale is one sale: by the queue, by its number and by the list; cancelled it holds nothing", async () => {
		const orderId = buy("TEA", 3);
		const { events } = await pulled((seen) => ofOrder(seen, orderId).length > 0);
		const [told] = ofOrder(events, orderId);
		expect(told).toMatchObject({ lines: [{ listingExternalId: `${US}/TEA`, ordered: 3, held: 3, fulfilledByChannel: false }] });
		const read = await client.readOrder(orderId);
		expect(read).toMatchObject({ cancelled: false, lines: [{ listingExternalId: `${US}/TEA`, held: 3 }] });
		if (told?.type !== "order.snapshot" || !read) throw new Error("Both are states");
		// No state that is read is older than the one that was told.
		expect(Date.parse(told.stamp)).toBeLessThanOrEqual(Date.parse(read.stamp));
		expect([Date.parse(told.createdAt), told.lines[0]?.lineId]).toEqual([Date.parse(read.createdAt), read.lines[0]?.lineId]);
		expect(await shows("TEA")).toBe(47);

		seller.cancelOrder(orderId);
		await expect.poll(async () => (await client.readOrder(orderId))?.lines[0]?.held, { timeout: 5_000 }).toBe(0);
		await pulled((seen) => ofOrder(seen, orderId).some((event) => event.type === "order.snapshot" && event.cancelled));
		const pages: OrderPage[] = [];
		await expect
			.poll(
				async () => {
					pages.length = 0;
					for await (const page of client.listOrders({ since: read.createdAt })) pages.push(page);
					return pages.flatMap(({ orders }) => orders).find((order) => order.orderId === orderId)?.cancelled;
				},
				{ timeout: 10_000, interval: 1_000 },
			)
			.toBe(true);
		expect(pages.flatMap(({ unreadable }) => unreadable ?? [])).toEqual([]);
		expect(Date.parse(pages[0]?.channelTime ?? "")).toBeLessThan(Date.now());
	});

	test("R26 what an order comes to is not told while it is pending, and then by its number and by the list alike", async () => {
		const orderId = buy("TEA", 3);
		expect(await client.readOrder(orderId)).toMatchObject({ total: null, lines: [{ held: 3 }] });
		const total = { amount: "12.00", currency: "USD" };
		await expect.poll(async () => (await client.readOrder(orderId))?.total, { timeout: 5_000 }).toEqual(total);
		await expect
			.poll(
				async () => {
					const listed: OrderPage["orders"] = [];
					for await (const page of client.listOrders({ since: new Date(Date.now() - 60_000).toISOString() })) listed.push(...page.orders);
					return listed.find((order) => order.orderId === orderId)?.total;
				},
				{ timeout: 10_000, interval: 1_000 },
			)
			.toEqual(total);
		seller.cancelOrder(orderId);
		await pulled((seen) => ofOrder(seen, orderId).some((event) => event.type === "order.snapshot" && event.cancelled));
	});

	test("R20 a write is taken, shows later, and is told", async () => {
		const [tea, pot, gone] = await client.writeStock([
			{ ...refOf("TEA"), quantity: 9 },
			{ ...refOf("POT/1, red"), quantity: 0 },
			{ ...refOf("GONE"), quantity: 1 },
		]);
		expect([tea?.outcome, pot?.outcome, gone?.outcome]).toEqual(["accepted", "accepted", "failed"]);
		await expect.poll(() => shows("TEA"), { timeout: 5_000 }).toBe(9);
		await expect.poll(() => shows("POT/1, red"), { timeout: 5_000 }).toBe(0);
		const { events } = await pulled((seen) => seen.some((event) => event.type === "listing.seen" && event.quantity === 9));
		expect(events).toContainEqual(expect.objectContaining({ type: "listing.seen", listingExternalId: `${US}/TEA`, quantity: 9 }));
	});

	test("taken away, nothing is told any more", async () => {
		const manager = client.webhooks;
		for (const { id } of (await manager?.list()) ?? []) await manager?.remove(id);
		expect(await manager?.list()).toEqual([]);
	});
});
