import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { createWorld, type World } from "../../../world.ts";
import { type Amazon, type AmazonOptions, type AmazonSeller, createAmazon, type Queue } from "../index.ts";
import { handClock } from "./hand-clock.ts";
import { CONTRACTS_PRESENT, notificationStrayings, strayings } from "./published.ts";
import { signed } from "./signed.ts";

export const APP = {
	id: "amzn1.sp.solution.0f1e2d3c-4b5a-4697-8877-665544332211",
	clientId: "amzn1.application-oa2-client.example",
	clientSecret: "amzn1.oa2-cs.v1.example",
	redirectUris: ["https://lockstep.example/amazon/callback", "https://lockstep.example/elsewhere"],
};
export const US = "ATVPDKIKX0DER";
export const CANADA = "A2EUQ1WTGCTBG2";

export type Sent = { host: string; method?: string; path: string; headers?: Record<string, string>; body?: string; signal?: AbortSignal };
export type Reply = { status: number; headers: IncomingHttpHeaders; text: string; bytes: Buffer; json: Json };
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely by tests
export type Json = any;

/** One seller in the United States, one queue, its clock in the test's hand, everything immediate unless told otherwise. */
export type Stage = {
	world: World;
	/** Every answer of the Selling Partner API so far; each was held against the published models. */
	heard: { method: string; path: string; status: number }[];
	amazon: Amazon;
	seller: AmazonSeller;
	queue: Queue;
	origin: string;
	key: { id: string; secret: string };
	/** Moves the sandbox's clock and lets what fell due happen. */
	pass(ms: number): Promise<void>;
	send(sent: Sent): Promise<Reply>;
	/** A form for the token endpoint. */
	lwa(form: Record<string, string>): Promise<Reply>;
	/** One call of the Selling Partner API with the seller's token, or another, or none. */
	api(
		method: string,
		path: string,
		more?: { body?: unknown; token?: string | null; host?: string; headers?: Record<string, string> },
	): Promise<Reply>;
	grantless(): Promise<string>;
	/** What the application gets when this seller says yes. */
	tokenOf(seller: AmazonSeller): Promise<string>;
	/** Destination and subscriptions, as an app sets them up. */
	subscribe(...types: string[]): Promise<void>;
	sqs(
		action: string,
		args: Record<string, unknown>,
		how?: { secret?: string; region?: string; scope?: string; signal?: AbortSignal },
	): Promise<Reply>;
	/** Notifications that wait in the queue, parsed, deleted as they are read. */
	drain(): Promise<Json[]>;
	close(): Promise<void>;
};

export const IMMEDIATE: Omit<AmazonOptions, "app"> = {
	patchMs: [0, 0],
	noticeMs: [0, 0],
	pendingMs: [0, 0],
	shipMs: null,
	unpaidShare: 0,
	reportMs: [0, 0],
};

