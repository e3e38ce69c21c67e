import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import {
	ChangeMessageVisibilityCommand,
	DeleteMessageBatchCommand,
	DeleteMessageCommand,
	GetQueueAttributesCommand,
	GetQueueUrlCommand,
	ReceiveMessageCommand,
	SQSClient,
} from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, it } from "vitest";
import { createStage, type Stage, settled } from "./contract/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

const receive = (more: Record<string, unknown> = {}) => stage.sqs("ReceiveMessage", { QueueUrl: stage.queue.url, ...more });
const rules = () => stage.world.books.violations("sqs").map(({ rule }) => rule);

/** AWS' own client, its requests led to the sandbox with everything else as it sends it. */
function sdk(): SQSClient {
	type Outgoing = { method: string; hostname: string; path: string; headers: Record<string, string>; body?: string };
	const handle = (request: Outgoing) =>
		new Promise((resolve, reject) => {
			const out = httpRequest(new URL(request.path, stage.origin), { method: request.method, headers: request.headers }, (reply) =>
				resolve({ response: { statusCode: reply.statusCode, headers: reply.headers, body: reply } }),
			);
			out.on("error", reject);
			out.end(request.body);
		});
	return new SQSClient({
		region: "us-east-1",
		credentials: { accessKeyId: stage.key.id, secretAccessKey: stage.key.secret },
		maxAttempts: 1,
		requestHandler: { handle } as unknown as NonNullable<ConstructorParameters<typeof SQSClient>[0]>["requestHandler"] & object,
	});
}

