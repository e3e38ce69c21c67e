import { addNote, changeStatus, createOrder, deleteOrder, editLines, type LineInput, stampOrder, trashOrder } from "../orders.ts";
import type { Args } from "../params.ts";
import {
	ALLOW_ITEM,
	ALLOW_LIST,
	type Answer,
	failure,
	listArgs,
	paged,
	type Query,
	READS,
	type RestCall,
	type Route,
	sorted,
	WRITES,
	withinDates,
} from "../rest.ts";
import type { Shop } from "../shop.ts";
import type { Order } from "../state.ts";
import { api } from "../views/links.ts";
import { noteView, orderState, orderView } from "../views/order.ts";
import { runBatch } from "./batch.ts";

const STATUSES = ["auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft"];
const LISTED_STATUSES = ["any", "trash", ...STATUSES];

const LIST_ARGS: Args = {
	...listArgs(["date", "id", "include", "title", "slug", "modified"]),
	status: { type: "array", items: { type: "string", enum: LISTED_STATUSES }, default: ["any"] },
	customer: { type: "integer" },
	product: { type: "integer" },
	dp: { type: "integer" },
	created_via: { type: "array", items: { type: "string" } },
};

const BODY_ARGS: Args = {
	status: { type: "string", enum: STATUSES },
	set_paid: { type: "boolean" },
	payment_method: { type: "string" },
	payment_method_title: { type: "string" },
	transaction_id: { type: "string" },
	customer_note: { type: "string" },
	customer_id: { type: "integer" },
	billing: { type: "object" },
	shipping: { type: "object" },
	meta_data: { type: "array" },
	line_items: {
		type: "array",
		items: {
			type: "object",
			properties: {
				id: { type: "integer" },
				product_id: { type: "integer" },
				variation_id: { type: "integer" },
				quantity: { type: "integer" },
				sku: { type: "string" },
				total: { type: "string" },
				subtotal: { type: "string" },
			},
		},
	},
};

const LIST = /^\/wc\/v3\/orders$/;
const ITEM = /^\/wc\/v3\/orders\/(\d+)$/;
const NOTES = /^\/wc\/v3\/orders\/(\d+)\/notes$/;

type OrderBody = {
	status?: string;
	set_paid?: boolean;
	payment_method?: string;
	payment_method_title?: string;
	transaction_id?: string;
	customer_note?: string;
	customer_id?: number;
	billing?: Record<string, string>;
	shipping?: Record<string, string>;
	meta_data?: { key: string; value: unknown }[];
	line_items?: LineInput[];
};

/** What the caller gets to know of an order, and the books with it. */
function told(shop: Shop, order: Order, by: "list" | "read") {
	shop.world.books.orderKnown({ channel: shop.channel, orderId: String(order.id), state: orderState(shop, order), by });
	return orderView(shop, order);
}

