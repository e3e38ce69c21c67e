import type { Realm } from "../realm.ts";
import { md5, type Queue, RECEIVE_MAX, VISIBILITY_MAX_S, WAIT_MAX_S } from "./queues.ts";

export type Args = Record<string, unknown>;
type Action = (realm: Realm, awsRegion: string, args: Args, gone: Promise<void>) => object | Promise<object>;

/** What SQS answers instead; `blame`: the caller could have known, so it is a violation. */
export class Refusal extends Error {
	status: number;
	type: string;
	queryError: string;
	blame: string | null;
	constructor(status: number, type: string, message: string, { queryError, blame }: { queryError?: string; blame?: string } = {}) {
		super(message);
		this.status = status;
		this.type = type.includes("#") ? type : `com.amazonaws.sqs#${type}`;
		this.queryError = queryError ?? this.type.split("#")[1] ?? "";
		this.blame = blame ?? null;
	}
}

/** Ten, also for deletions (API reference of DeleteMessageBatch). */
const BATCH_MAX = 10;

export const ACTIONS: Readonly<Record<string, Action>> = {
	GetQueueUrl(realm, awsRegion, args) {
		const queue = realm.queues.byName(awsRegion, String(args.QueueName ?? ""));
		if (!queue) throw noQueue();
		return { QueueUrl: queue.url };
	},
	GetQueueAttributes(realm, _, args) {
		const queue = queueOf(realm, args);
		const all = attributesOf(queue);
		const wanted = names(args.AttributeNames);
		if (wanted.includes("All")) return { Attributes: all };
		return { Attributes: Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name))) };
	},
	SendMessage(realm, _, args) {
		const body = String(args.MessageBody ?? "");
		if (!body) throw missing("MessageBody");
		return { MessageId: queueOf(realm, args).send(body), MD5OfMessageBody: md5(body) };
	},
	async ReceiveMessage(realm, _, args, gone) {
		const queue = queueOf(realm, args);
		const max = whole(args, "MaxNumberOfMessages", { min: 1, max: RECEIVE_MAX, otherwise: 1 });
		const waitS = whole(args, "WaitTimeSeconds", { min: 0, max: WAIT_MAX_S, otherwise: 0 });
		const visibilityS = whole(args, "VisibilityTimeout", { min: 0, max: VISIBILITY_MAX_S, otherwise: queue.visibilityTimeoutS });
		const wanted = [...names(args.AttributeNames), ...names(args.MessageSystemAttributeNames)];
		const received = await queue.receive({ max, waitMs: waitS * 1000, visibilityS, gone });
		if (received.length === 0) return {};
		return {
			Messages: received.map(({ id, receiptHandle, body, md5: hash, attributes }) => {
				const told = Object.entries(attributes).filter(([name]) => wanted.includes("All") || wanted.includes(name));
				return {
					MessageId: id,
					ReceiptHandle: receiptHandle,
					MD5OfBody: hash,
					Body: body,
					...(told.length > 0 ? { Attributes: Object.fromEntries(told) } : {}),
				};
			}),
		};
	},
	DeleteMessage(realm, _, args) {
		if (queueOf(realm, args).remove(handleOf(args)) === "invalid") throw badHandle();
		return {};
	},
	DeleteMessageBatch: (realm, _, args) => batch(args, (entry) => queueOf(realm, args).remove(handleOf(entry)) !== "invalid"),
	ChangeMessageVisibility(realm, _, args) {
		changeVisibility(queueOf(realm, args), args);
		return {};
	},
};

function changeVisibility(queue: Queue, args: Args) {
	const seconds = whole(args, "VisibilityTimeout", { min: 0, max: VISIBILITY_MAX_S, otherwise: null });
	const outcome = queue.changeVisibility(handleOf(args), seconds);
	if (outcome === "invalid") throw badHandle();
	if (outcome === "not in flight") {
		throw new Refusal(400, "MessageNotInflight", "The message referred to isn't in flight.", {
			queryError: "AWS.SimpleQueueService.MessageNotInflight",
		});
	}
}

