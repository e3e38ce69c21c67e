import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createAmazonReplay } from "../../../tests/kit/amazon-replay.ts";
import type { MessageQueue } from "../channel.ts";
import { ChannelUnavailableError, RateLimitedError } from "../errors.ts";
import { notifications } from "./notifications.ts";
import { messageQueues, queueArn, queueUrl } from "./queue.ts";

const URL_NA = "https://sqs.us-east-1.amazonaws.com/123456789012/lockstep";
const app = { applicationId: "amzn1.sp.solution.1", notificationApplicationId: "amzn1.sellerapps.app.1", queueUrlNa: URL_NA };
const SECRET = "aws-secret-of-the-operator";

let replay: Awaited<ReturnType<typeof createAmazonReplay>>;
let queue: MessageQueue;
beforeAll(async () => {
	vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
	vi.stubEnv("AWS_SECRET_ACCESS_KEY", SECRET);
	replay = await createAmazonReplay();
	const [only] = messageQueues(app);
	if (!only) throw new Error("One queue is set");
	queue = only;
});
afterAll(async () => {
	queue.close();
	await replay.close();
	vi.unstubAllEnvs();
});
beforeEach(() => {
	replay.requests.length = 0;
});
const idle = new AbortController().signal;
const json = { "content-type": "application/x-amz-json-1.0" };
const message = (id: number, Body: string) => ({
	MessageId: `m-${id}`,
	ReceiptHandle: `receipt-${id}`,
	MD5OfBody: createHash("md5").update(Body).digest("hex"),
	Body,
});
const action = (headers: Record<string, string>) => headers["x-amz-target"];

describe("which queues there are", () => {
	test("one per region that is set up", () => {
		const queues = messageQueues({ ...app, queueUrlFe: "https://sqs.us-west-2.amazonaws.com/123456789012/far-east" });
		expect(queues.map(({ name }) => name)).toEqual(["amazon-na", "amazon-fe"]);
		for (const each of queues) each.close();
		expect(messageQueues({})).toEqual([]);
	});
	test("its ARN comes from its address", () => {
		expect(queueArn(queueUrl(app, "NA") as URL)).toBe("arn:aws:sqs:us-east-1:123456789012:lockstep");
	});
	test.each([
		"lockstep",
		"http://sqs.us-east-1.amazonaws.com/123456789012/lockstep",
		"https://sqs.us-east-1.amazonaws.com/1/lockstep",
		"https://evil.example/123456789012/lockstep",
		`${URL_NA}.fifo`,
	])("%s is not the address of a queue that Amazon can fill", (queueUrlNa) => {
		expect(() => messageQueues({ ...app, queueUrlNa })).toThrow(/is not the address of an SQS queue/);
	});
});

