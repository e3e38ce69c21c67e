import type { Order } from "../state.ts";
import { type DeliveryRecord, recording } from "./recordings.ts";
import { catalogue, putOrder, putWebhooks, setProduct } from "./scenes.ts";
import { type Stage, seconds } from "./stage.ts";

/** What each webhook recording starts from, read out of its own deliveries and answers. */
type WebhookScene = {
	set(stage: Stage): void | Promise<void> /** What the recorder did in wp-admin instead of by REST. */;
	act?: (stage: Stage) => void;
};

/** Product 61 with so many pieces and sales before the recorded changes. */
const product61 = (stock: number, totalSales: number) => async (stage: Stage) => {
	catalogue(stage, { 61: stock });
	setProduct(stage, 61, { totalSales });
	await putWebhooks(stage);
};

export const WEBHOOK_SCENES: Record<string, WebhookScene> = {
	// 28 pieces and 7 sales after an order of 2.
	"order-created.json": { set: product61(30, 5) },
	"order-updated-coalesced.json": {
		set: async (stage) => {
			await product61(28, 7)(stage);
			// The order as it is in the recording before this one.
			putOrderOf(stage, "order-created.json", 0);
		},
	},
	"product-updated-by-rest.json": { set: product61(18, 7) },
	"product-updated-variation.json": { set: product61(15, 7) },
	// The parent has 16 pieces and 8 sales after an order of 1.
	"product-updated-parent-stock-by-order.json": {
		set: async (stage) => {
			await product61(15, 7)(stage);
			setProduct(stage, 27, { manageStock: true, stock: 17, totalSales: 7 });
			setProduct(stage, 29, { stock: null });
		},
	},
	"order-refund-no-restock.json": {
		set: async (stage) => {
			await product61(15, 7)(stage);
			putOrderOf(stage, "order-refund-no-restock.json", 0, (order) => ({
				modifiedAt: seconds("2026-11-21T04:46:58"),
				refunds: order.refunds.filter((refund) => refund.id !== 240),
			}));
		},
	},
	"order-note-only.json": {
		set: async (stage) => {
			await product61(15, 7)(stage);
			putOrderOf(stage, "order-refund-no-restock.json", 0);
		},
	},
	"order-trashed.json": {
		set: async (stage) => {
			await product61(12, 8)(stage);
			putOrderOf(stage, "order-restored.json", 0, () => ({ modifiedAt: seconds("2026-11-21T04:47:01") }));
		},
	},
	"order-restored.json": {
		set: async (stage) => {
			await product61(12, 5)(stage);
			putOrderOf(stage, "order-restored.json", 0, () => ({
				status: "trash",
				salesCounted: false,
				modifiedAt: seconds("2026-11-21T04:47:03"),
				meta: [
					{ id: 1, key: "_wp_trash_meta_status", value: "wc-processing" },
					{ id: 2, key: "_wp_trash_meta_time", value: "1795236423" },
				],
			}));
		},
		act: (stage) => stage.store.untrashOrder(241),
	},
	"order-force-deleted.json": {
		set: async (stage) => {
			await product61(12, 8)(stage);
			putOrderOf(stage, "order-restored.json", 0);
		},
	},
	// 9 pieces and 10 sales after five orders of 1.
	"delivery-id-same-second.json": { set: product61(14, 5) },
	"order-checkout-draft.json": { set: product61(9, 10) },
	"order-deleted-before-sending.json": { set: product61(9, 10) },
	"product-trashed-and-deleted.json": {
		set: async (stage) => {
			await product61(9, 10)(stage);
			setProduct(stage, 64, { stock: 7, modifiedAt: seconds("2026-11-21T04:40:19") });
		},
	},
	"order-by-storefront.json": {
		set: async (stage) => {
			await product61(9, 10)(stage);
			setProduct(stage, 133, { stock: 6 });
			// The line's number, which the storefront's answer does not tell.
			stage.store.state.ids.item = 118;
		},
	},
};

type OrderObject = {
	id: number;
	status: string;
	date_created_gmt: string;
	date_modified_gmt: string;
	date_paid_gmt: string | null;
	date_completed_gmt: string | null;
	order_key: string;
	customer_note: string;
	total: string;
	line_items: {
		id: number;
		name: string;
		product_id: number;
		variation_id: number;
		quantity: number;
		subtotal: string;
		total: string;
		meta_data: { id: number; key: string; value: string }[];
	}[];
	refunds: { id: number; reason: string; total: string }[];
};

/** The order of a recorded delivery, put into the store. */
function putOrderOf(stage: Stage, name: string, delivery: number, change: (order: Order) => Partial<Order> = () => ({})) {
	const { deliveries } = recording<{ deliveries: DeliveryRecord[] }>(`webhooks/${name}`);
	const object = JSON.parse(deliveries[delivery]?.request.raw_body ?? "{}") as OrderObject;
	const stamp = (text: string | null) => (text === null ? null : seconds(text));
	putOrder(stage, {
		id: object.id,
		status: object.status,
		createdAt: seconds(object.date_created_gmt),
		modifiedAt: seconds(object.date_modified_gmt),
		paidAt: stamp(object.date_paid_gmt),
		completedAt: stamp(object.date_completed_gmt),
		orderKey: object.order_key,
		customerNote: object.customer_note,
		total: Number(object.total),
		lines: object.line_items.map((line) => ({
			id: line.id,
			productId: line.product_id,
			variationId: line.variation_id,
			name: line.name,
			quantity: line.quantity,
			subtotal: Number(line.subtotal),
			total: Number(line.total),
			meta: line.meta_data.map(({ id, key, value }) => ({ id, key, value })),
			booked: null,
		})),
		refunds: object.refunds.map((refund) => ({
			id: refund.id,
			amount: -Number(refund.total),
			reason: refund.reason,
			createdAt: seconds("2026-11-21T04:46:58"),
			full: false,
			metaId: 1,
			lines: [],
		})),
	});
	const order = stage.store.state.orders.get(object.id);
	if (order) Object.assign(order, change(order));
	stage.store.state.ids.post = Math.max(stage.store.state.ids.post, object.id);
}
