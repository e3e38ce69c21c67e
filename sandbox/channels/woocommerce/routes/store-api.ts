import { failure, READS, type RestCall, type Route } from "../rest.ts";
import { phpJson, type Shop } from "../shop.ts";
import { available, type BasketLine, checkCart, type Till, wanted } from "../storefront.ts";
import { fullName } from "../views/product.ts";

/** The storefront's own API, as far as a buyer needs it: cart and checkout. Carts live by their `Cart-Token`. */
export function storeApiRoutes(till: Till): Route[] {
	const carts = new Map<string, BasketLine[]>();
	const cartOf = (call: RestCall) => {
		const token = String(call.headers["cart-token"] ?? "");
		const cart = carts.get(token) ?? [];
		carts.set(token, cart);
		return cart;
	};
	const common = { allow: "", permission: "public" as const };

	return [
		{
			...common,
			methods: READS,
			path: /^\/wc\/store\/v1\/cart$/,
			name: "store/cart",
			run: (shop, call) => ({ status: 200, body: cartView(shop, cartOf(call)) }),
		},
		{
			...common,
			methods: ["POST"],
			path: /^\/wc\/store\/v1\/cart\/add-item$/,
			name: "store/cart/add-item",
			run: (shop, call) => {
				const cart = cartOf(call);
				const product = shop.state.products.get(Number(call.body.id));
				const line = {
					productId: product?.parentId || Number(call.body.id),
					variationId: product?.parentId ? product.id : 0,
					quantity: Number(call.body.quantity ?? 1),
				};
				const known = cart.find((l) => l.productId === line.productId && (l.variationId ?? 0) === line.variationId);
				const refused = checkCart(shop, line, known?.quantity ?? 0);
				if (refused) return failure(refused.status, refused.code, refused.message);
				if (known) known.quantity += line.quantity;
				else cart.push(line);
				return { status: 201, body: cartView(shop, cart) };
			},
		},
		{
			...common,
			methods: READS,
			path: /^\/wc\/store\/v1\/checkout$/,
			name: "store/checkout",
			// Opening the page stores and reserves nothing (recorded: storefront-checkout).
			run: () => ({ status: 200, body: { order_id: 0, status: "checkout-draft", payment_method: "bacs", payment_result: null } }),
		},
		{
			...common,
			methods: ["POST"],
			path: /^\/wc\/store\/v1\/checkout$/,
			name: "store/checkout",
			run: async (shop, call) => {
				const cart = cartOf(call);
				const payment = call.body.payment_method === "bacs" ? "bacs" : "cod";
				const paid = await till.pay(cart, payment, {
					billing: address(call.body.billing_address),
					shipping: address(call.body.shipping_address),
					agent: call.headers["user-agent"] ?? "",
				});
				if (paid.outcome === "refused") {
					const inner = paid.code === "woocommerce_rest_cart_empty" ? 400 : paid.status;
					return {
						status: paid.status,
						body: {
							code: paid.code,
							message: paid.message,
							data: paid.status === 409 ? { 0: inner, status: 409 } : { status: paid.status },
						},
					};
				}
				cart.length = 0;
				const status = shop.state.orders.get(paid.orderId)?.status;
				return {
					status: 200,
					body: { order_id: paid.orderId, status, payment_method: payment, payment_result: { payment_status: "success" } },
				};
			},
		},
	];
}

const address = (value: unknown) =>
	typeof value === "object" && value !== null ? (JSON.parse(phpJson(value)) as Record<string, string>) : {};

/** Without stock management a cart takes this many of a product. */
const MAXIMUM_IN_CART = 9999;

const cartView = (shop: Shop, cart: readonly BasketLine[]) => ({
	items: cart.map((line) => {
		const product = wanted(shop, line);
		const maximum = product ? (available(shop, product) ?? MAXIMUM_IN_CART) : 0;
		return {
			id: product?.id ?? 0,
			quantity: line.quantity,
			quantity_limits: { minimum: 1, maximum, multiple_of: 1, editable: true },
			name: product ? fullName(shop, product) : "",
			low_stock_remaining: null,
		};
	}),
	errors: [],
});
