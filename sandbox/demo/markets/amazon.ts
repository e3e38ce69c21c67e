import type { Breakage } from "../../admin/index.ts";
import { type Amazon, type AmazonSeller, createAmazon, type Queue } from "../../channels/amazon/index.ts";
import type { OrderVersion } from "../../channels/amazon/state.ts";
import { createRandom } from "../../random.ts";
import type { World } from "../../world.ts";
import type { Line, Market, MarketOptions, MarketProgram } from "./market.ts";
import { send, sendJson } from "./request.ts";

/** Invented; the app under demonstration is started with the same. */
const APP = {
	id: "amzn1.sp.solution.5f2c7d1e-9a4b-4c3d-8e6f-0a1b2c3d4e5f",
	clientId: "amzn1.application-oa2-client.7d3f5a9c1e2b4d6f8a0c",
	clientSecret: "amzn1.oa2-cs.v1.3b5d7f9a1c2e4f6a8b0d",
	redirectUris: ["https://lockstep.example/connect/callback"],
};
const API_HOST = "sellingpartnerapi-na.amazon.com";
const US = "ATVPDKIKX0DER";
const DAY_MS = 24 * 3_600_000;
/** A patch every so often keeps just under five a second, which is what a program may send. */
const PATCH_EVERY_MS = 220;

/**
 * Real delays are minutes; the demo's day lasts two, so Amazon's are as many times shorter: a write shows after one to three
 * seconds instead of up to a minute, a notification comes after half a second to two instead of up to ten, a list of orders lags by
 * four seconds instead of two minutes. Quotas are as they are: a list of orders is to be had every three minutes, and some at once.
 */
const HURRIED = {
	patchMs: [1_000, 3_000],
	noticeMs: [500, 2_000],
	pendingMs: [1_000, 6_000],
	shipMs: null,
	searchLagMs: 4_000,
	reportMs: [1_000, 3_000],
	reportCacheMs: 0,
	roundTripMs: [80, 250],
	redeliveredShare: 0.02,
} as const;

/** The merchant's selling account in the United States, goods on his own shelf; one figure in eight is wrong. */
export function openAmazonMarket({ world, products, bundles, seed }: MarketOptions): Market {
	const amazon = createAmazon(world, { app: APP, ...HURRIED });
	const seller = amazon.createSeller({ id: "A2HAGIANDOAK01", name: "Hagi & Oak" });
	const queue = amazon.createQueue({ name: "lockstep-notifications" });
	const key = amazon.addAccessKey();
	const random = createRandom(seed).fork("amazon");
	seller.seed([
		...products.map((p) => {
			const stock = p.stock.reduce((a, b) => a + b, 0);
			return {
				sku: p.sku,
				title: p.title,
				price: p.price,
				quantity: random.chance(0.125) ? Math.max(0, stock + random.between(-6, 6)) : stock,
			};
		}),
		...bundles.map((b) => ({ sku: b.sku, title: b.title, price: b.price, quantity: random.between(3, 20) })),
	]);

	return {
		id: "amazon",
		channel: "amazon",
		name: "Amazon",
		host: null,
		connectArgs: async () => [
			...["--account", seller.id, "--set", `refreshToken=${(await signIn(world, seller)).refresh_token}`],
			...["--set", "region=NA", "--set", `marketplaceIds=${US}`],
		],
		environment: {
			AMAZON_APPLICATION_ID: APP.id,
			AMAZON_LWA_CLIENT_ID: APP.clientId,
			AMAZON_LWA_CLIENT_SECRET: APP.clientSecret,
			AMAZON_QUEUE_URL_NA: queue.url,
			AWS_ACCESS_KEY_ID: key.id,
			AWS_SECRET_ACCESS_KEY: key.secret,
		},
		listings: () => seller.products().length,
		async checkout(lines) {
			const bought = seller.checkout({ lines });
			return bought.outcome === "placed" ? bought.orderId : null;
		},
		async cancel(orderId) {
			seller.cancelOrder(orderId);
		},
		offers: () => seller.products().map(({ sku, title, price, shown }) => ({ sku, title, price, shown })),
		orders: () =>
			[...seller.state.orders.values()]
				.map(({ id, createdAt, history }) => {
					const { status, lines } = history.at(-1) as OrderVersion;
					return { id, at: createdAt, status, open: status === "PENDING" || status === "UNSHIPPED", lines };
				})
				.reverse(),
		async editStock(sku, quantity) {
			seller.editQuantity(sku, quantity);
		},
		breakages: nextWrites(world, amazon),
		waiting: () => amazon.waiting().submissions + amazon.waiting().notifications + queue.counts().visible,
		program: () => openProgram(world, { amazon, seller, queue }),
	};
}

/**
 * What may become of the next write that Amazon accepts. A button stays pressed until that write has come: Amazon has no way
 * to take back what it was told to do with it.
 */
