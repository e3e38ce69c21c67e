import { sellerCentralServes } from "./marketplaces.ts";
import type { Realm } from "./realm.ts";
import type { Seller } from "./state.ts";

/**
 * `https://sellercentral…/apps/authorize/consent`: a seller lets the application in (docs website-authorization-workflow).
 * Answered by a person on the page, or by a test through `answerConsent`.
 */
export type ConsentRequest =
	| { outcome: "asked"; state: string; redirectUri: string; sellers: readonly Seller[] }
	| { outcome: "wrong"; message: string };

export function readConsent(realm: Realm, url: URL): ConsentRequest {
	const wrong = (message: string): ConsentRequest => ({ outcome: "wrong", message });
	const query = url.searchParams;
	if (query.get("application_id") !== realm.app.id) return wrong("There is no application with this application_id.");
	if (realm.app.draft && query.get("version") !== "beta") return wrong("The application is a draft: version=beta is missing.");
	const state = query.get("state");
	if (!state) return wrong("The parameter state is missing.");
	const redirectUri = query.get("redirect_uri") ?? realm.app.redirectUris[0];
	if (!redirectUri || !realm.app.redirectUris.includes(redirectUri))
		return wrong("The redirect_uri is not registered with the application.");
	const sellers = [...realm.sellers.values()].filter((seller) => seller.marketplaces.some((m) => sellerCentralServes(url.host, m)));
	if (sellers.length === 0) return wrong("No seller of this sandbox is at home in this Seller Central.");
	return { outcome: "asked", state, redirectUri, sellers };
}

/** Where the browser goes then; null: nowhere, the seller stays in Seller Central. */
export function answerConsent(
	realm: Realm,
	url: URL,
	{ sellerId, allow }: { sellerId?: string | undefined; allow: boolean },
): string | null {
	const asked = readConsent(realm, url);
	if (asked.outcome === "wrong") throw new Error(asked.message);
	if (!allow) return null;
	const seller = sellerId === undefined ? asked.sellers[0] : asked.sellers.find((s) => s.id === sellerId);
	if (!seller) throw new Error(`The seller ${sellerId} is not at home in ${url.host}`);
	const target = new URL(asked.redirectUri);
	target.searchParams.set("state", asked.state);
	target.searchParams.set("selling_partner_id", seller.id);
	target.searchParams.set("spapi_oauth_code", realm.grants.authorise(seller));
	return target.toString();
}
