import type { Clock } from "../../clock.ts";
import type { Seller } from "./state.ts";

/** Source: docs connecting-to-the-selling-partner-api ("expires_in": 3600). */
export const ACCESS_TOKEN_S = 3600;
/** An LWA authorization code lives five minutes (amzn/selling-partner-api-docs issue 268, …-models issue 4112). */
const CODE_MS = 5 * 60_000;
/** Sellers authorise anew every year (docs renew-authorizations). */
const AUTHORISATION_MS = 365 * 24 * 3_600_000;

/** What a seller allowed, until he takes it back. */
export type Authorisation = { seller: Seller; at: number; revoked: boolean; refreshToken: string };

/** What an access token opens: a seller's account, or operations that need no seller. */
export type Bearer = { seller: Seller } | { scope: string };
export type TokenState = { state: "valid"; bearer: Bearer } | { state: "expired" } | { state: "invalid" };

export type Grants = {
	/** The seller said yes: the code for his browser to carry. */
	authorise(seller: Seller): string;
	/** Once, and only while it is fresh. */
	redeemCode(code: string): Authorisation | null;
	refresh(refreshToken: string): Authorisation | null;
	/** Whose refresh token this is, whatever it is worth. */
	ownerOf(refreshToken: string): Seller | null;
	accessFor(of: Authorisation | { scope: string }): string;
	look(accessToken: string): TokenState;
	/** All that the seller allowed so far ends now. */
	revoke(seller: Seller): void;
};

export function createGrants(clock: Clock, letters: (length: number) => string): Grants {
	const codes = new Map<string, { seller: Seller; until: number }>();
	const authorisations = new Map<string, Authorisation>();
	const access = new Map<string, { bearer: Bearer; until: number; of: Authorisation | null }>();
	const alive = (of: Authorisation) => !of.revoked && clock.now() < of.at + AUTHORISATION_MS;

	return {
		authorise(seller) {
			const code = letters(20);
			codes.set(code, { seller, until: clock.now() + CODE_MS });
			return code;
		},
		redeemCode(code) {
			const found = codes.get(code);
			codes.delete(code);
			if (!found || clock.now() > found.until) return null;
			const made = { seller: found.seller, at: clock.now(), revoked: false, refreshToken: `Atzr|${letters(120)}` };
			authorisations.set(made.refreshToken, made);
			return made;
		},
		refresh(refreshToken) {
			const of = authorisations.get(refreshToken);
			return of && alive(of) ? of : null;
		},
		ownerOf: (refreshToken) => authorisations.get(refreshToken)?.seller ?? null,
		accessFor(of) {
			const token = `Atza|${letters(160)}`;
			const bearer = "seller" in of ? { seller: of.seller } : of;
			access.set(token, { bearer, until: clock.now() + ACCESS_TOKEN_S * 1000, of: "seller" in of ? of : null });
			return token;
		},
		look(accessToken) {
			const found = access.get(accessToken);
			if (!found || (found.of && !alive(found.of))) return { state: "invalid" };
			return clock.now() >= found.until ? { state: "expired" } : { state: "valid", bearer: found.bearer };
		},
		revoke(seller) {
			for (const of of authorisations.values()) if (of.seller === seller) of.revoked = true;
		},
	};
}
