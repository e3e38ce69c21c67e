import * as catalog from "./catalog.ts";
import * as drafts from "./drafts.ts";
import * as edits from "./edits.ts";
import type { Stage } from "./happening.ts";
import type { Product, Variant } from "./model.ts";
import { cancelOrder, type EditRequest, editOrder, fulfil, orderOf, type RefundRequest, refund, reroute } from "./order-changes.ts";
import { type Checkout, type CheckoutOutcome, checkout } from "./orders.ts";
import { orderPayload } from "./payloads.ts";

/** Buyers and the merchant's hands. */
export function hands(stage: Stage) {
	const { state } = stage;
	return {
		seed: (seed: catalog.Seed) => catalog.seed(stage, seed),
		checkout: (request: Checkout): CheckoutOutcome => checkout(stage, request),
		cancelOrder: (request: Parameters<typeof cancelOrder>[1]) => cancelOrder(stage, request),
		refund: (request: RefundRequest) => refund(stage, request),
		editOrder: (request: EditRequest) => editOrder(stage, request),
		fulfil: (request: Parameters<typeof fulfil>[1]) => fulfil(stage, request),
		reroute: (request: Parameters<typeof reroute>[1]) => reroute(stage, request),
		deleteOrder(orderId: number) {
			const order = orderOf(state, orderId);
			stage.happen("edit", (happening) => {
				state.orders.delete(order.id);
				happening.topics.push({ topic: "orders/delete", resourceId: String(order.id), payload: () => ({ id: order.id }) });
			});
		},
		draft: (request: Parameters<typeof drafts.createDraft>[1]) => {
			const draft = drafts.createDraft(stage, request);
			return {
				id: draft.id,
				reserve: () => drafts.reserveDraft(stage, draft.id),
				complete: () => drafts.completeDraft(stage, draft.id),
				release: () => drafts.releaseDraft(stage, draft.id),
			};
		},
		editStock: (request: Parameters<typeof edits.editStock>[1]) => edits.editStock(stage, request),
		setAside: (request: Parameters<typeof edits.setAside>[1]) => edits.setAside(stage, request),
		transfer: (request: Parameters<typeof edits.transfer>[1]) => edits.transfer(stage, request),
		deactivateItemAt: (request: { sku: string; locationId: number }) => edits.deactivateItemAt(stage, request),
		changeLocation: (locationId: number, change: Parameters<typeof edits.changeLocation>[2]) =>
			edits.changeLocation(stage, locationId, change),
		createProduct: (product: catalog.ProductSeed): Product => catalog.createProduct(stage, product),
		deleteProduct: (productId: number) => catalog.deleteProduct(stage, productId),
		setPolicy: (sku: string, policy: Variant["policy"]) =>
			catalog.changeVariant(stage, sku, (variant) => Object.assign(variant, { policy })),
		setTracked: (sku: string, tracked: boolean) => catalog.changeVariant(stage, sku, (_, __, item) => Object.assign(item, { tracked })),
		renameSku: (sku: string, to: string | null) => catalog.changeVariant(stage, sku, (variant) => Object.assign(variant, { sku: to })),
		setStatus: (sku: string, status: Product["status"]) =>
			catalog.changeVariant(stage, sku, (_, product) => Object.assign(product, { status })),
		/** Sends the order's webhook again, as an unrelated change of the order does (a note, a tag). */
		touchOrder(orderId: number, note: string) {
			const order = orderOf(state, orderId);
			stage.happen("edit", (happening) => {
				Object.assign(order, { note, updatedBefore: order.updatedAt, updatedAt: happening.at, touchedAt: happening.at });
				happening.topics.push({ topic: "orders/updated", resourceId: String(orderId), payload: () => orderPayload(state, order) });
			});
		},
	};
}
