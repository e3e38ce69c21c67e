import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { isSignedBy } from "./verify.ts";

const body = Buffer.from('{"id":1,"sku":"Größe-M"}');
const sign = (secret: string, bytes = body, encoding: "base64" | "hex" = "base64") =>
	createHmac("sha256", secret).update(bytes).digest(encoding);
const base64 = { algorithm: "sha256", encoding: "base64" } as const;
const check = (secrets: string[], signature: string | undefined, bytes = body) =>
	isSignedBy(secrets, { body: bytes, signature, scheme: base64 });

test("R01 a signature by the present or by the old secret is good, by any other it is not", () => {
	expect(check(["new", "old"], sign("new"))).toBe(true);
	expect(check(["new", "old"], sign("old"))).toBe(true);
	expect(check(["new", "old"], sign("older"))).toBe(false);
});

test("R01 the raw bytes count: the same JSON written differently, or cut by one byte, is not signed", () => {
	const signature = sign("s");
	expect(check(["s"], signature, Buffer.from('{"id": 1,"sku":"Größe-M"}'))).toBe(false);
	expect(check(["s"], signature, body.subarray(0, -1))).toBe(false);
	expect(check(["s"], sign("s", Buffer.alloc(0)), Buffer.alloc(0))).toBe(true);
});

test("R01 nothing, an empty text, another spelling, another encoding and a doubled header are not signatures", () => {
	const good = sign("s");
	for (const signature of [
		undefined,
		"",
		` ${good}`,
		`${good}, ${good}`,
		good.replace("=", ""),
		sign("s", body, "hex"),
		good.toLowerCase(),
	]) {
		expect(check(["s"], signature)).toBe(false);
	}
});

test("R01 an empty secret verifies nothing, although HMAC would take it", () => {
	expect(check([""], sign(""))).toBe(false);
	expect(check([], sign(""))).toBe(false);
});

test("hexadecimal signatures may be written in capitals", () => {
	const scheme = { algorithm: "sha256", encoding: "hex" } as const;
	const signature = sign("s", body, "hex");
	expect(isSignedBy(["s"], { body, signature, scheme })).toBe(true);
	expect(isSignedBy(["s"], { body, signature: signature.toUpperCase(), scheme })).toBe(true);
	expect(isSignedBy(["s"], { body, signature: signature.slice(2), scheme })).toBe(false);
});

/** Self-made by the algorithm of WC_Webhook::generate_signature (class-wc-webhook.php, WooCommerce 11), 2026-11-21. */
test("R01 WooCommerce's way of signing is understood", () => {
	const raw =
		'{"id":727,"status":"processing","date_modified_gmt":"2026-01-02T03:04:05","line_items":[{"id":315,"product_id":93,"variation_id":0,"quantity":2,"sku":"SKU-1"}]}';
	expect(check(["example-webhook-secret"], "hcXBgmIH5vyR8G1y4MGTmFrlB3+ESM07KkpATnehyAE=", Buffer.from(raw))).toBe(true);
});
