import { createHmac, timingSafeEqual } from "node:crypto";

export type SignatureScheme = { algorithm: "sha256"; encoding: "base64" | "hex" };

/**
 * The one verifier for every signed request: webhooks, compliance, Flow. It sees the raw bytes (re-serialised JSON has
 * another signature), and every secret that may be in use: after a rotation Shopify signs with the old one for up to an hour
 * (channels page of shopify.dev, webhooks/verify-deliveries).
 *
 * Constant time: the digests are compared as a whole and for every secret, so the answer's time tells nothing of the secret.
 * The signature is compared as text, not decoded: lenient base64 would accept many spellings of one signature.
 */
export function isSignedBy(
	secrets: readonly string[],
	{ body, signature, scheme }: { body: Buffer; signature: string | undefined; scheme: SignatureScheme },
): boolean {
	if (signature === undefined || signature === "") return false;
	const presented = Buffer.from(scheme.encoding === "hex" ? signature.toLowerCase() : signature);
	let signed = false;
	for (const secret of secrets) {
		// HMAC takes an empty key without a word, and then anybody can sign.
		if (secret === "") continue;
		const expected = Buffer.from(createHmac(scheme.algorithm, secret).update(body).digest(scheme.encoding));
		if (expected.length === presented.length && timingSafeEqual(expected, presented)) signed = true;
	}
	return signed;
}
