import { connectGranted } from "#app/connections/guests/index.ts";
import { channel } from "#channels";
import { type AmazonSeller, createAmazon, type SeedListing } from "../../sandbox/channels/amazon/index.ts";
import type { GuestWorld } from "./guest-world.ts";
import type { TestShop } from "./shop.ts";

export const US = "ATVPDKIKX0DER";
export const CANADA = "A2EUQ1WTGCTBG2";

const APP = {
	id: "amzn1.sp.solution.of-the-test",
	clientId: "amzn1.application-oa2-client.of-the-test",
	clientSecret: "amzn1.oa2-cs.v1.of-the-test",
	redirectUris: ["https://app.lockstep.example/connect/callback"],
};
const app = { applicationId: APP.id, lwaClientId: APP.clientId, lwaClientSecret: APP.clientSecret };
/** As many calls as a test makes. */
const PLENTY = { rate: 1_000, burst: 1_000 };

/**
 * Amazon in a guest world: nothing takes time there but what the test lets wait. Orders stay pending until they are paid for. There is
 * no queue of notifications; orders are polled.
 */
export function openAmazon(w: GuestWorld) {
	w.deps.env.appSettings = { ...w.deps.env.appSettings, amazon: app };
	const amazon = createAmazon(w.world, {
		app: APP,
		patchMs: [0, 0],
		noticeMs: [0, 0],
		pendingMs: [NEVER_MS, NEVER_MS],
		shipMs: null,
		unpaidShare: 0,
		searchLagMs: 0,
		reportMs: [0, 0],
		reportCacheMs: 0,
		plans: {
			getMarketplaceParticipations: PLENTY,
			searchOrders: PLENTY,
			getOrder: PLENTY,
			createReport: PLENTY,
			getReportDocument: PLENTY,
		},
	});
	let accounts = 0;
	return {
		/** A selling account in the United States and Canada, connected, with exact matches linked, and counting. */
		async join(shop: TestShop, listings: readonly SeedListing[]): Promise<{ seller: AmazonSeller; connectionId: number }> {
			const seller = amazon.createSeller({ id: `A2SELLER${String(++accounts).padStart(5, "0")}`, marketplaces: [US, CANADA] });
			seller.seed(listings);
			const answer = new URLSearchParams({ spapi_oauth_code: seller.authorise().spapiOauthCode, selling_partner_id: seller.id });
			const consent = await channel("amazon").authorization?.finish({ app, chosen: { region: "NA-US" }, answer, redirectUrl: "" });
			if (!consent) throw new Error("Amazon is connected by consent");
			const connected = await connectGranted(w.deps, shop.shopId, { channel: "amazon", ...consent, actor: "user-1" });
			if (connected.outcome !== "connected") throw new Error(JSON.stringify(connected));
			await w.settle(shop, connected.connectionId, { watch: true });
			return { seller, connectionId: connected.connectionId };
		},
	};
}
/** Longer than any test runs, and what a timer can wait for. */
const NEVER_MS = 20 * 86_400_000;
