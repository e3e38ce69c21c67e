import { type Amazon, type AmazonSeller, createAmazon } from "../../sandbox/channels/amazon/index.ts";
import { createWooStore, type WooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { startAppProcess } from "../kit/app-process.ts";
import { appEnvironment, openStage, PUBLIC_ORIGIN, type Stage } from "./stage.ts";

export const WOO = "outlet.stores.example";
export const SELLER_CENTRAL = "sellercentral.amazon.com";
const AMAZON_APP = {
	id: "amzn1.sp.solution.5f2c7d1e-9a4b-4c3d-8e6f-0a1b2c3d4e5f",
	clientId: "amzn1.application-oa2-client.7d3f5a9c1e2b4d6f8a0c",
	clientSecret: "amzn1.oa2-cs.v1.3b5d7f9a1c2e4f6a8b0d",
};
/** What the operator of a server has registered with Amazon. */
export const AMAZON_ENVIRONMENT = {
	AMAZON_APPLICATION_ID: AMAZON_APP.id,
	AMAZON_LWA_CLIENT_ID: AMAZON_APP.clientId,
	AMAZON_LWA_CLIENT_SECRET: AMAZON_APP.clientSecret,
};
/** Amazon's minutes are tenths of a second here; its quotas stay what they are. */
const HURRIED = {
	patchMs: [100, 400],
	noticeMs: [100, 300],
	pendingMs: [100, 300],
	searchLagMs: 0,
	reportMs: [300, 800],
	reportCacheMs: 0,
} as const;

export type JourneyWorld = { stage: Stage; store: WooStore; amazon: Amazon; seller: AmazonSeller; close(): Promise<void> };

/** The stage with a worker, a WooCommerce store, and Amazon with the merchant's selling account and somebody else's. */
export async function openJourneyWorld(): Promise<JourneyWorld> {
	const stage = await openStage({ environment: AMAZON_ENVIRONMENT, webhooks: true });
	const store = createWooStore(stage.world, { host: WOO, queue: { kind: "timer", everyMs: 300 } });
	store.seed(
		[
			["NW-0", 9],
			["NW-1", 8],
			["nw-set", 4],
			["GARDEN", 3],
		].map(([sku, quantity]) => ({ sku: String(sku), name: `Outlet ${sku}`, quantity: Number(quantity) })),
	);
	const amazon = createAmazon(stage.world, {
		app: { ...AMAZON_APP, redirectUris: [`${PUBLIC_ORIGIN}/connect/callback`] },
		...HURRIED,
		toBrowser: (url) => url.replace(PUBLIC_ORIGIN, stage.world.origin()),
	});
	const seller = amazon.createSeller({ id: "A2NORTHWIND0001", name: "Northwind Outdoor" });
	amazon.createSeller({ id: "A3SOMEBODYELSE1", name: "Harbour Antiques" });
	seller.seed([
		{ sku: "NW-0", title: "Trail jacket", price: "129.00", quantity: 7 },
		{ sku: "NW-1", title: "Enamel mug", price: "14.00", quantity: 20 },
		{ sku: "AMZ-ONLY", title: "Gift card", price: "25.00", quantity: 5 },
	]);
	// Anew, so that they find the way to the store and to Amazon as well.
	await stage.stopApp();
	await stage.startApp();
	stage.world.route(PUBLIC_ORIGIN, stage.appOrigin());
	const worker = await startAppProcess("server/worker.ts", appEnvironment({ ...stage, port: 0 }));
	return {
		stage,
		store,
		amazon,
		seller,
		async close() {
			await worker.stop();
			await stage.close();
		},
	};
}
