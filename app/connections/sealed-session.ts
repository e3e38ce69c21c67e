import { Session } from "@shopify/shopify-api";
import { type KeyRing, open, type SealContext, seal } from "#app/crypto.server.ts";

/** All of a session, tokens and user alike, as one sealed text that opens only in its own shop's row. */
export function sealSession(keyRing: KeyRing, session: Session): string {
	return seal(keyRing, sessionContext(session.shop), JSON.stringify(session.toObject()));
}

/** undefined: no key of the ring opens it, or it stands in another shop's row. */
export function openSession(keyRing: KeyRing, row: { shop: string; sealed: string }): Session | undefined {
	let text: string;
	try {
		text = open(keyRing, sessionContext(row.shop), row.sealed);
	} catch {
		return undefined;
	}
	const { expires, refreshTokenExpires, ...rest } = JSON.parse(text) as SealedSession;
	return new Session({
		...rest,
		...(expires ? { expires: new Date(expires) } : {}),
		...(refreshTokenExpires ? { refreshTokenExpires: new Date(refreshTokenExpires) } : {}),
	});
}

export const sessionContext = (shop: string): SealContext => ({ shop, purpose: "shopify-session" });

type SealedSession = {
	id: string;
	shop: string;
	state: string;
	isOnline: boolean;
	expires?: string;
	refreshTokenExpires?: string;
	[field: string]: unknown;
};
