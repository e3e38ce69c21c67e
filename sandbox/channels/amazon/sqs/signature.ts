import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** An IAM user of our own AWS account, with rights on the queues. */
export type AccessKey = { id: string; secret: string };

export type SignatureProblem = { status: number; type: string; message: string };

/**
 * Signature Version 4 as SQS demands it (AWS IAM user guide "create-signed-request"): header form, service `sqs`, the host's own
 * region. The time of signing is not compared with the clock: the sandbox's runs at its own speed.
 */
export function checkSignature(
	request: IncomingMessage,
	{ url, body, awsRegion, keys }: { url: URL; body: Buffer; awsRegion: string; keys: readonly AccessKey[] },
): SignatureProblem | null {
	const authorization = request.headers.authorization ?? "";
	if (!authorization) return problem("MissingAuthenticationToken", "Request is missing Authentication Token");
	const parts = /^AWS4-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(authorization);
	const [keyId = "", date = "", region = "", service = "", end = ""] = (parts?.[1] ?? "").split("/");
	const stamp = String(request.headers["x-amz-date"] ?? "");
	if (!parts || end !== "aws4_request" || !/^\d{8}T\d{6}Z$/.test(stamp) || !stamp.startsWith(date)) {
		return problem("IncompleteSignature", "Authorization header requires a valid Credential, SignedHeaders, Signature and X-Amz-Date.");
	}
	const key = keys.find((k) => k.id === keyId);
	if (!key) return problem("UnrecognizedClientException", "The security token included in the request is invalid.");
	if (region !== awsRegion || service !== "sqs") {
		return problem("InvalidSignatureException", `Credential should be scoped to a valid region, not '${region}', and to service 'sqs'.`);
	}
	const signed = (parts[2] ?? "").split(";");
	if (!signed.includes("host")) return problem("InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization.");
	const wanted = sign(request, { url, body, signed, stamp, scope: `${date}/${region}/${service}/${end}`, secret: key.secret });
	if (timingSafeEqual(Buffer.from(wanted), Buffer.from(parts[3] ?? ""))) return null;
	return problem("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.");
}

function sign(
	request: IncomingMessage,
	given: { url: URL; body: Buffer; signed: readonly string[]; stamp: string; scope: string; secret: string },
): string {
	const { url, body, signed, stamp, scope, secret } = given;
	const header = (name: string) => [request.headers[name] ?? ""].flat().join(",").trim().replace(/\s+/g, " ");
	const query = [...url.searchParams].map(([name, value]) => `${rfc3986(name)}=${rfc3986(value)}`).sort();
	const canonical = [
		request.method ?? "POST",
		url.pathname,
		query.join("&"),
		...signed.map((name) => `${name}:${header(name)}`),
		"",
		signed.join(";"),
		sha256(body),
	].join("\n");
	const text = ["AWS4-HMAC-SHA256", stamp, scope, sha256(canonical)].join("\n");
	const key = scope.split("/").reduce<Buffer>((last, part) => hmac(last, part), Buffer.from(`AWS4${secret}`));
	return hmac(key, text).toString("hex");
}

const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text, "utf8").digest();
const sha256 = (data: Buffer | string) => createHash("sha256").update(data).digest("hex");
const rfc3986 = (text: string) =>
	encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
const problem = (type: string, message: string): SignatureProblem => ({ status: 403, type: `com.amazon.coral.service#${type}`, message });
