import type { Args } from "../params.ts";
import { createRefund } from "../refunds.ts";
import { ALLOW_LIST, type Answer, failure, listArgs, paged, READS, type RestCall, type Route } from "../rest.ts";
import type { Shop } from "../shop.ts";
import type { Order, Refund } from "../state.ts";
import { refundView } from "../views/order.ts";

const LIST = /^\/wc\/v3\/orders\/(\d+)\/refunds$/;
const ITEM = /^\/wc\/v3\/orders\/(\d+)\/refunds\/(\d+)$/;
const LIST_ARGS: Args = listArgs(["date", "id", "include", "title", "slug", "modified"]);

const BODY_ARGS: Args = {
	amount: { type: "string" },
	reason: { type: "string" },
	api_refund: { type: "boolean", default: true },
	api_restock: { type: "boolean", default: true },
	line_items: {
		type: "array",
		items: { type: "object", properties: { id: { type: "integer" }, quantity: { type: "integer" }, refund_total: { type: "number" } } },
	},
};

export const refundRoutes: Route[] = [
	{
		methods: READS,
		path: LIST,
		name: "orders/{id}/refunds",
		allow: ALLOW_LIST,
		permission: "list",
		args: LIST_ARGS,
		run: (shop, call) => {
			const order = orderOf(shop, call);
			if (!order) return invalidOrder();
			return paged(shop, call, newest(order.refunds), (refund) => refundView(shop, order, refund));
		},
	},
	{
		methods: READS,
		path: /^\/wc\/v3\/refunds$/,
		name: "refunds",
		allow: "GET",
		permission: "list",
		args: LIST_ARGS,
		run: (shop, call) => {
			const all = [...shop.state.orders.values()].flatMap((order) => order.refunds.map((refund) => ({ order, refund })));
			all.sort((a, b) => b.refund.createdAt - a.refund.createdAt || b.refund.id - a.refund.id);
			const view = ({ order, refund }: (typeof all)[number]) => {
				const { id, ...rest } = refundView(shop, order, refund);
				return { id, parent_id: order.id, ...rest };
			};
			return paged(shop, call, all, view, [...call.query, ["dp", "2"]]);
		},
	},
	{ methods: ["POST"], path: LIST, name: "orders/{id}/refunds", allow: ALLOW_LIST, permission: "create", bodyArgs: BODY_ARGS, run: create },
	{
		methods: READS,
		path: ITEM,
		name: "orders/{id}/refunds/{id}",
		allow: "GET, DELETE",
		permission: "view",
		run: (shop, call) => {
			const found = refundOf(shop, call);
			return found ? { status: 200, body: refundView(shop, found.order, found.refund) } : invalidRefund();
		},
	},
	{
		methods: ["DELETE"],
		path: ITEM,
		name: "orders/{id}/refunds/{id}",
		allow: "GET, DELETE",
		permission: "delete",
		args: { force: { type: "boolean", default: false } },
		// Deleting a refund takes nothing again: stock and marks stay as they are (recorded: order-refunds).
		run: (shop, call) => {
			const found = refundOf(shop, call);
			if (!found) return invalidRefund();
			if (call.args.force !== true) return failure(501, "woocommerce_rest_trash_not_supported", "Refunds do not support trashing.");
			const body = refundView(shop, found.order, found.refund);
			found.order.refunds = found.order.refunds.filter((refund) => refund !== found.refund);
			return { status: 200, body };
		},
	},
];

const newest = (refunds: readonly Refund[]) => [...refunds].sort((a, b) => b.createdAt - a.createdAt || b.id - a.id);
const orderOf = (shop: Shop, call: RestCall): Order | undefined => shop.state.orders.get(call.ids[0] ?? 0);
const invalidOrder = () => failure(404, "woocommerce_rest_invalid_order", "Invalid order ID.");
const invalidRefund = () => failure(404, "woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.");

function refundOf(shop: Shop, call: RestCall) {
	const order = orderOf(shop, call);
	const refund = order?.refunds.find((r) => r.id === call.ids[1]);
	return order && refund ? { order, refund } : null;
}

async function create(shop: Shop, call: RestCall): Promise<Answer> {
	const order = orderOf(shop, call);
	if (!order) return invalidOrder();
	const lines = ((call.body.line_items as { id?: number; quantity?: number; refund_total?: number }[] | undefined) ?? []).map((line) => ({
		id: line.id ?? 0,
		quantity: line.quantity ?? 0,
		total: line.refund_total ?? 0,
	}));
	const made = await createRefund(shop, order, {
		amount: call.body.amount === undefined ? undefined : Number(call.body.amount),
		reason: call.body.reason === undefined ? undefined : String(call.body.reason),
		apiRefund: call.body.api_refund === true,
		apiRestock: call.body.api_restock === true,
		lines,
	});
	if (made.outcome === "no_gateway") return refused("The payment gateway for this order does not exist.");
	if (made.outcome === "invalid_amount") return refused("Invalid refund amount.");
	// The route's own pattern in the address: WooCommerce's quirk (recorded: order-refunds).
	const place = `${shop.url}/wp-json/wc/v3/orders/(?P<order_id>[\\d]+)/refunds/${made.refund.id}`;
	return { status: 201, body: refundView(shop, order, made.refund), headers: { Location: place } };
}

/** The one error whose `data` is the bare status (recorded: order-refunds). */
const refused = (message: string): Answer => ({
	status: 500,
	body: { code: "woocommerce_rest_cannot_create_order_refund", message, data: 500 },
});
