import { changeStatus, createOrder, deleteOrder, editLines, type LineInput, type NewOrder, trashOrder, untrashOrder } from "./orders.ts";
import { createProduct, deleteProduct, trashProduct, untrashProduct, updateProduct } from "./products.ts";
import { createRefund, type RefundOutcome } from "./refunds.ts";
import type { Shop } from "./shop.ts";
import type { Order, Product } from "./state.ts";
import { figureOf } from "./stock.ts";
import type { BasketLine, Buyer, CheckoutOutcome, Till } from "./storefront.ts";
import { fullName, priceOf } from "./views/product.ts";

export type SeedProduct = {
	sku: string;
	name: string;
	price?: string;
	/** Null or left out: stock is not managed. A variation may say "parent". */
	quantity?: number | "parent" | null;
	backorders?: "no" | "notify" | "yes";
	status?: string;
	variations?: (Omit<SeedProduct, "variations" | "name"> & { option: string })[];
};

/** What staff and buyers do, and what the store shows and holds. */
export type People = {
	/** The ids as the store gave them, by SKU. */
	seed(products: readonly SeedProduct[]): Map<string, { productId: number; variationId: number }>;

	/** A buyer who only buys what is shown. `pay: false` leaves a pending order that keeps its pieces for an hour. */
	checkout(basket: { lines: readonly BasketLine[]; pay?: boolean; payment?: "cod" | "bacs"; buyer?: Buyer }): Promise<CheckoutOutcome>;
	/** The buyer of a pending order pays. */
	payOrder(orderId: number): Promise<void>;
	/** An order made by staff or a plugin: never refused for stock. */
	placeOrder(order: Omit<NewOrder, "createdVia"> & { createdVia?: string }): Promise<number>;
	setOrderStatus(orderId: number, status: string): Promise<void>;
	cancelOrder(orderId: number): Promise<void>;
	refund(
		orderId: number,
		refund?: { lines?: readonly { lineId: number; quantity: number }[]; amount?: number; restock?: boolean },
	): Promise<RefundOutcome>;
	editOrder(orderId: number, lines: readonly LineInput[]): Promise<void>;
	trashOrder(orderId: number): void;
	untrashOrder(orderId: number): void;
	deleteOrder(orderId: number): void;
	/** Staff types a new quantity (null: stops managing the stock). Not truth: home is elsewhere. */
	editStock(sku: string, quantity: number | null): Promise<void>;
	setProductStatus(sku: string, status: "publish" | "draft" | "private"): Promise<void>;
	trashProduct(sku: string): void;
	untrashProduct(sku: string): void;
	deleteProduct(sku: string): void;
	/** A plugin refuses every change of these through the API from now on; none: it is switched off. */
	lockProducts(skus: readonly string[]): void;

	/** What the store shows and holds, for consoles and checks. */
	products(): { productId: number; variationId: number; sku: string; name: string; price: string; shown: number | null }[];
	orders(): readonly Order[];
};

const missing = (what: string): never => {
	throw new Error(`The store has no ${what}`);
};

/** What staff and buyers do; wp-admin's buttons end in the same functions as the REST API. */
export function createPeople(shop: Shop, till: Till): People {
	const { state } = shop;
	const order = (id: number): Order => state.orders.get(id) ?? missing(`order ${id}`);
	const product = (sku: string): Product => [...state.products.values()].find((p) => p.sku === sku) ?? missing(`product ${sku}`);
	return {
		seed(products) {
			const ids = new Map<string, { productId: number; variationId: number }>();
			for (const { variations, ...seed } of products) {
				const made = createProduct(shop, seedInput(seed, variations), { cause: "opening" });
				ids.set(seed.sku, { productId: made.id, variationId: 0 });
				for (const { option, ...variation } of variations ?? []) {
					const input = { ...seedInput(variation), attributes: [{ name: "Size", option }] };
					const child = createProduct(shop, input, { parent: made, cause: "opening" });
					ids.set(variation.sku, { productId: made.id, variationId: child.id });
				}
			}
			return ids;
		},
		checkout: ({ lines, pay = true, payment = "cod", buyer }) => till.checkout(lines, pay ? payment : "later", buyer),
		payOrder: (id) => changeStatus(shop, order(id), "processing"),
		placeOrder: async (input) => (await createOrder(shop, { createdVia: "admin", ...input })).id,
		setOrderStatus: (id, status) => changeStatus(shop, order(id), status),
		cancelOrder: (id) => changeStatus(shop, order(id), "cancelled"),
		refund(id, { lines, amount, restock = true } = {}) {
			const of = order(id);
			const parts = (lines ?? of.lines.map((line) => ({ lineId: line.id, quantity: line.quantity }))).map(({ lineId, quantity }) => {
				const line = of.lines.find((l) => l.id === lineId);
				return { id: lineId, quantity, total: line && line.quantity !== 0 ? (line.total / line.quantity) * quantity : 0 };
			});
			return createRefund(shop, of, { amount, apiRefund: false, apiRestock: restock, lines: amount !== undefined && !lines ? [] : parts });
		},
		async editOrder(id, lines) {
			const edited = await editLines(shop, order(id), lines);
			if (edited.outcome === "unknown_line") missing(`such line in order ${id}`);
			await changeStatus(shop, order(id), order(id).status);
		},
		trashOrder: (id) => trashOrder(shop, order(id)),
		untrashOrder: (id) => untrashOrder(shop, order(id)),
		deleteOrder: (id) => deleteOrder(shop, order(id)),
		editStock: (sku, quantity) =>
			updateProduct(
				shop,
				product(sku),
				quantity === null ? { manage_stock: false } : { manage_stock: true, stock_quantity: quantity },
				"edit",
			),
		setProductStatus: (sku, status) => updateProduct(shop, product(sku), { status }, "edit"),
		trashProduct: (sku) => trashProduct(shop, product(sku)),
		untrashProduct: (sku) => untrashProduct(shop, product(sku)),
		deleteProduct: (sku) => deleteProduct(shop, product(sku)),
		lockProducts(skus) {
			state.locked = new Set(skus);
		},
		products: () =>
			[...state.products.values()]
				.filter((p) => p.type !== "variable" && p.status !== "trash")
				.map((p) => ({
					productId: p.parentId || p.id,
					variationId: p.type === "variation" ? p.id : 0,
					sku: p.sku,
					name: fullName(shop, p),
					price: priceOf(shop, p),
					shown: figureOf(shop, p),
				})),
		orders: () => [...state.orders.values()],
	};
}

function seedInput(seed: Omit<SeedProduct, "variations" | "name"> & { name?: string }, variations?: SeedProduct["variations"]) {
	const managed = typeof seed.quantity === "number";
	return {
		...(seed.name === undefined ? {} : { name: seed.name }),
		sku: seed.sku,
		regular_price: variations ? "" : (seed.price ?? "10.00"),
		manage_stock: managed,
		...(managed ? { stock_quantity: seed.quantity } : {}),
		...(seed.backorders ? { backorders: seed.backorders } : {}),
		...(seed.status ? { status: seed.status } : {}),
		...(variations
			? { type: "variable", attributes: [{ name: "Size", visible: true, variation: true, options: variations.map((v) => v.option) }] }
			: {}),
	};
}
