import { createHash, createHmac } from "node:crypto";

/** Signature Version 4 for one plain POST, written apart from the stand-in's own check. */
export function signed(
	body: string,
	action: string,
	{ id, secret, region, scopeRegion }: { id: string; secret: string; region: string; scopeRegion: string },
): Record<string, string> {
	const stamp = "20261121T100000Z";
	const host = `sqs.${region}.amazonaws.com`;
	const type = "application/x-amz-json-1.0";
	const target = `AmazonSQS.${action}`;
	const hash = (text: string) => createHash("sha256").update(text).digest("hex");
	const names = "content-type;host;x-amz-date;x-amz-target";
	const canonical = `POST\n/\n\ncontent-type:${type}\nhost:${host}\nx-amz-date:${stamp}\nx-amz-target:${target}\n\n${names}\n${hash(body)}`;
	const scope = `20261121/${scopeRegion}/sqs/aws4_request`;
	const mac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
	const signing = mac(mac(mac(mac(`AWS4${secret}`, "20261121"), scopeRegion), "sqs"), "aws4_request");
	const signature = mac(signing, `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${hash(canonical)}`).toString("hex");
	return {
		"content-type": type,
		"x-amz-date": stamp,
		"x-amz-target": target,
		authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
	};
}
