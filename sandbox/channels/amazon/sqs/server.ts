import type { IncomingMessage, ServerResponse } from "node:http";
import { exchange, type Reply, readBody, send } from "../http.ts";
import { type Realm, violation } from "../realm.ts";
import { ACTIONS, type Args, Refusal } from "./actions.ts";
import { type AccessKey, checkSignature } from "./signature.ts";

/**
 * `https://sqs.{region}.amazonaws.com` in the protocol of AWS' own SDKs since 2023: AWS JSON 1.0 (SQS developer guide
 * "sqs-making-api-requests-json" and "sqs-json-api-responses").
 */
export async function serveSqs(
	realm: Realm,
	request: IncomingMessage,
	response: ServerResponse,
	{ url, awsRegion, keys }: { url: URL; awsRegion: string; keys: readonly AccessKey[] },
): Promise<void> {
	const body = await readBody(request);
	const reply = (status: number, json: object, headers: Record<string, string> = {}): Reply => ({
		status,
		headers: { "content-type": "application/x-amz-json-1.0", "x-amzn-requestid": realm.uuid(), ...headers },
		body: JSON.stringify(json),
	});
	const refuse = ({ status, type, message, queryError }: Pick<Refusal, "status" | "type" | "message" | "queryError">) =>
		reply(status, { __type: type, message }, { "x-amzn-query-error": `${queryError};${status < 500 ? "Sender" : "Receiver"}` });
	const name = /^AmazonSQS\.(\w+)$/.exec(String(request.headers["x-amz-target"] ?? ""))?.[1] ?? "";
	const action = ACTIONS[name];
	const gone = new Promise<void>((resolve) => response.once("close", resolve));

	await exchange(realm, response, {
		channel: realm.queueChannel,
		operation: action ? name : "unknown",
		failed: ({ status }) =>
			refuse({
				status: status === 429 ? 403 : status,
				type: status === 429 ? "com.amazonaws.sqs#RequestThrottled" : "com.amazon.coral.service#InternalFailure",
				queryError: status === 429 ? "RequestThrottled" : "InternalFailure",
				message: status === 429 ? "Request is throttled." : "We encountered an internal error. Please try again.",
			}),
		async work() {
			try {
				if (body === null) throw new Refusal(413, "RequestEntityTooLarge", "The request is too large.");
				const problem = checkSignature(request, { url, body, awsRegion, keys });
				if (problem) {
					violation(realm, realm.queueChannel, "signature", problem.message);
					return refuse({ ...problem, queryError: problem.type.split("#")[1] ?? "" });
				}
				const type = String(request.headers["content-type"] ?? "");
				if (request.method !== "POST" || !action || !type.startsWith("application/x-amz-json-1.0")) {
					throw new Refusal(400, "com.amazon.coral.service#UnknownOperationException", "The requested operation is not known.");
				}
				return reply(200, await action(realm, awsRegion, parse(body), gone));
			} catch (error) {
				if (!(error instanceof Refusal)) throw error;
				if (error.blame) violation(realm, realm.queueChannel, error.blame, error.message);
				return refuse(error);
			}
		},
	}).catch((error: unknown) => {
		send(realm, response, reply(500, { __type: "com.amazon.coral.service#InternalFailure", message: String(error) }));
	});
}

function parse(body: Buffer): Args {
	try {
		const parsed: unknown = JSON.parse(body.toString("utf8") || "{}");
		if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Args;
	} catch {
		// Answered below like every other body that is no object.
	}
	throw new Refusal(400, "com.amazon.coral.service#SerializationException", "The request body is not a JSON object.");
}
