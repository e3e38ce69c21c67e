import { createOrder } from "./orders.ts";
import type { Shop } from "./shop.ts";
import { type Product, stockOwner } from "./state.ts";
import { reservedUnits, stockStatusOf } from "./stock.ts";
import { fullName } from "./views/product.ts";

/** WooCommerce's *hold stock* setting: a pending order keeps its pieces so long. */
const HOLD_STOCK_S = 60 * 60;
/**
 * So many checkouts stand between "is there enough?" and "reserved for me" at once: of eight buyers who paid in the same moment
 * for three pieces five were accepted and three refused (recorded: storefront-checkout-race).
 */
const CHECKOUTS_BETWEEN = 5;

export type BasketLine = { productId: number; variationId?: number; quantity: number };
export type Buyer = { billing?: Record<string, string>; shipping?: Record<string, string>; ip?: string; agent?: string };
type Refusal = { outcome: "refused"; status: number; code: string; message: string };
export type CheckoutOutcome =
	| { outcome: "bought"; orderId: number; status: string; lines: { sku: string; quantity: number }[] }
	/** Paying elsewhere: a pending order whose pieces are kept from others for an hour. */
	| { outcome: "reserved"; orderId: number; lines: { sku: string; quantity: number }[] }
	| Refusal;

type Payment = "cod" | "bacs" | "later";

/** Pieces that a buyer may still put into a cart; null: as many as wanted. */
export function available(shop: Shop, product: Product): number | null {
	const owner = stockOwner(shop.state, product);
	if (product.status !== "publish") return 0;
	if (!owner) return stockStatusOf(shop, product) === "outofstock" ? 0 : null;
	if (owner.backorders !== "no") return null;
	return (owner.stock ?? 0) - reservedUnits(shop, owner.id);
}

export const wanted = (shop: Shop, line: BasketLine) => shop.state.products.get(line.variationId || line.productId);

/** Putting pieces into a cart: what is there is checked, nothing is held. `already` is what the cart has of it. */
export function checkCart(shop: Shop, line: BasketLine, already = 0): Refusal | null {
	const product = wanted(shop, line);
	if (!product || product.type === "variable") {
		return refusal(400, "woocommerce_rest_cart_invalid_product", "This product cannot be added to the cart.");
	}
	const left = available(shop, product);
	const name = fullName(shop, product);
	if (left === null) return null;
	if (left <= 0) {
		return refusal(
			400,
			"woocommerce_rest_product_out_of_stock",
			`You cannot add &quot;${name}&quot; to the cart because the product is out of stock.`,
		);
	}
	if (already + line.quantity <= left) return null;
	const message = `You cannot add that amount of &quot;${name}&quot; to the cart because there is not enough stock (${left} remaining).`;
	return refusal(400, "woocommerce_rest_product_partially_out_of_stock", message);
}

const refusal = (status: number, code: string, message: string): Refusal => ({ outcome: "refused", status, code, message });

export type Till = {
	/** A buyer who only buys what is shown: puts the pieces into a cart, then pays. */
	checkout(lines: readonly BasketLine[], payment: Payment, buyer?: Buyer): Promise<CheckoutOutcome>;
	/** Paying what is in the cart; the store checks again and cuts quantities to what is left. */
	pay(lines: readonly BasketLine[], payment: Payment, buyer?: Buyer): Promise<CheckoutOutcome>;
};

