import type { Order } from "../model.ts";
import type { Recorded } from "./recordings.ts";
import type { Stage } from "./stage.ts";

/** The orders that a recorded catalogue read shows, put into the shop as they were. */
export function ordersOfTheCatalog({ shop }: Stage, file: Recorded): void {
	const { seedCatalog, byStatus } = file.response.data;
	// Of three of them only names and states were asked; their times stand in the page's cursors, one second apart.
	const from = JSON.parse(Buffer.from(byStatus.pageInfo.startCursor, "base64").toString()).last_value as number;
	const others = byStatus.nodes.map((node: Recorded, index: number) => ({
		...node,
		createdAt: from - index * 1000,
		tags: [],
		email: null,
		price: "1.0",
	}));
	for (const node of [...seedCatalog.nodes, ...others]) {
		const createdAt = typeof node.createdAt === "number" ? node.createdAt : Date.parse(node.createdAt);
		const id = Number(node.id.split("/").at(-1));
		const order: Order = {
			kind: "Order",
			id,
			number: Number(node.name.slice(1)),
			name: node.name,
			createdAt,
			updatedAt: node.updatedAt ? Date.parse(node.updatedAt) : createdAt,
			updatedBefore: null,
			touchedAt: createdAt,
			cancelledAt: null,
			cancelReason: null,
			closedAt: null,
			test: false,
			edited: false,
			tags: node.tags,
			note: null,
			email: node.email,
			sourceName: "web",
			sourceIdentifier: null,
			app: null,
			retailLocationId: null,
			financialStatus: node.displayFinancialStatus,
			lines: [lineOf(id, node.currentTotalPriceSet?.shopMoney.amount ?? "1.0")],
			refunds: [],
			fulfillmentOrders: [],
			fulfillments: [],
		};
		shop.state.orders.set(id, order);
	}
}

function lineOf(orderId: number, price: string): Order["lines"][number] {
	return {
		kind: "LineItem",
		id: orderId + 1,
		variantId: null,
		productId: null,
		itemId: null,
		title: "A recorded line",
		variantTitle: null,
		sku: null,
		price,
		quantity: 1,
		removed: 0,
		requiresShipping: false,
		giftCard: false,
		tracked: false,
		group: null,
	};
}
