import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** The first key seals, every key opens. `env().keys` is one. */
export type KeyRing = readonly { id: string; key: Buffer }[];

/** Where a sealed text belongs. It goes into the seal: moved to another shop or another use, the text does not open (R37). */
export type SealContext = { shop: string; purpose: string };

const VERSION = "v1";
/** NIST SP 800-38D: 96 bits, random, is what GCM is meant for; one key may then seal 2^32 texts. */
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM. The result is text: `v1.<key id>.<iv>.<tag>.<data>`, the last three in base64url. */
export function seal(ring: KeyRing, context: SealContext, plaintext: string): string {
	const current = ring[0];
	if (!current) throw new Error("The key ring is empty: LOCKSTEP_KEYS names no key.");
	const iv = randomBytes(IV_BYTES);
	const cipher = createCipheriv("aes-256-gcm", current.key, iv, { authTagLength: TAG_BYTES });
	cipher.setAAD(bindingOf(context, current.id));
	const data = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
	return [VERSION, current.id, ...[iv, cipher.getAuthTag(), data].map((part) => part.toString("base64url"))].join(".");
}

/** Throws where the key is not on the ring, the text was changed, or it belongs to another shop or purpose. */
export function open(ring: KeyRing, context: SealContext, sealed: string): string {
	const { keyId, iv, tag, data } = partsOf(sealed);
	const entry = ring.find(({ id }) => id === keyId);
	if (!entry) throw new SealError(`The key ${keyId} is not on the ring; LOCKSTEP_KEYS must keep it until everything is sealed anew.`);
	try {
		const decipher = createDecipheriv("aes-256-gcm", entry.key, iv, { authTagLength: TAG_BYTES });
		decipher.setAAD(bindingOf(context, keyId));
		decipher.setAuthTag(tag);
		return Buffer.concat([decipher.update(data), decipher.final()]).toString("utf8");
	} catch (cause) {
		throw new SealError(
			`What key ${keyId} sealed does not open for ${context.purpose}: it was changed, or sealed for another shop or use.`,
			{ cause },
		);
	}
}

/** True for what an older key sealed: rotation opens it and seals it with the current one. */
export function needsReseal(ring: KeyRing, sealed: string): boolean {
	return partsOf(sealed).keyId !== ring[0]?.id;
}

export class SealError extends Error {
	constructor(message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = "SealError";
	}
}

/** Compares in a time that does not tell where two values differ, nor how long the secret one is. */
export function equalBytes(a: Uint8Array | string, b: Uint8Array | string): boolean {
	const digest = (value: Uint8Array | string) => createHash("sha256").update(value).digest();
	return timingSafeEqual(digest(a), digest(b));
}

/** JSON, because a separator inside a name could make two contexts one. */
function bindingOf({ shop, purpose }: SealContext, keyId: string): Buffer {
	return Buffer.from(JSON.stringify([VERSION, keyId, shop, purpose]));
}

function partsOf(sealed: string): { keyId: string; iv: Buffer; tag: Buffer; data: Buffer } {
	const [version, keyId, ...encoded] = sealed.split(".");
	const [iv, tag, data] = encoded.map((part) => Buffer.from(part, "base64url"));
	if (version !== VERSION || !keyId || iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES || !data || encoded.length !== 3) {
		throw new SealError("This is not a sealed text of a version that this Lockstep knows.");
	}
	return { keyId, iv, tag, data };
}