export async function createStage(
	options: Partial<AmazonOptions> = {},
	account: Parameters<Amazon["createSeller"]>[0] = {},
): Promise<Stage> {
	const clock = handClock(Date.parse("2026-11-21T10:00:00.000Z"));
	const world: World = { ...createWorld({ seed: 11 }), clock };
	const amazon = createAmazon(world, { app: APP, ...IMMEDIATE, ...options });
	const seller = amazon.createSeller({ id: "A3EXAMPLESELLER", ...account });
	const queue = amazon.createQueue({ name: "lockstep-notices" });
	const key = amazon.addAccessKey();
	const origin = await world.listen();
	let token: { value: string; at: number } | null = null;

	const send = ({ host, method = "GET", path, headers = {}, body, signal }: Sent): Promise<Reply> =>
		new Promise((resolve, reject) => {
			const out = httpRequest(new URL(path, origin), { method, headers: { ...headers, host }, ...(signal ? { signal } : {}) }, (reply) => {
				const chunks: Buffer[] = [];
				reply.on("data", (chunk: Buffer) => chunks.push(chunk));
				reply.on("end", () => {
					const bytes = Buffer.concat(chunks);
					const text = bytes.toString("utf8");
					const json = String(reply.headers["content-type"] ?? "").includes("json") ? JSON.parse(text) : null;
					resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text, bytes, json });
				});
			});
			out.on("error", reject);
			out.end(body);
		});
	const lwa = (form: Record<string, string>) =>
		send({
			host: "api.amazon.com",
			method: "POST",
			path: "/auth/o2/token",
			headers: { "content-type": "application/x-www-form-urlencoded" },
			body: new URLSearchParams(form).toString(),
		});
	const client = { client_id: APP.clientId, client_secret: APP.clientSecret };
	const tokenOf = async (whom: AmazonSeller) => {
		const { spapiOauthCode } = whom.authorise();
		const granted = await lwa({ grant_type: "authorization_code", code: spapiOauthCode, ...client });
		return String(granted.json.access_token);
	};

	const stage: Stage = {
		heard: [],
		world,
		amazon,
		seller,
		queue,
		origin,
		key,
		async pass(ms) {
			clock.skip(ms);
			await settled();
		},
		send,
		lwa,
		async api(method, path, { body, token: other, host = "sellingpartnerapi-na.amazon.com", headers = {} } = {}) {
			if (other === undefined && (!token || clock.now() - token.at > 50 * 60_000))
				token = { value: await tokenOf(seller), at: clock.now() };
			const bearer = other === undefined ? (token?.value ?? null) : other;
			const reply = await send({
				host,
				method,
				path,
				headers: {
					"user-agent": "Lockstep/1.0 (Language=TypeScript)",
					"x-amz-date": "20261121T100000Z",
					...(bearer === null ? {} : { "x-amz-access-token": bearer }),
					...(body === undefined ? {} : { "content-type": "application/json" }),
					...headers,
				},
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
			});
			const heard = { method, path, status: reply.status, headers: reply.headers, body: reply.json };
			// A gateway's page instead of an answer is a fault on demand, and in no model.
			if (CONTRACTS_PRESENT && !/html/.test(String(reply.headers["content-type"]))) insist(strayings(heard));
			stage.heard.push({ method, path, status: reply.status });
			return reply;
		},
		tokenOf,
		async grantless() {
			const granted = await lwa({ grant_type: "client_credentials", scope: "sellingpartnerapi::notifications", ...client });
			return String(granted.json.access_token);
		},
		async subscribe(...types) {
			const made = await stage.api("POST", "/notifications/v1/destinations", {
				token: await stage.grantless(),
				body: { name: "stock", resourceSpecification: { sqs: { arn: queue.arn } } },
			});
			for (const type of types) {
				await stage.api("POST", `/notifications/v1/subscriptions/${type}`, {
					body: { payloadVersion: VERSIONS[type] ?? "1.0", destinationId: made.json.payload.destinationId },
				});
			}
		},
		sqs: (action, args, { secret = key.secret, region = "us-east-1", scope = region, signal } = {}) => {
			const body = JSON.stringify(args);
			return send({
				host: `sqs.${region}.amazonaws.com`,
				method: "POST",
				path: "/",
				headers: signed(body, action, { id: key.id, secret, region, scopeRegion: scope }),
				body,
				...(signal ? { signal } : {}),
			});
		},
		async drain() {
			const bodies: Json[] = [];
			for (;;) {
				const { json } = await stage.sqs("ReceiveMessage", { QueueUrl: queue.url, MaxNumberOfMessages: 10 });
				if (!json.Messages) return bodies;
				for (const { Body, ReceiptHandle } of json.Messages) {
					bodies.push(JSON.parse(Body));
					if (CONTRACTS_PRESENT) insist(notificationStrayings(JSON.parse(Body)));
					await stage.sqs("DeleteMessage", { QueueUrl: queue.url, ReceiptHandle });
				}
			}
		},
		close: () => world.close(),
	};
	return stage;
}

const VERSIONS: Record<string, string> = { LISTINGS_ITEM_ISSUES_CHANGE: "2023-12-13", REPORT_PROCESSING_FINISHED: "2020-09-04" };

function insist(strayed: readonly string[]) {
	if (strayed.length > 0) throw new Error(`Not as published: ${strayed.join("; ")}`);
}

/** Lets sockets and promises have their turn. */
export const settled = async () => {
	for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};
