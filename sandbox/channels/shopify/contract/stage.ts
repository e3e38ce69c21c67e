import { createServer, type IncomingHttpHeaders, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createWorld, type World } from "../../../world.ts";
import { createShopify, type Shop, type Shopify, type ShopifyOptions, type ShopOptions } from "../index.ts";

/** A world with one shop and an endpoint that keeps what it is sent: the ground of this folder's tests. */
export type Received = { topic: string; headers: IncomingHttpHeaders; raw: Buffer; body: Record<string, unknown>; path: string };
export type Reply = { status: number; text: string; headers: IncomingHttpHeaders };
export type Stage = {
	world: World;
	shopify: Shopify;
	shop: Shop;
	received: Received[];
	/** What the endpoint answers to a delivery; 200 unless told otherwise. */
	answer: (decide: (delivery: Received) => number | "silence") => void;
	post(path: string, body: unknown, headers?: Record<string, string>, host?: string): Promise<Reply>;
	/** A token exchange; the token is used by `graphql` from then on. */
	signIn(): Promise<Record<string, unknown>>;
	graphql(
		query: string,
		variables?: Record<string, unknown>,
		options?: { version?: string; token?: string },
	): Promise<Record<string, unknown>>;
	/** Waits until `count` deliveries of the topic have come. */
	deliveries(topic: string, count: number): Promise<Received[]>;
	close(): Promise<void>;
};

export const APP_URL = "https://app.lockstep.example";
export const CLIENT = { clientId: "stand-in-client", clientSecret: "stand-in-secret" };
export const DOMAIN = "harry-test-heelo.myshopify.com";

const WAIT_MS = 15_000;

export async function openStage({
	shopify: given = {},
	shop: shopGiven = {},
	speed = 1,
}: {
	shopify?: Partial<ShopifyOptions>;
	shop?: Partial<ShopOptions>;
	speed?: number;
} = {}): Promise<Stage> {
	const world = createWorld({ seed: 11, speed });
	const received: Received[] = [];
	let decide: (delivery: Received) => number | "silence" = () => 200;
	const endpoint = createServer(async (incoming, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of incoming) chunks.push(chunk as Buffer);
		const raw = Buffer.concat(chunks);
		const delivery: Received = {
			topic: String(incoming.headers["x-shopify-topic"]),
			headers: incoming.headers,
			raw,
			body: JSON.parse(raw.toString()),
			path: incoming.url ?? "",
		};
		received.push(delivery);
		const status = decide(delivery);
		if (status !== "silence") response.writeHead(status).end();
	});
	await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
	world.route(APP_URL, `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`);
	const shopify = createShopify(world, { ...CLIENT, appUrl: APP_URL, http: { latencyMs: [0, 0] }, ...given });
	const shop = shopify.createShop({ domain: DOMAIN, searchLagMs: 0, ...shopGiven });
	const origin = await world.listen();
	let token = "";

	const post: Stage["post"] = (path, body, headers = {}, host = shop.domain) =>
		new Promise((resolve, reject) => {
			const outgoing = request(
				new URL(path, origin),
				{ method: "POST", headers: { host, "content-type": "application/json", ...headers } },
				(reply) => {
					let text = "";
					reply.setEncoding("utf8");
					reply.on("data", (chunk) => {
						text += chunk;
					});
					reply.on("end", () => resolve({ status: reply.statusCode ?? 0, text, headers: reply.headers }));
					reply.on("error", reject);
				},
			);
			outgoing.on("error", reject);
			outgoing.end(typeof body === "string" ? body : JSON.stringify(body));
		});

	return {
		world,
		shopify,
		shop,
		received,
		answer: (next) => {
			decide = next;
		},
		post,
		async signIn() {
			const reply = await post("/admin/oauth/access_token", exchangeBody(shop.mintSessionToken()));
			if (reply.status !== 200) throw new Error(`token exchange: ${reply.status} ${reply.text}`);
			const body = JSON.parse(reply.text) as Record<string, unknown>;
			token = String(body.access_token);
			return body;
		},
		async graphql(query, variables = {}, options = {}) {
			const reply = await post(
				`/admin/api/${options.version ?? "2026-10"}/graphql.json`,
				{ query, variables },
				{ "x-shopify-access-token": options.token ?? token },
			);
			if (reply.status !== 200) throw new Error(`graphql: ${reply.status} ${reply.text}`);
			return JSON.parse(reply.text) as Record<string, unknown>;
		},
		async deliveries(topic, count) {
			const until = Date.now() + WAIT_MS;
			for (;;) {
				const found = received.filter((delivery) => delivery.topic === topic);
				if (found.length >= count || Date.now() > until) return found;
				await new Promise((resolve) => setTimeout(resolve, 10));
			}
		},
		async close() {
			await world.close();
			endpoint.closeAllConnections();
			await new Promise<void>((resolve) => endpoint.close(() => resolve()));
		},
	};
}

export const exchangeBody = (sessionToken: string, changes: Record<string, string> = {}) => ({
	client_id: CLIENT.clientId,
	client_secret: CLIENT.clientSecret,
	grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
	subject_token: sessionToken,
	subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
	requested_token_type: "urn:shopify:params:oauth:token-type:offline-access-token",
	expiring: "1",
	...changes,
});

/** Waits for something that comes about by itself; a hang fails with what was waited for. */
export async function until(what: string, isSo: () => boolean, everyMs = 5): Promise<void> {
	const end = Date.now() + WAIT_MS;
	while (!isSo()) {
		if (Date.now() > end) throw new Error(`It never came about that ${what}.`);
		await new Promise((resolve) => setTimeout(resolve, everyMs));
	}
}

/** A value deep inside an answer, without a cast at every step. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
	return path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown> | null | undefined)?.[key], value);
}