describe("receiving", () => {
	test("a long poll for ten; each message goes on with its region and whose it must be", async () => {
		const body = JSON.stringify({ NotificationType: "ORDER_CHANGE", Payload: { OrderChangeNotification: { SellerId: "A3" } }, ü: "é" });
		replay.answer(() => ({ headers: json, body: { Messages: [message(1, body), message(2, "not json")] } }));
		const received = await queue.receive(idle);
		expect(received.map(({ receipt }) => receipt)).toEqual(["receipt-1", "receipt-2"]);
		expect(received[0]?.delivery.body.toString("utf8")).toBe(body);
		expect(received[0]?.delivery.headers).toEqual({
			"lockstep-amazon-region": "NA",
			"lockstep-amazon-applications": "amzn1.sp.solution.1,amzn1.sellerapps.app.1",
			"sqs-message-id": "m-1",
		});
		expect(notifications.identify(received[0]?.delivery as never)).toMatchObject({ topic: "ORDER_CHANGE", account: "A3" });
		const [sent] = replay.requests;
		expect(sent?.url.host).toBe("sqs.us-east-1.amazonaws.com");
		expect(action(sent?.headers ?? {})).toBe("AmazonSQS.ReceiveMessage");
		expect(sent?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/sqs\/aws4_request/);
		expect(sent?.body).toEqual({ QueueUrl: URL_NA, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, VisibilityTimeout: 60 });
	});

	test("nothing there is an empty list", async () => {
		replay.answer(() => ({ headers: json, body: {} }));
		expect(await queue.receive(idle)).toEqual([]);
	});

	test("a stop ends the long poll at once, with nothing", async () => {
		const stop = new AbortController();
		let asked = () => {};
		const begun = new Promise<void>((resolve) => {
			asked = resolve;
		});
		let answer = () => {};
		const held = new Promise<void>((resolve) => {
			answer = resolve;
		});
		replay.answer(async () => {
			asked();
			await held;
			return { headers: json, body: {} };
		});
		const receiving = queue.receive(stop.signal);
		await begun;
		stop.abort();
		expect(await receiving).toEqual([]);
		answer();
		expect(await queue.receive(stop.signal)).toEqual([]);
		expect(replay.requests).toHaveLength(1);
	});

	test.each([
		["no such queue", 400, "AWS.SimpleQueueService.NonExistentQueue", ChannelUnavailableError],
		["keys refused", 403, "InvalidClientTokenId", ChannelUnavailableError],
		["throttled", 400, "ThrottlingException", RateLimitedError],
		["down", 500, "InternalFailure", ChannelUnavailableError],
	])("%s is told as the channel's trouble, without a key, and asked once", async (_, status, type, kind) => {
		replay.answer(() => ({ status, headers: json, body: { __type: `com.amazonaws.sqs#${type}`, message: "it did not work" } }));
		const error = await queue.receive(idle).catch((thrown: unknown) => thrown);
		expect(error).toBeInstanceOf(kind);
		expect((error as Error).message).toContain("receiving from amazon-na");
		expect(JSON.stringify(error) + String((error as Error).cause)).not.toContain(SECRET);
		expect(replay.requests).toHaveLength(1);
	});

	test("a message whose text was changed on the way is not taken", async () => {
		replay.answer(() => ({ headers: json, body: { Messages: [{ ...message(1, "{}"), Body: "{ }" }] } }));
		await expect(queue.receive(idle)).rejects.toThrow(/MD5/);
	});
});

describe("deleting", () => {
	const messages = (count: number) =>
		Array.from({ length: count }, (_, index) => ({
			receipt: `receipt-${index}`,
			delivery: { headers: {}, body: Buffer.from(""), path: "" },
		}));
	const entries = (body: unknown) => (body as { Entries: { Id: string; ReceiptHandle: string }[] }).Entries;

	test("ten at a time, each once", async () => {
		replay.answer(({ body }) => ({ headers: json, body: { Successful: entries(body).map(({ Id }) => ({ Id })), Failed: [] } }));
		await queue.remove([...messages(23), ...messages(2)]);
		expect(replay.requests.map(({ body }) => entries(body).length)).toEqual([10, 10, 3]);
		expect(replay.requests.map(({ headers }) => action(headers))).toEqual(Array(3).fill("AmazonSQS.DeleteMessageBatch"));
		await queue.remove([]);
		expect(replay.requests).toHaveLength(3);
	});

	test("those of a batch that were not deleted are tried once more", async () => {
		let first = true;
		replay.answer(({ body }) => {
			const ids = entries(body).map(({ Id }) => Id);
			const Failed = first ? ids.slice(0, 2).map((Id) => ({ Id, SenderFault: false, Code: "InternalError" })) : [];
			first = false;
			return { headers: json, body: { Successful: ids.slice(Failed.length).map((Id) => ({ Id })), Failed } };
		});
		await queue.remove(messages(5));
		expect(replay.requests.map(({ body }) => entries(body).map(({ ReceiptHandle }) => ReceiptHandle))).toEqual([
			["receipt-0", "receipt-1", "receipt-2", "receipt-3", "receipt-4"],
			["receipt-0", "receipt-1"],
		]);
	});

	test("what stays is said: it comes again", async () => {
		replay.answer(({ body }) => ({
			headers: json,
			body: { Successful: [], Failed: entries(body).map(({ Id }) => ({ Id, SenderFault: true, Code: "ReceiptHandleIsInvalid" })) },
		}));
		await expect(queue.remove(messages(3))).rejects.toThrow(/3 of 3 messages were not deleted \(ReceiptHandleIsInvalid\)/);
		expect(replay.requests).toHaveLength(2);
	});
});