export const orderRoutes: Route[] = [
	{
		methods: READS,
		path: LIST,
		name: "orders",
		allow: ALLOW_LIST,
		permission: "list",
		args: LIST_ARGS,
		run: (shop, call) => {
			const orders = listOrders(shop, call);
			const { page, per_page } = call.args;
			// Beyond the last page the totals read 0: the order table's own way (recorded: orders-list-modified-after).
			const beyond = (Number(page) - 1) * Number(per_page) >= orders.length;
			const statuses = (call.args.status as string[]).map((status, i): [string, string] => [`status[${i}]`, status]);
			const prepared: Query = beyond
				? []
				: [
						["dp", "2"],
						["context", "view"],
					];
			const query = [...call.query.filter(([name]) => !/^status(\[|$)/.test(name)), ...statuses, ...prepared];
			return paged(shop, call, beyond ? [] : orders, (order) => told(shop, order, "list"), query);
		},
	},
	{
		methods: ["POST"],
		path: LIST,
		name: "orders",
		allow: ALLOW_LIST,
		permission: "create",
		bodyArgs: BODY_ARGS,
		run: async (shop, call) => {
			const answer = await create(shop, call.body as OrderBody);
			return { ...answer, headers: { Location: `${api(shop)}/orders/${(answer.body as { id: number }).id}` } };
		},
	},
	{
		methods: ["POST", "PUT", "PATCH"],
		path: /^\/wc\/v3\/orders\/batch$/,
		name: "orders/batch",
		allow: "POST, PUT, PATCH",
		permission: "batch",
		run: (shop, call) =>
			runBatch(shop, call, {
				create: (entry) => create(shop, entry as OrderBody),
				update: (id, entry) => update(shop, id, entry as OrderBody),
				remove: (id, force) => remove(shop, id, force),
			}),
	},
	{
		methods: READS,
		path: ITEM,
		name: "orders/{id}",
		allow: ALLOW_ITEM,
		permission: "view",
		run: (shop, call) => {
			const order = find(shop, call);
			return order ? { status: 200, body: told(shop, order, "read") } : invalidId();
		},
	},
	{
		methods: WRITES,
		path: ITEM,
		name: "orders/{id}",
		allow: ALLOW_ITEM,
		permission: "edit",
		bodyArgs: BODY_ARGS,
		run: (shop, call) => update(shop, call.ids[0] ?? 0, call.body as OrderBody),
	},
	{
		methods: ["DELETE"],
		path: ITEM,
		name: "orders/{id}",
		allow: ALLOW_ITEM,
		permission: "delete",
		args: { force: { type: "boolean", default: false } },
		run: (shop, call) => remove(shop, call.ids[0] ?? 0, call.args.force === true || call.body.force === true),
	},
	{
		methods: READS,
		path: NOTES,
		name: "orders/{id}/notes",
		allow: ALLOW_LIST,
		permission: "list",
		run: (shop, call) => {
			const order = find(shop, call);
			return order ? { status: 200, body: order.notes.map((note) => noteView(shop, order, note)) } : invalidId();
		},
	},
	{
		methods: ["POST"],
		path: NOTES,
		name: "orders/{id}/notes",
		allow: ALLOW_LIST,
		permission: "create",
		// A note alone tells no webhook (recorded: order-note-only).
		run: (shop, call) => {
			const order = find(shop, call);
			if (!order) return invalidId();
			const note = addNote(shop, order, String(call.body.note ?? ""), { author: "system", forCustomer: call.body.customer_note === true });
			return { status: 201, body: noteView(shop, order, note), headers: { Location: `${api(shop)}/orders/${order.id}/notes/${note.id}` } };
		},
	},
];

const find = (shop: Shop, call: RestCall) => shop.state.orders.get(call.ids[0] ?? 0);
const invalidId = () => failure(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.");
const withoutEmail = ({ email: _, ...address }: Record<string, string>) => address;

function listOrders(shop: Shop, call: RestCall): Order[] {
	const { args } = call;
	const statuses = args.status as string[];
	const include = (args.include as number[] | undefined) ?? [];
	const exclude = (args.exclude as number[] | undefined) ?? [];
	const via = (args.created_via as string[] | undefined) ?? [];
	const search = typeof args.search === "string" ? args.search.toLowerCase() : "";
	const found = [...shop.state.orders.values()].filter((order) => {
		if (!order.listed) return false;
		// Auto-drafts are in no list, checkout drafts and the trash only under their own name.
		if (order.status === "auto-draft") return false;
		const any = statuses.includes("any") && order.status !== "trash" && order.status !== "checkout-draft";
		if (!any && !statuses.includes(order.status)) return false;
		if (include.length > 0 && !include.includes(order.id)) return false;
		if (exclude.includes(order.id)) return false;
		if (via.length > 0 && !via.includes(order.createdVia)) return false;
		if (args.customer !== undefined && order.customerId !== args.customer) return false;
		if (args.product !== undefined && !order.lines.some((l) => l.productId === args.product || l.variationId === args.product))
			return false;
		return (
			!search ||
			[String(order.id), ...Object.values(order.billing), ...order.lines.map((l) => l.name)].some((t) => t.toLowerCase().includes(search))
		);
	});
	const by: Record<string, (order: Order) => number> = {
		id: (o) => o.id,
		modified: (o) => o.modifiedAt,
		include: (o) => include.indexOf(o.id),
	};
	return sorted(withinDates(shop, call, found), by[String(args.orderby)] ?? ((o) => o.createdAt), args.order);
}

async function create(shop: Shop, body: OrderBody): Promise<Answer> {
	const order = await createOrder(shop, {
		status: body.status ?? "pending",
		createdVia: "rest-api",
		lines: body.line_items ?? [],
		setPaid: body.set_paid === true,
		paymentMethod: body.payment_method ?? "",
		paymentTitle: body.payment_method_title ?? "",
		transactionId: body.transaction_id ?? "",
		billing: body.billing ?? {},
		shipping: withoutEmail(body.shipping ?? {}),
		customerNote: body.customer_note ?? "",
		customerId: body.customer_id ?? 0,
		meta: body.meta_data ?? [],
	});
	return { status: 201, body: orderView(shop, order) };
}

async function update(shop: Shop, id: number, body: OrderBody): Promise<Answer> {
	const order = shop.state.orders.get(id);
	if (!order) return failure(400, "woocommerce_rest_shop_order_invalid_id", "ID is invalid.");
	if (body.line_items) {
		const edited = await editLines(shop, order, body.line_items);
		if (edited.outcome === "unknown_line") {
			return failure(400, "woocommerce_rest_invalid_item_id", "Order item ID provided is not associated with order.");
		}
	}
	if (body.customer_note !== undefined) order.customerNote = body.customer_note;
	if (body.payment_method !== undefined) order.paymentMethod = body.payment_method;
	if (body.payment_method_title !== undefined) order.paymentTitle = body.payment_method_title;
	if (body.transaction_id !== undefined) order.transactionId = body.transaction_id;
	if (body.billing) order.billing = { ...order.billing, ...body.billing };
	if (body.shipping) order.shipping = { ...order.shipping, ...withoutEmail(body.shipping) };
	for (const { key, value } of body.meta_data ?? []) {
		const known = order.meta.find((meta) => meta.key === key);
		if (known) known.value = value;
		else order.meta.push({ id: ++shop.state.ids.meta, key, value });
	}
	const paid = body.set_paid === true && ["pending", "failed", "on-hold"].includes(order.status);
	await changeStatus(shop, order, body.status ?? (paid ? "processing" : order.status));
	stampOrder(shop, order);
	return { status: 200, body: orderView(shop, order) };
}

function remove(shop: Shop, id: number, force: boolean): Answer {
	const order = shop.state.orders.get(id);
	if (!order) return invalidId();
	const body = orderView(shop, order);
	if (force) deleteOrder(shop, order);
	else if (order.status === "trash") return failure(410, "woocommerce_rest_already_trashed", "The shop_order has already been deleted.");
	else trashOrder(shop, order);
	return { status: 200, body };
}
