import { DeleteMessageBatchCommand, type DeleteMessageBatchRequestEntry, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { AppSettings, MessageQueue, QueuedMessage } from "../channel.ts";
import { ChannelError, ChannelUnavailableError, RateLimitedError } from "../errors.ts";
import { APPLICATIONS_HEADER, REGION_HEADER } from "./notifications.ts";
import { REGIONS, type Region } from "./regions.ts";
import { createTransport } from "./sqs-transport.ts";

/** One queue per region that the operator has set up; Amazon delivers to a queue of our own (developer-docs, "Amazon SQS"). */
export const messageQueues = (app: AppSettings): readonly MessageQueue[] =>
	REGIONS.flatMap((region) => {
		const url = queueUrl(app, region);
		return url === null ? [] : [openQueue(app, region, url)];
	});

/** SQS' most: seconds that it holds a question open, messages that it gives at once, and takes back at once. */
const WAIT_SECONDS = 20;
const MESSAGES_MAX = 10;
/** A message is ours for so long: to be read, committed and deleted. Then it comes again, to anybody. */
const VISIBLE_AGAIN_SECONDS = 60;

function openQueue(app: AppSettings, region: Region, url: URL): MessageQueue {
	const name = `amazon-${region.toLowerCase()}`;
	const client = new SQSClient({
		region: queueParts(url).awsRegion,
		requestHandler: createTransport(`queue.${name}`),
		// Whoever pulls the queue asks again anyway, with its own pauses.
		maxAttempts: 1,
	});
	const QueueUrl = url.href;
	const headers = {
		[REGION_HEADER]: region,
		[APPLICATIONS_HEADER]: [app.applicationId, app.notificationApplicationId].filter(Boolean).join(","),
	};
	return {
		name,
		async receive(signal) {
			if (signal.aborted) return [];
			try {
				const { Messages = [] } = await client.send(
					new ReceiveMessageCommand({
						QueueUrl,
						MaxNumberOfMessages: MESSAGES_MAX,
						WaitTimeSeconds: WAIT_SECONDS,
						VisibilityTimeout: VISIBLE_AGAIN_SECONDS,
					}),
					{ abortSignal: signal },
				);
				return Messages.flatMap(({ ReceiptHandle, Body, MessageId }): QueuedMessage[] =>
					ReceiptHandle === undefined
						? []
						: [
								{
									receipt: ReceiptHandle,
									delivery: {
										headers: { ...headers, "sqs-message-id": MessageId ?? "" },
										body: Buffer.from(Body ?? "", "utf8"),
										path: `/queues/${name}`,
									},
								},
							],
				);
			} catch (error) {
				if (signal.aborted) return [];
				throw errorOf(error, `receiving from ${name}`);
			}
		},
		async remove(messages) {
			const receipts = [...new Set(messages.map(({ receipt }) => receipt))];
			for (let at = 0; at < receipts.length; at += MESSAGES_MAX)
				await removeSome(client, { QueueUrl, name }, receipts.slice(at, at + MESSAGES_MAX));
		},
		close: () => client.destroy(),
	};
}

/** Half of a batch may fail inside a 200: those are tried once more. What stays comes again and is known then. */
async function removeSome(client: SQSClient, { QueueUrl, name }: { QueueUrl: string; name: string }, receipts: readonly string[]) {
	let left: DeleteMessageBatchRequestEntry[] = receipts.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
	let code: string | undefined;
	for (let attempt = 0; attempt < 2 && left.length > 0; attempt++) {
		try {
			const { Failed = [] } = await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: left }));
			const failed = new Set(Failed.map(({ Id }) => Id));
			code = Failed[0]?.Code;
			left = left.filter(({ Id }) => failed.has(Id));
		} catch (error) {
			throw errorOf(error, `deleting from ${name}`);
		}
	}
	if (left.length === 0) return;
	throw new ChannelUnavailableError(`deleting from ${name}: ${left.length} of ${receipts.length} messages were not deleted (${code})`, {
		code,
	});
}

/**
 * SQS and the SDK's own faults. None of them is a merchant's: an unknown queue or refused keys are the operator's to mend, and the
 * messages wait meanwhile. The SDK's sentences name the account and the queue, never a key.
 */
function errorOf(error: unknown, what: string): ChannelError {
	// The network's fault, not SQS' word.
	if (error instanceof ChannelError) return error;
	const cause = error instanceof Error ? error : new Error(String(error));
	const status = "$metadata" in cause ? (cause.$metadata as { httpStatusCode?: number; requestId?: string } | undefined) : undefined;
	const detail = { cause, code: cause.name, httpStatus: status?.httpStatusCode, requestId: status?.requestId };
	const message = `${what}: ${cause.message.slice(0, 300)} [${cause.name}]`;
	// Queues have no rate of their own that we could reach; requests in flight and keys' quotas do.
	if (/Throttl|OverLimit|TooManyRequests/.test(cause.name)) return new RateLimitedError(message, detail);
	return new ChannelUnavailableError(message, detail);
}

/** https://sqs.eu-west-1.amazonaws.com/123456789012/lockstep; null: the operator has no queue for this region. */
export function queueUrl(app: AppSettings, region: Region): URL | null {
	const text = app[`queueUrl${region.charAt(0)}${region.slice(1).toLowerCase()}`] ?? "";
	if (text === "") return null;
	const url = URL.canParse(text) ? new URL(text) : null;
	if (url === null || !ADDRESS.test(url.host + url.pathname) || url.protocol !== "https:") {
		throw new Error(`The queue for Amazon's region ${region} is set to something that is not the address of an SQS queue`);
	}
	return url;
}
const ADDRESS = /^sqs(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com\/(\d{12})\/([A-Za-z0-9_-]{1,80})$/;

/** What Amazon's notifications know a queue by. FIFO queues cannot be used (developer-docs: standard queues only). */
export function queueArn(url: URL): string {
	const { awsRegion, account, name } = queueParts(url);
	return `arn:aws:sqs:${awsRegion}:${account}:${name}`;
}

function queueParts(url: URL): { awsRegion: string; account: string; name: string } {
	const [, awsRegion = "", account = "", name = ""] = ADDRESS.exec(url.host + url.pathname) ?? [];
	return { awsRegion, account, name };
}