function batch(args: Args, act: (entry: Args) => boolean) {
	const entries = Array.isArray(args.Entries) ? (args.Entries as Args[]) : [];
	const refuse = (type: string, message: string) =>
		new Refusal(400, type, message, { queryError: `AWS.SimpleQueueService.${type}`, blame: "sqs batch" });
	if (entries.length === 0)
		throw refuse("EmptyBatchRequest", "There should be at least one DeleteMessageBatchRequestEntry in the request.");
	if (entries.length > BATCH_MAX) {
		throw refuse(
			"TooManyEntriesInBatchRequest",
			`Maximum number of entries per request are ${BATCH_MAX}. You have sent ${entries.length}.`,
		);
	}
	if (new Set(entries.map((e) => e.Id)).size < entries.length) throw refuse("BatchEntryIdsNotDistinct", "Id is repeated.");
	const done = entries.map((entry) => ({ id: String(entry.Id), ok: act(entry) }));
	return {
		Successful: done.filter(({ ok }) => ok).map(({ id }) => ({ Id: id })),
		Failed: done
			.filter(({ ok }) => !ok)
			.map(({ id }) => ({ Id: id, Code: "ReceiptHandleIsInvalid", SenderFault: true, Message: "The input receipt handle is invalid." })),
	};
}

function attributesOf(queue: Queue): Record<string, string> {
	const { visible, inFlight } = queue.counts();
	const redrive = queue.deadLetter && {
		deadLetterTargetArn: queue.deadLetter.queue.arn,
		maxReceiveCount: queue.deadLetter.maxReceiveCount,
	};
	return {
		QueueArn: queue.arn,
		ApproximateNumberOfMessages: String(visible),
		ApproximateNumberOfMessagesNotVisible: String(inFlight),
		ApproximateNumberOfMessagesDelayed: "0",
		CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
		LastModifiedTimestamp: String(Math.floor(queue.createdAt / 1000)),
		VisibilityTimeout: String(queue.visibilityTimeoutS),
		MessageRetentionPeriod: String(queue.retentionS),
		MaximumMessageSize: "1048576",
		DelaySeconds: "0",
		ReceiveMessageWaitTimeSeconds: "0",
		SqsManagedSseEnabled: "true",
		...(redrive ? { RedrivePolicy: JSON.stringify(redrive) } : {}),
		...(queue.allowsAmazon ? { Policy: JSON.stringify(policyOf(queue)) } : {}),
	};
}

/** What the guide asks for: Amazon's account may send and look (docs set-up-notifications-with-amazon-sqs). */
const policyOf = (queue: Queue) => ({
	Version: "2012-10-17",
	Statement: [
		{
			Effect: "Allow",
			Principal: { AWS: "arn:aws:iam::437568002678:root" },
			Action: ["sqs:SendMessage", "sqs:GetQueueAttributes"],
			Resource: queue.arn,
		},
	],
});

function queueOf(realm: Realm, args: Args): Queue {
	if (typeof args.QueueUrl !== "string") throw missing("QueueUrl");
	const queue = realm.queues.byUrl(args.QueueUrl);
	if (!queue) throw noQueue();
	return queue;
}

function handleOf(args: Args): string {
	if (typeof args.ReceiptHandle !== "string") throw missing("ReceiptHandle");
	return args.ReceiptHandle;
}

function whole(args: Args, name: string, limits: { min: number; max: number; otherwise: number | null }): number {
	const value = args[name] ?? limits.otherwise;
	if (value === null) throw missing(name);
	if (typeof value === "number" && Number.isInteger(value) && value >= limits.min && value <= limits.max) return value;
	const reason = `Value ${value} for parameter ${name} is invalid. Reason: Must be between ${limits.min} and ${limits.max}, if provided.`;
	throw new Refusal(400, "com.amazon.coral.service#InvalidParameterValueException", reason, {
		queryError: "InvalidParameterValue",
		blame: "sqs parameter out of range",
	});
}

const names = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const missing = (name: string) =>
	new Refusal(400, "com.amazon.coral.service#MissingRequiredParameterException", `The request must contain the parameter ${name}.`, {
		queryError: "MissingParameter",
		blame: "sqs parameter missing",
	});
const noQueue = () =>
	new Refusal(400, "QueueDoesNotExist", "The specified queue does not exist.", {
		queryError: "AWS.SimpleQueueService.NonExistentQueue",
	});
const badHandle = () => new Refusal(400, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.");
