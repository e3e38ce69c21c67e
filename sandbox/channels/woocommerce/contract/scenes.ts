import type { Order, Product } from "../state.ts";
import type { Step } from "./recordings.ts";
import type { Tuning } from "./replay.ts";
import { putBulk, putProduct, putTeasAndTee, RECEIVER, type Stage, seconds } from "./stage.ts";

/**
 * What each recording starts from, read out of the recording itself (its first reading, or its first answer minus what the
 * request did), and the changes that its notes say were made outside the recorded requests.
 */
export type Scene = {
	set(stage: Stage): void | Promise<void>;
	/** Before the step with this index: what the recorder did inside the store. */
	before?: (stage: Stage, step: Step, index: number) => void | Promise<void>;
	tune?: (step: Step, index: number) => Tuning;
};

const catalogue = (stage: Stage, quantities: Record<number, number> = {}, stampedAt?: string) => {
	putTeasAndTee(stage.store);
	putBulk(stage.store);
	for (const [id, quantity] of Object.entries(quantities)) setProduct(stage, Number(id), { stock: quantity });
	if (stampedAt) for (const id of Object.keys(quantities)) setProduct(stage, Number(id), { modifiedAt: seconds(stampedAt) });
};

function setProduct(stage: Stage, id: number, change: Partial<Product>) {
	const product = stage.store.state.products.get(id);
	if (!product) throw new Error(`no product ${id} in the catalogue`);
	Object.assign(product, change);
	if (product.manageStock) product.stockStatus = (product.stock ?? 0) > 0 ? "instock" : "outofstock";
}

function putOrder(stage: Stage, order: Partial<Order> & { id: number; status: string }) {
	stage.store.state.orders.set(order.id, {
		createdVia: "rest-api",
		createdAt: seconds("2026-11-21T04:41:43"),
		modifiedAt: seconds("2026-11-21T04:41:43"),
		paidAt: null,
		completedAt: null,
		orderKey: "wc_order_x",
		customerId: 0,
		customerNote: "",
		customerIp: "",
		customerAgent: "",
		cartHash: "",
		billing: {},
		shipping: {},
		paymentMethod: "",
		paymentTitle: "",
		transactionId: "",
		lines: [],
		total: 2,
		refunds: [],
		meta: [],
		stockReduced: true,
		salesCounted: true,
		listed: true,
		notes: [],
		...order,
	});
}

/** An order that nobody looks into: only its status and stamp are listed. */
const listed = (stage: Stage, id: number, status: string, at: string, productId?: number) =>
	putOrder(stage, {
		id,
		status,
		createdAt: seconds(`2026-11-21T${at}`),
		modifiedAt: seconds(`2026-11-21T${at}`),
		lines: productId
			? [{ id: id * 10, productId, variationId: 0, name: "", quantity: 1, subtotal: 1, total: 1, meta: [], booked: null }]
			: [],
	});

const empty: Scene = { set: () => {} };
const orderScene = (quantities: Record<number, number>, stampedAt?: string): Scene => ({
	set: (stage) => catalogue(stage, quantities, stampedAt),
});

const billingRefund = (id: number) => ({
	id,
	amount: 2,
	reason: "Order fully refunded.",
	createdAt: seconds("2026-11-21T04:41:50"),
	full: true,
	metaId: 1,
	lines: [],
});