function nextWrites({ books }: World, amazon: Amazon): Breakage[] {
	const written = () => books.calls("amazon").filter(({ operation, status }) => operation === "patchListingsItem" && status === 200).length;
	let due = 0;
	const armed = () => due > written();
	const button = (id: string, label: string, explanation: string, fortune: Parameters<Amazon["nextSubmission"]>[0]): Breakage => {
		let until = 0;
		return {
			id: `amazon-${id}`,
			group: "Amazon",
			label,
			explanation,
			isOn: () => armed() && until === due,
			press() {
				if (armed()) throw new Error("The next write's fate is settled already; edit some stock and see");
				amazon.nextSubmission(fortune);
				until = due = written() + 1;
				return `Amazon: ${label.toLowerCase()}, once`;
			},
		};
	};
	return [
		button("swallow", "Swallow the next write", "Amazon accepts it, and it never lands.", { kind: "overtaken", delayMs: NEVER_MS }),
		button("refuse", "Refuse the next write later", "Amazon accepts it, and refuses it when it works on it.", { kind: "refused-later" }),
		button("old", "Land the next write late", `Amazon accepts it, and it lands ${LATE_WRITE_MS / 1000} s later, over newer ones.`, {
			kind: "overtaken",
			delayMs: LATE_WRITE_MS,
		}),
	];
}
/** Longer than anybody plays, and what a timer can wait for. */
const NEVER_MS = 20 * DAY_MS;
const LATE_WRITE_MS = 20_000;

async function signIn(world: World, seller: AmazonSeller): Promise<{ access_token: string; refresh_token: string }> {
	const code = seller.authorise().spapiOauthCode;
	return token(world, { grant_type: "authorization_code", code });
}

const token = (world: World, form: Record<string, string>) =>
	sendJson(world.origin(), "api.amazon.com", "/auth/o2/token", {
		method: "POST",
		headers: { "content-type": "application/x-www-form-urlencoded" },
		body: new URLSearchParams({ ...form, client_id: APP.clientId, client_secret: APP.clientSecret }).toString(),
	});

/** Orders by search, figures by one patch each, new orders by notification: as sellers' own scripts do it. */
async function openProgram(
	world: World,
	{ seller, queue }: { amazon: Amazon; seller: AmazonSeller; queue: Queue },
): Promise<MarketProgram> {
	const { access_token } = await signIn(world, seller);
	const call = (path: string, options: { method?: string; body?: unknown; token?: string } = {}) =>
		sendJson(world.origin(), API_HOST, path, {
			...(options.method ? { method: options.method } : {}),
			...(options.body === undefined ? {} : { body: options.body }),
			headers: { "x-amz-access-token": options.token ?? access_token, "user-agent": "StockScript/1.0 (Language=JavaScript)" },
		});
	return {
		async orders() {
			const all: { id: string; lines: Line[] }[] = [];
			let page = "";
			do {
				const query = new URLSearchParams({
					createdAfter: new Date(world.clock.now() - DAY_MS).toISOString(),
					marketplaceIds: US,
					fulfillmentStatuses: "UNSHIPPED,PENDING",
					maxResultsPerPage: "100",
					...(page ? { paginationToken: page } : {}),
				});
				const found = await call(`/orders/2026-01-01/orders?${query}`);
				for (const order of found.orders ?? []) all.push({ id: order.orderId, lines: order.orderItems.map(toLine) });
				page = found.pagination?.nextToken ?? "";
			} while (page);
			return all;
		},
		async set(figures) {
			for (const [sku, quantity] of figures) {
				if (world.books.shown("amazon", sku) === quantity) continue;
				await call(`/listings/2021-08-01/items/${seller.id}/${encodeURIComponent(sku)}?marketplaceIds=${US}`, {
					method: "PATCH",
					body: {
						productType: "PRODUCT",
						patches: [
							{ op: "merge", path: "/attributes/fulfillment_availability", value: [{ fulfillment_channel_code: "DEFAULT", quantity }] },
						],
					},
				});
				await world.clock.sleep(PATCH_EVERY_MS);
			}
		},
		async onOrder(handle) {
			const grantless = await token(world, { grant_type: "client_credentials", scope: "sellingpartnerapi::notifications" });
			const destination = await call("/notifications/v1/destinations", {
				method: "POST",
				token: grantless.access_token,
				body: { name: "orders", resourceSpecification: { sqs: { arn: queue.arn } } },
			});
			await send(world.origin(), API_HOST, "/notifications/v1/subscriptions/ORDER_CHANGE", {
				method: "POST",
				headers: { "x-amz-access-token": access_token },
				body: { payloadVersion: "1.0", destinationId: destination.payload.destinationId },
			});
			let open = true;
			const read = async () => {
				while (open) {
					for (const message of await queue.receive({ max: 10, waitMs: 1_000, visibilityS: 30 })) {
						const { Summary } = JSON.parse(message.body).Payload.OrderChangeNotification;
						// Paid for: such a handler takes the order now, whatever it took before.
						if (Summary.OrderStatus === "Unshipped") await handle(Summary.OrderItems.map(toSoldLine)).catch(() => {});
						queue.remove(message.receiptHandle);
					}
				}
			};
			const reading = read();
			return {
				close() {
					open = false;
					void reading;
				},
			};
		},
	};
}

const toLine = (item: { product: { sellerSku: string }; quantityOrdered: number }): Line => ({
	sku: item.product.sellerSku,
	quantity: item.quantityOrdered,
});
const toSoldLine = (item: { SellerSKU: string; Quantity: number }): Line => ({ sku: item.SellerSKU, quantity: item.Quantity });
