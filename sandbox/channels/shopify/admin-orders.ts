import type { History } from "./admin-history.ts";
import { completeDraft, releaseDraft } from "./drafts.ts";
import { type Line, type Order, unfulfilled, type Variant } from "./model.ts";
import type { Shop } from "./shop.ts";

type Place = { variantId: string; quantity: number } & ({ via: "online" | "draft" } | { via: "pos"; locationId: string; force: boolean });
type Words = { history: History; skuOf(variantId: string): string; titleOf(variant: Variant): string };

/** Orders and drafts as an admin's pages show and change them. What Shopify's own pages would not offer is refused with a sentence. */
export function ordersView(shop: Shop, { history, skuOf, titleOf }: Words) {
	const { state } = shop;
	const orderOf = (id: string): Order => state.orders.get(Number(id)) ?? refuse("There is no such order.");
	const lineOf = (order: Order, id: string): Line => order.lines.find((l) => l.id === Number(id)) ?? refuse("The order has no such line.");
	const openOrder = (id: string): Order => {
		const order = orderOf(id);
		return order.cancelledAt === null ? order : refuse(`Order ${order.name} is cancelled.`);
	};
	const placeNames = (order: Order) =>
		[...new Set(order.fulfillmentOrders.map((f) => state.locations.get(f.locationId)?.name ?? ""))].filter((name) => name !== "");

	return {
		orders: () => [...state.orders.values()].reverse().map(show),
		order(id: string) {
			const order = state.orders.get(Number(id));
			if (!order) return null;
			return {
				...show(order),
				locations: placeNames(order),
				lines: order.lines.map((line) => ({
					id: String(line.id),
					sku: line.sku ?? "",
					title: titleOfLine(line),
					bundle: line.group?.title ?? null,
					quantity: line.quantity - line.removed,
					unfulfilled: unfulfilled(order, line),
					removed: line.removed,
				})),
				refunds: order.refunds.map((refund) => ({
					at: refund.createdAt,
					lines: refund.lines.map((part) => {
						const line = order.lines.find((l) => l.id === part.lineId);
						return { title: line ? titleOfLine(line) : "", quantity: part.quantity, restocked: part.restockType !== "NO_RESTOCK" };
					}),
				})),
			};
		},
		placeOrder(place: Place): { name: string } {
			const sku = skuOf(place.variantId);
			const lines = [{ sku, quantity: place.quantity }];
			if (place.via === "draft") return shop.draft({ lines }).complete();
			const till = place.via === "pos" ? { via: "pos" as const, locationId: Number(place.locationId), force: place.force } : {};
			const placed = shop.checkout({ lines, ...till });
			if (placed.outcome === "placed") return { name: placed.name };
			if (placed.outcome === "refused") return refuse(`Only ${Math.max(0, placed.available)} of ${placed.sku} are left.`);
			return refuse(`The shop has no ${placed.sku}.`);
		},
		cancelOrder({ orderId, restock }: { orderId: string; restock: boolean }): void {
			const order = openOrder(orderId);
			if (order.lines.every((line) => unfulfilled(order, line) === 0)) refuse(`Order ${order.name} is fulfilled: refund it instead.`);
			shop.cancelOrder({ orderId: order.id, restock });
		},
		refund({ orderId, lineId, quantity, restock }: { orderId: string; lineId: string; quantity: number; restock: boolean }): void {
			const order = openOrder(orderId);
			const line = lineOf(order, lineId);
			const left = line.quantity - line.removed;
			if (quantity > left) refuse(`Order ${order.name} has only ${left} of ${line.sku} left to refund.`);
			shop.refund({ orderId: order.id, lines: [{ lineId: line.id, quantity }], restock });
		},
		setLine({ orderId, lineId, quantity }: { orderId: string; lineId: string; quantity: number }): void {
			const order = openOrder(orderId);
			const line = lineOf(order, lineId);
			const shipped = line.quantity - line.removed - unfulfilled(order, line);
			if (quantity < shipped) refuse(`${shipped} of ${line.sku} are fulfilled already: refund them instead.`);
			shop.editOrder({ orderId: order.id, set: [{ lineId: line.id, quantity }] });
		},
		addLine({ orderId, sku, quantity }: { orderId: string; sku: string; quantity: number }): void {
			shop.editOrder({ orderId: openOrder(orderId).id, add: [{ sku, quantity }] });
		},
		fulfil(orderId: string): void {
			const order = openOrder(orderId);
			if (order.lines.every((line) => unfulfilled(order, line) === 0)) refuse(`Nothing of order ${order.name} is left to fulfil.`);
			shop.fulfil({ orderId: order.id });
		},

		drafts: () =>
			[...state.drafts.values()]
				.filter(({ status }) => status === "open" || status === "reserved")
				.reverse()
				.map((draft) => ({
					id: String(draft.id),
					reserved: draft.status === "reserved",
					lines: draft.lines.map(({ variantId, quantity }) => {
						const variant = state.variants.get(variantId);
						return { title: variant ? titleOf(variant) : "", quantity };
					}),
				})),
		createDraft({ variantId, quantity, reserve }: { variantId: string; quantity: number; reserve: boolean }): void {
			history.as("Reserved for a draft order", () => void shop.draft({ lines: [{ sku: skuOf(variantId), quantity }], reserve }));
		},
		completeDraft(draftId: string): { name: string } {
			return completeDraft(shop.stage, waiting(draftId));
		},
		releaseDraft(draftId: string): void {
			history.as("Reservation of a draft order ended", () => releaseDraft(shop.stage, waiting(draftId)));
		},
	};

	function waiting(draftId: string): number {
		const draft = state.drafts.get(Number(draftId));
		return draft && (draft.status === "open" || draft.status === "reserved") ? draft.id : refuse("That draft is done already.");
	}
}

const titleOfLine = (line: Line) => (line.variantTitle === null ? line.title : `${line.title} - ${line.variantTitle}`);

const SOURCES: Readonly<Record<string, string>> = { web: "Online Store", pos: "Point of Sale", shopify_draft_order: "Draft order" };

function show(order: Order) {
	const left = order.lines.reduce((sum, line) => sum + line.quantity - line.removed, 0);
	const open = order.lines.reduce((sum, line) => sum + unfulfilled(order, line), 0);
	const fulfilment = open === 0 && left > 0 ? "Fulfilled" : open < left ? "Partially fulfilled" : "Unfulfilled";
	return {
		id: String(order.id),
		name: order.name,
		at: order.createdAt,
		source: SOURCES[order.sourceName] ?? order.sourceName,
		cancelled: order.cancelledAt !== null,
		financial: words(order.financialStatus),
		fulfilment: fulfilment as "Fulfilled" | "Partially fulfilled" | "Unfulfilled",
		lines: order.lines.map((line) => ({ sku: line.sku ?? "", title: titleOfLine(line), quantity: line.quantity - line.removed })),
	};
}

const words = (status: string) => `${status[0]}${status.slice(1).toLowerCase().replaceAll("_", " ")}`;

function refuse(sentence: string): never {
	throw new Error(sentence);
}