describe("a queue, by AWS' own client", () => {
	it("gives messages with their sum and attributes, and forgets what is deleted", async () => {
		stage = await createStage();
		const client = sdk();
		const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: "lockstep-notices" }));
		expect(QueueUrl).toBe("https://sqs.us-east-1.amazonaws.com/123456789012/lockstep-notices");
		for (const body of ["one", "zwölf", "three"]) stage.queue.send(body);
		const { Messages = [] } = await client.send(
			new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ["ApproximateReceiveCount"] }),
		);
		expect(Messages.map((m) => m.Body).sort()).toEqual(["one", "three", "zwölf"]);
		for (const { Body, MD5OfBody, Attributes } of Messages) {
			expect(MD5OfBody).toBe(createHash("md5").update(String(Body)).digest("hex"));
			expect(Attributes).toEqual({ ApproximateReceiveCount: "1" });
		}
		const attributes = async () =>
			(
				await client.send(
					new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["ApproximateNumberOfMessagesNotVisible", "QueueArn"] }),
				)
			).Attributes;
		expect(await attributes()).toEqual({
			QueueArn: "arn:aws:sqs:us-east-1:123456789012:lockstep-notices",
			ApproximateNumberOfMessagesNotVisible: "3",
		});
		await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0]?.ReceiptHandle }));
		const batch = await client.send(
			new DeleteMessageBatchCommand({
				QueueUrl,
				Entries: [
					{ Id: "a", ReceiptHandle: Messages[1]?.ReceiptHandle },
					{ Id: "b", ReceiptHandle: "made up" },
				],
			}),
		);
		expect([batch.Successful?.map((s) => s.Id), batch.Failed?.map((f) => [f.Id, f.Code])]).toEqual([
			["a"],
			[["b", "ReceiptHandleIsInvalid"]],
		]);
		expect((await attributes())?.ApproximateNumberOfMessagesNotVisible).toBe("1");
		await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: Messages[2]?.ReceiptHandle, VisibilityTimeout: 0 }));
		const again = await client.send(new ReceiveMessageCommand({ QueueUrl }));
		expect(again.Messages?.map((m) => m.MessageId)).toEqual([Messages[2]?.MessageId]);
		const empty = await client.send(new ReceiveMessageCommand({ QueueUrl }));
		expect(empty.Messages).toBeUndefined();
		expect(rules()).toEqual([]);
	});

	it("an unknown queue is the error that the client knows by name", async () => {
		stage = await createStage();
		await expect(
			sdk().send(new ReceiveMessageCommand({ QueueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/no-such" })),
		).rejects.toMatchObject({ name: "QueueDoesNotExist" });
	});
});

describe("a queue", () => {
	it("lets in whoever signs with a known key for its own region", async () => {
		stage = await createStage();
		expect((await receive()).status).toBe(200);
		const wrong = await stage.sqs("ReceiveMessage", { QueueUrl: stage.queue.url }, { secret: "wrong" });
		expect([wrong.status, wrong.json.__type]).toEqual([403, "com.amazon.coral.service#InvalidSignatureException"]);
		const headers = { "x-amz-target": "AmazonSQS.ReceiveMessage", "content-type": "application/x-amz-json-1.0" };
		const bare = await stage.send({ host: "sqs.us-east-1.amazonaws.com", method: "POST", path: "/", headers, body: "{}" });
		expect([bare.status, bare.headers["x-amzn-query-error"]]).toEqual([403, "MissingAuthenticationToken;Sender"]);
		const elsewhere = await stage.sqs("ReceiveMessage", { QueueUrl: stage.queue.url }, { scope: "eu-west-1" });
		expect(elsewhere.status).toBe(403);
		expect(rules()).toEqual(["signature", "signature", "signature"]);
	});

	it("a message that is not deleted in time comes again, and an outdated handle deletes nothing", async () => {
		stage = await createStage();
		stage.queue.send("one");
		const first = (await receive({ VisibilityTimeout: 20 })).json.Messages[0];
		await stage.pass(19_999);
		expect((await receive()).json).toEqual({});
		await stage.pass(1);
		const second = (await receive({ AttributeNames: ["All"] })).json.Messages[0];
		expect([second.MessageId, second.Attributes.ApproximateReceiveCount]).toEqual([first.MessageId, "2"]);
		const remove = (handle: string) => stage.sqs("DeleteMessage", { QueueUrl: stage.queue.url, ReceiptHandle: handle });
		expect((await remove(first.ReceiptHandle)).status).toBe(200);
		expect(stage.queue.waiting()).toEqual(["one"]);
		await remove(second.ReceiptHandle);
		expect(stage.queue.waiting()).toEqual([]);
		expect((await remove("made up")).json.__type).toBe("com.amazonaws.sqs#ReceiptHandleIsInvalid");
	});

	it("a long poll waits for the first message, at most as long as it said", async () => {
		stage = await createStage();
		const waiting = receive({ WaitTimeSeconds: 20, MaxNumberOfMessages: 10 });
		await settled();
		stage.queue.send("late");
		expect((await waiting).json.Messages.map((m: { Body: string }) => m.Body)).toEqual(["late"]);
		let answered = false;
		const empty = receive({ WaitTimeSeconds: 20 }).then((reply) => {
			answered = true;
			return reply;
		});
		await settled();
		await stage.pass(19_999);
		expect(answered).toBe(false);
		await stage.pass(1);
		expect((await empty).json).toEqual({});
	});

	it("a message that is let go of goes to whoever waits", async () => {
		stage = await createStage();
		stage.queue.send("one");
		const [{ ReceiptHandle }] = (await receive()).json.Messages;
		const waiting = receive({ WaitTimeSeconds: 20 });
		await settled();
		await stage.sqs("ChangeMessageVisibility", { QueueUrl: stage.queue.url, ReceiptHandle, VisibilityTimeout: 0 });
		expect((await waiting).json.Messages).toHaveLength(1);
	});

	it("a caller that hung up takes no message with it", async () => {
		stage = await createStage();
		const caller = new AbortController();
		const polling = stage.sqs("ReceiveMessage", { QueueUrl: stage.queue.url, WaitTimeSeconds: 20 }, { signal: caller.signal });
		await settled();
		caller.abort();
		await expect(polling).rejects.toThrow();
		await settled();
		stage.queue.send("one");
		expect((await receive()).json.Messages).toHaveLength(1);
	});

	it("what nobody can work off goes to the dead letters after so many receipts", async () => {
		stage = await createStage();
		const dead = stage.amazon.createQueue({ name: "dead" });
		const queue = stage.amazon.createQueue({ name: "live", visibilityTimeoutS: 10, deadLetter: { queue: dead, maxReceiveCount: 3 } });
		queue.send("poison");
		const bodies: (number | undefined)[] = [];
		for (let turn = 0; turn < 4; turn++) {
			bodies.push((await stage.sqs("ReceiveMessage", { QueueUrl: queue.url })).json.Messages?.length);
			await stage.pass(10_000);
		}
		expect(bodies).toEqual([1, 1, 1, undefined]);
		expect([queue.waiting(), dead.waiting()]).toEqual([[], ["poison"]]);
		const { json } = await stage.sqs("GetQueueAttributes", { QueueUrl: queue.url, AttributeNames: ["RedrivePolicy"] });
		expect(JSON.parse(json.Attributes.RedrivePolicy)).toEqual({ deadLetterTargetArn: dead.arn, maxReceiveCount: 3 });
	});

	it("keeps no order, and forgets messages after its retention", async () => {
		stage = await createStage();
		const sent = Array.from({ length: 40 }, (_, n) => String(n));
		for (const body of sent) stage.queue.send(body);
		const got: string[] = [];
		for (let turn = 0; turn < 4; turn++) {
			got.push(...(await receive({ MaxNumberOfMessages: 10 })).json.Messages.map((m: { Body: string }) => m.Body));
		}
		expect(got).not.toEqual(sent);
		expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual(sent);
		await stage.pass(4 * 24 * 3_600_000);
		expect((await receive()).json).toEqual({});
		expect(stage.queue.waiting()).toEqual([]);
	});

	it("may give once more what was deleted already", async () => {
		stage = await createStage({ redeliveredShare: 1 });
		stage.queue.send("one");
		const [first] = (await receive()).json.Messages;
		await stage.sqs("DeleteMessage", { QueueUrl: stage.queue.url, ReceiptHandle: first.ReceiptHandle });
		const [second] = (await receive()).json.Messages;
		expect(second.MessageId).toBe(first.MessageId);
	});

	it("a deletion whose answer got lost is done, one that never arrived is not", async () => {
		stage = await createStage();
		const deletions = (name: string) => name === "DeleteMessage";
		for (const [effect, left] of [
			["none", 1],
			["before", 0],
		] as const) {
			stage.queue.send("one");
			const [message] = (await receive({ VisibilityTimeout: 0 })).json.Messages;
			stage.world.faults.next("sqs", 1, { kind: "timeout", effect }, deletions);
			const silent = stage.sqs("DeleteMessage", { QueueUrl: stage.queue.url, ReceiptHandle: message.ReceiptHandle });
			silent.catch(() => {});
			await expect.poll(() => stage.world.books.calls("sqs").filter((c) => c.status === 0).length).toBe(2 - left);
			expect(stage.queue.waiting()).toHaveLength(left);
			for (const { ReceiptHandle } of (await receive()).json.Messages ?? []) {
				await stage.sqs("DeleteMessage", { QueueUrl: stage.queue.url, ReceiptHandle });
			}
		}
	});

	it.each([
		["ReceiveMessage", { MaxNumberOfMessages: 11 }, "com.amazon.coral.service#InvalidParameterValueException"],
		["ReceiveMessage", { WaitTimeSeconds: 21 }, "com.amazon.coral.service#InvalidParameterValueException"],
		["DeleteMessageBatch", { Entries: [] }, "com.amazonaws.sqs#EmptyBatchRequest"],
		["DeleteMessage", {}, "com.amazon.coral.service#MissingRequiredParameterException"],
	])("%s with %j is refused and remembered", async (action, args, type) => {
		stage = await createStage();
		const reply = await stage.sqs(action, { QueueUrl: stage.queue.url, ...args });
		expect([reply.status, reply.json.__type]).toEqual([400, type]);
		expect(rules()).toHaveLength(1);
	});
});