export const SCENES: Record<string, Scene> = {
	"auth.json": empty,
	"auth-oauth1-http.json": empty,
	// The store's own id, given at its installation.
	"connect-read-store.json": { set: () => {}, tune: () => ({ ignore: /^environment\.store_id$/ }) },
	"product-simple.json": {
		set: (stage) =>
			void putProduct(stage.store, { id: 24, sku: "TEA-100", name: "Green Tea 100g", createdAt: seconds("2026-11-21T04:38:43") }),
	},
	"product-variable.json": {
		set: (stage) => {
			putTeasAndTee(stage.store);
			for (const id of [27, 28, 29, 30]) stage.store.state.products.delete(id);
		},
	},
	"stock-set-single.json": {
		set: (stage) => catalogue(stage, { 24: 8 }),
		before: (stage, step) => {
			// "null on a managed quantity of 5", "null in a batch, quantity was 5"
			if (step.note === "null on a managed quantity of 5" || step.note === "null in a batch, quantity was 5")
				setProduct(stage, 131, { stock: 5 });
		},
		tune: (step) => ({ recordedFieldsOnly: step.note === "null in a batch, quantity was 5" }),
	},
	"products-list-paging-sku.json": { set: (stage) => catalogue(stage) },
	"products-modified-after.json": {
		set: (stage) => catalogue(stage),
		before: (stage, step) => {
			// Sixteen minutes lie between; the parent manages 15 pieces by then, as its next reading shows.
			if (step.note === "a REST write to a variation") setProduct(stage, 27, { manageStock: true, stock: 15 });
		},
	},
	"products-batch.json": {
		set: (stage) => catalogue(stage),
		tune: (step) => {
			const body = step.request.body as { update?: unknown; delete?: unknown } | null;
			const list = (count: number, entry: (n: number) => unknown) => Array.from({ length: count }, (_, n) => entry(n));
			if (step.note === "101 entries") return { body: { update: list(101, () => ({ id: 1, stock_quantity: 6 })) } };
			if (String(body?.update) === "60 entries") {
				return { body: { update: list(60, (n) => ({ id: 31 + n, stock_quantity: 1 })), delete: list(41, (n) => 91 + n) } };
			}
			if (step.note === "exactly 100") return { body: { update: list(100, (n) => ({ id: 31 + n, stock_quantity: 7 })) } };
			return {};
		},
	},
	"order-create-by-status.json": orderScene({ 41: 50 }, "2026-11-21T04:41:43"),
	"order-full-object.json": {
		set: (stage) => {
			catalogue(stage, { 42: 10, 28: 8 });
		},
	},
	"order-status-walk.json": orderScene({ 43: 20 }, "2026-11-21T04:41:45"),
	"order-refunds.json": {
		set: (stage) => {
			catalogue(stage, { 44: 20 });
			// "all refunds of the store" counts two of earlier recordings.
			putOrder(stage, { id: 172, status: "refunded", refunds: [billingRefund(173)] });
			putOrder(stage, { id: 179, status: "checkout-draft", refunds: [billingRefund(180)] });
		},
	},
	"order-full-refund.json": orderScene({ 45: 20 }),
	"order-delete.json": orderScene({ 46: 20 }),
	"order-edit-lines.json": orderScene({ 47: 20, 48: 20 }),
	"orders-oversell-and-validation.json": {
		set: (stage) => {
			catalogue(stage, { 53: 1, 28: 7 });
			// The parent shows 18 after an order of 2.
			setProduct(stage, 27, { manageStock: true, stock: 20 });
		},
	},
	"orders-list-modified-after.json": {
		set: (stage) => {
			catalogue(stage);
			stage.store.state.products.delete(165);
			setProduct(stage, 52, { modifiedAt: seconds("2026-11-21T04:44:30") });
			const early: [number, string, string][] = [
				[166, "pending", "04:41:43"],
				[167, "on-hold", "04:41:43"],
				[168, "processing", "04:41:43"],
				[169, "completed", "04:41:44"],
				[170, "failed", "04:41:44"],
				[171, "cancelled", "04:41:44"],
				[172, "refunded", "04:41:44"],
				[174, "checkout-draft", "04:41:44"],
				[175, "processing", "04:41:44"],
				[176, "pending", "04:41:44"],
				[177, "auto-draft", "04:41:45"],
				[178, "processing", "04:41:45"],
				[179, "checkout-draft", "04:41:55"],
				[181, "cancelled", "04:42:02"],
				[188, "refunded", "04:42:02"],
				[190, "refunded", "04:42:02"],
				[192, "cancelled", "04:42:03"],
				[197, "processing", "04:42:06"],
				[198, "cancelled", "04:44:07"],
				[200, "processing", "04:44:14"],
				[201, "processing", "04:44:19"],
				[202, "processing", "04:44:21"],
				[203, "processing", "04:44:22"],
				[204, "processing", "04:44:24"],
			];
			for (const [id, status, at] of early) listed(stage, id, status, at);
			const five: [number, string, string][] = [
				[205, "processing", "04:44:25"],
				[206, "pending", "04:44:26"],
				[207, "on-hold", "04:44:28"],
				[208, "completed", "04:44:29"],
				[209, "processing", "04:44:30"],
			];
			for (const [id, status, at] of five) listed(stage, id, status, at, 52);
		},
	},
	"pending-order-reservation.json": {
		set: async (stage) => {
			catalogue(stage, { 132: 3 }, "2026-11-21T05:00:00");
			stage.setTime("2026-11-21T05:00:00.500Z");
			stage.store.state.ids.post = 278;
			stage.store.state.ids.item = 116;
			await stage.store.checkout({ lines: [{ productId: 132, quantity: 2 }], pay: false });
		},
		tune: () => ({ cartToken: "another buyer" }),
	},
	"storefront-checkout.json": {
		set: (stage) => catalogue(stage, { 111: 3 }, "2026-11-21T04:52:20"),
		before: (stage, step, index) => {
			// Restocked by the recorder for the fourth and the fifth buyer: their carts allow 3 and 5.
			if (step.note === "fourth buyer") setProduct(stage, 111, { stock: 3 });
			if (step.note === "fifth buyer") setProduct(stage, 111, { stock: 5 });
			if (index === 0) stage.store.state.ids.item = 91;
			if (step.note?.startsWith("the buyer who had 2 in the cart")) stage.store.state.ids.item = 92;
		},
		tune: (step, index) => ({ cartToken: BUYERS[index] ?? (step.note?.includes("second buyer") ? "second" : "nobody") }),
	},
	"errors-html-and-routes.json": {
		set: (stage) => {
			catalogue(stage, { 113: -2 }, "2026-11-21T04:52:24");
			// 134 products are left of 139: those trashed and deleted by other recordings.
			for (const id of [165, 53, 64, 63, 65]) stage.store.state.products.delete(id);
		},
		before: (stage, step) => {
			const note = step.note ?? "";
			stage.store.ail(
				/crash/.test(note)
					? "crash"
					: /notice/.test(note)
						? "notice"
						: /maintenance/.test(note) || step.response.status === 503
							? "maintenance"
							: null,
			);
		},
	},
	"webhooks-create-and-list.json": {
		set: async (stage) => {
			await putWebhooks(stage);
			for (const [path, status] of [
				["/s500/ping", 500],
				["/s301/ping", 301],
				["/s204/ping", 204],
			] as const) {
				stage.answers.set(path, status);
			}
		},
	},
};

