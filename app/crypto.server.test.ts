import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { equalBytes, type KeyRing, needsReseal, open, SealError, seal } from "#app/crypto.server.ts";

const older = { id: "2025", key: randomBytes(32) };
const newer = { id: "2026", key: randomBytes(32) };
const ring: KeyRing = [older];
const context = { shop: "1", purpose: "connection:woocommerce" };
const secret = 'ck_1234 "ünïcode" \u0000';

test("R36 a sealed credential opens again and shows nothing of itself", () => {
	const sealed = seal(ring, context, secret);
	expect(open(ring, context, sealed)).toBe(secret);
	expect(sealed).not.toContain("ck_1234");
	expect(Buffer.from(sealed.split(".")[4] ?? "", "base64url").toString("latin1")).not.toContain("ck_1234");
	expect(seal(ring, context, secret)).not.toBe(sealed);
	expect(open(ring, context, seal(ring, context, ""))).toBe("");
});

test("R37 what one shop sealed does not open for another shop or another use", () => {
	const sealed = seal(ring, context, secret);
	expect(() => open(ring, { ...context, shop: "2" }, sealed)).toThrow(SealError);
	expect(() => open(ring, { ...context, purpose: "session" }, sealed)).toThrow(SealError);
	// A separator inside a name does not make two contexts one.
	const tricky = seal(ring, { shop: 'a","b', purpose: "c" }, secret);
	expect(() => open(ring, { shop: "a", purpose: 'b","c' }, tricky)).toThrow(SealError);
});

test("R36 a change of any part is noticed", () => {
	const parts = seal(ring, context, secret).split(".");
	for (const index of [2, 3, 4]) {
		const bytes = Buffer.from(parts[index] ?? "", "base64url");
		bytes[0] = (bytes[0] ?? 0) ^ 1;
		const changed = parts.with(index, bytes.toString("base64url")).join(".");
		expect(() => open(ring, context, changed)).toThrow(SealError);
	}
	expect(() => open([newer, older], context, parts.with(1, newer.id).join("."))).toThrow(SealError);
	// A tag cut short would be easier to guess.
	const short = Buffer.from(parts[3] ?? "", "base64url").subarray(0, 4);
	expect(() => open(ring, context, parts.with(3, short.toString("base64url")).join("."))).toThrow(SealError);
	for (const nonsense of ["", "v1", "v2.2025.a.b.c", parts.slice(0, 4).join("."), `${parts.join(".")}.x`]) {
		expect(() => open(ring, context, nonsense)).toThrow(SealError);
	}
});

test("R36 rotation: a new first key seals, the old one still opens until nothing needs it", () => {
	const sealed = seal(ring, context, secret);
	const rotating: KeyRing = [newer, older];
	expect(open(rotating, context, sealed)).toBe(secret);
	expect(needsReseal(rotating, sealed)).toBe(true);
	const anew = seal(rotating, context, open(rotating, context, sealed));
	expect(needsReseal(rotating, anew)).toBe(false);
	expect(open([newer], context, anew)).toBe(secret);
	expect(() => open([newer], context, sealed)).toThrow("2025 is not on the ring");
});

test("R01 equality of secrets is compared over digests, so length gives nothing away and nothing throws", () => {
	expect(equalBytes("abc", Buffer.from("abc"))).toBe(true);
	expect(equalBytes("abc", "abd")).toBe(false);
	expect(equalBytes("abc", "abcd")).toBe(false);
	expect(equalBytes("", "")).toBe(true);
});
