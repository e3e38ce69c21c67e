import { hash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sealCredentials } from "#connections";
import { createLogger } from "#telemetry";
import { startWeb, type Web } from "../../server/web.ts";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { send } from "../kit/senders.ts";
import { hasContract, recordedDeliveries } from "../kit/woo-contract.ts";

const TOKEN = "token-of-the-recorded-store";
const keyRing = [{ id: "k1", key: randomBytes(32) }];

describe.runIf(hasContract)("what a real WooCommerce 11.0.1 sent, at the real receiver", () => {
	let db: TestDatabase;
	let web: Web;
	let dataDir: string;
	const all = hasContract
		? recordedDeliveries().map(({ file, delivery }) => ({ file, ...delivery, topic: topicOf(delivery.request.headers) }))
		: [];
	const recorded = all.filter(({ request }) => "X-WC-Webhook-Signature" in request.headers);
	const pings = all.filter((delivery) => !recorded.includes(delivery));

	beforeAll(async () => {
		db = await freshDatabase();
		dataDir = await mkdtemp(join(tmpdir(), "lockstep-woo-"));
		const shopId = (await db.pool.query("INSERT INTO shop (domain) VALUES ('a.myshopify.com') RETURNING id")).rows[0].id;
		const place = { shopId, channel: "woocommerce", account: "store.example" };
		await db.pool.query(
			"INSERT INTO connection (shop_id, channel, account, name, state, credentials, webhook_token) VALUES ($1, 'woocommerce', 'store.example', 's', 'live', $2, $3)",
			[shopId, sealCredentials(keyRing, place, { webhookSecret: recorded[0]?.secret ?? "" }), TOKEN],
		);
		web = await startWeb(
			{
				pool: db.pool,
				keyRing,
				env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
				log: createLogger({ level: "silent", name: "test" }),
				wake: async () => {},
			},
			{ port: 0, host: "127.0.0.1", dataDir },
		);
	});
	afterAll(async () => {
		await web?.close();
		await db?.drop();
		await rm(dataDir, { recursive: true, force: true });
	});

	const deliver = ({ request }: (typeof recorded)[number]) =>
		send(web.port, { path: `/webhooks/woocommerce/${TOKEN}`, headers: headersOf(request.headers), body: Buffer.from(request.raw_body) });

	test("R01 R03 R05 R32 each signed delivery is verified over its raw bytes, kept once, and understood or parked; nothing personal is kept", async () => {
		expect(recorded.length).toBeGreaterThan(30);
		for (const delivery of [...recorded, ...recorded])
			expect([delivery.file, (await deliver(delivery)).status]).toEqual([delivery.file, 200]);
		const { rows } = await db.pool.query("SELECT topic, status, event, payload FROM inbox_event WHERE delivery_key NOT LIKE '%#%'");
		const distinct = new Set(
			recorded.map(({ request }) => `${request.headers["X-WC-Webhook-Delivery-ID"]} ${hash("sha256", request.raw_body)}`),
		);
		expect(rows).toHaveLength(distinct.size);

		const isErrorObject = (body: string) => "code" in JSON.parse(body) && !("id" in JSON.parse(body));
		const errors = recorded.filter(({ request }) => isErrorObject(request.raw_body));
		expect(errors.length).toBeGreaterThan(0);
		expect(
			rows
				.filter((row) => row.status === "parked")
				.map((row) => row.topic)
				.toSorted(),
		).toEqual(errors.map(({ topic }) => topic).toSorted());
		expect(rows.filter((row) => row.status === "ignored").every((row) => row.topic.startsWith("order."))).toBe(true);
		for (const row of rows.filter((row) => row.status === "pending"))
			expect([row.topic, TYPES[row.topic]]).toEqual([row.topic, row.event.type]);
		expect(JSON.stringify(rows)).not.toMatch(/billing|shipping|customer_ip|order_key|payment_url/);
	});

	test("R01 one changed byte in any of them is 401", async () => {
		for (const delivery of recorded) {
			const raw_body = delivery.request.raw_body.replace(/\d/, (digit) => String((Number(digit) + 1) % 10));
			expect((await deliver({ ...delivery, request: { ...delivery.request, raw_body } })).status).toBe(401);
		}
	});

	test("the recorded pings, unsigned, are answered with the 200 that the store wants", async () => {
		expect(pings.length).toBeGreaterThan(0);
		for (const ping of pings) expect((await deliver(ping)).status).toBe(200);
	});
});

const TYPES: Record<string, string> = {
	"order.created": "order.snapshot",
	"order.updated": "order.snapshot",
	"order.restored": "order.snapshot",
	"order.deleted": "order.hint",
	"product.created": "listing.seen",
	"product.updated": "listing.seen",
	"product.restored": "listing.seen",
	"product.deleted": "listing.gone",
};

function topicOf(headers: Record<string, string>): string {
	return headers["X-WC-Webhook-Topic"] ?? "";
}

/** What belongs to the recorded connection, not to the delivery, is left to ours. */
function headersOf(headers: Record<string, string>): Record<string, string> {
	const own = new Set(["host", "connection", "content-length", "accept-encoding"]);
	return Object.fromEntries(
		Object.entries(headers)
			.map(([name, value]) => [name.toLowerCase(), value] as const)
			.filter(([name]) => !own.has(name)),
	);
}