/** Which buyer made each of the first steps of `storefront-checkout.json`, from its notes. */
const BUYERS: Record<number, string> = Object.fromEntries(
	[
		["first", [0, 1, 6, 10]],
		["second", [3, 4, 5, 8, 9, 12]],
		["third", [13, 14, 15]],
		["fourth", [17, 18, 19, 21]],
		["fifth", [23, 24, 25, 27]],
	].flatMap(([buyer, steps]) => (steps as number[]).map((step) => [step, buyer as string])),
);

const TOPICS = [
	"order.created",
	"order.updated",
	"order.deleted",
	"order.restored",
	"product.updated",
	"product.created",
	"product.deleted",
	"product.restored",
];
export const SECRET = "ExampleWebhookSecret0123456789abcdef";

/** Webhooks 6–13, one per topic, as the recorder had made them. */
export async function putWebhooks(stage: Stage) {
	for (const [index, topic] of TOPICS.entries()) {
		stage.store.state.webhooks.set(6 + index, {
			id: 6 + index,
			name: `${topic} /ok/${topic}`,
			status: "active",
			topic,
			deliveryUrl: `${RECEIVER}/ok/${topic}`,
			secret: SECRET,
			createdAt: seconds("2026-11-21T04:46:08"),
			modifiedAt: null,
			failures: 0,
			pingOwed: false,
		});
	}
	stage.store.state.ids.webhook = 13;
}

export { catalogue, putOrder, setProduct };