export function createTill(shop: Shop): Till {
	let between = 0;
	const waiting: (() => void)[] = [];
	let basketNumber = 0;

	const enter = async () => {
		if (between >= CHECKOUTS_BETWEEN) await new Promise<void>((resolve) => waiting.push(resolve));
		else between++;
	};
	const leave = () => {
		const next = waiting.shift();
		if (next) next();
		else between--;
	};

	/** Keeps the pieces for this basket, or says which product is short. Not atomic: that is the recorded race. */
	const reserveAll = async (lines: readonly BasketLine[], basket: number): Promise<Refusal | null> => {
		const short = () => {
			for (const line of lines) {
				const product = wanted(shop, line);
				const left = product ? available(shop, product) : 0;
				if (product && left !== null && left < line.quantity) return fullName(shop, product);
			}
			return null;
		};
		const refuse = (name: string) =>
			refusal(403, "woocommerce_product_not_enough_stock", `Not enough units of ${name} are available in stock to fulfil this order.`);
		const keep = () => {
			for (const line of lines) {
				const product = wanted(shop, line);
				const owner = product ? stockOwner(shop.state, product) : null;
				if (owner)
					shop.state.reservations.push({
						orderId: basket,
						ownerId: owner.id,
						units: line.quantity,
						until: shop.time.seconds() + HOLD_STOCK_S,
					});
			}
		};
		if (shop.settings.atomicCheckout) {
			const name = short();
			if (name) return refuse(name);
			keep();
			return null;
		}
		await enter();
		try {
			const name = short();
			if (name) return refuse(name);
			await shop.gap("checkout.reserved");
			keep();
			return null;
		} finally {
			leave();
		}
	};

	const pay: Till["pay"] = async (lines, payment, buyer = {}) => {
		const paid: BasketLine[] = [];
		for (const line of lines) {
			const product = wanted(shop, line);
			const left = product ? available(shop, product) : 0;
			if (!product || (left !== null && left <= 0)) {
				const name = product ? fullName(shop, product) : "Product";
				return refusal(
					409,
					"woocommerce_rest_product_out_of_stock",
					`"${name}" is out of stock and cannot be purchased. Please remove it from your cart.`,
				);
			}
			paid.push({ ...line, quantity: left === null ? line.quantity : Math.min(line.quantity, left) });
		}
		if (paid.length === 0) return refusal(409, "woocommerce_rest_cart_empty", "Cannot place an order, your cart is empty.");
		const basket = -++basketNumber;
		await shop.gap("checkout.paying");
		const refused = await reserveAll(paid, basket);
		if (refused) return refused;
		const later = payment === "later";
		const order = await createOrder(shop, {
			status: later ? "pending" : payment === "cod" ? "processing" : "on-hold",
			createdVia: later ? "checkout" : "store-api",
			lines: paid.map((line) => ({ product_id: line.productId, variation_id: line.variationId ?? 0, quantity: line.quantity })),
			paymentMethod: payment === "bacs" ? "bacs" : payment === "cod" ? "cod" : "",
			paymentTitle: payment === "bacs" ? "Direct bank transfer" : payment === "cod" ? "Cash on delivery" : "",
			billing: buyer.billing ?? {},
			shipping: buyer.shipping ?? {},
			customerIp: buyer.ip ?? "127.0.0.1",
			customerAgent: buyer.agent ?? "",
			cartHash: later ? "" : shop.token(32).toLowerCase(),
			meta: later ? [] : STORE_API_META,
			tellFirst: "order.updated",
			...(later ? { reserveUntil: shop.time.seconds() + HOLD_STOCK_S } : {}),
		});
		shop.state.reservations = shop.state.reservations.filter((r) => r.orderId !== basket);
		const bought = order.lines.map((line) => ({
			sku: shop.state.products.get(line.variationId || line.productId)?.sku ?? "",
			quantity: line.quantity,
		}));
		return later
			? { outcome: "reserved", orderId: order.id, lines: bought }
			: { outcome: "bought", orderId: order.id, status: order.status, lines: bought };
	};

	return {
		pay,
		async checkout(lines, payment, buyer) {
			for (const line of lines) {
				const refused = checkCart(shop, line);
				if (refused) return refused;
			}
			await shop.gap("checkout.checked");
			return pay(lines, payment, buyer);
		},
	};
}

/** What the Store API leaves on its orders; the hashes of an empty list of coupons, fees and taxes. */
const EMPTY_LIST_HASH = "d751713988987e9331980363e24189ce";
const STORE_API_META = [
	{ key: "_shipping_hash", value: "64656d37dd2ad316b3e09febf0b4dff2" },
	{ key: "_coupons_hash", value: EMPTY_LIST_HASH },
	{ key: "_fees_hash", value: EMPTY_LIST_HASH },
	{ key: "_taxes_hash", value: EMPTY_LIST_HASH },
	{ key: "is_vat_exempt", value: "no" },
];
