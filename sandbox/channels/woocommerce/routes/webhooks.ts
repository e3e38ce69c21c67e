import type { Args } from "../params.ts";
import {
	ALLOW_ITEM,
	ALLOW_LIST,
	type Answer,
	failure,
	listArgs,
	paged,
	READS,
	type RestCall,
	type Route,
	sorted,
	WRITES,
} from "../rest.ts";
import type { Shop } from "../shop.ts";
import type { Webhook } from "../state.ts";
import { api } from "../views/links.ts";
import { TOPIC_HOOKS, webhookView } from "../views/webhook.ts";
import { runBatch } from "./batch.ts";

const STATUSES = ["active", "paused", "disabled"];
const LIST = /^\/wc\/v3\/webhooks$/;
const ITEM = /^\/wc\/v3\/webhooks\/(\d+)$/;
const LIST_ARGS: Args = { ...listArgs(["date", "id", "title"]), status: { type: "string", enum: ["all", ...STATUSES], default: "all" } };
const BODY_ARGS: Args = {
	name: { type: "string" },
	status: { type: "string", enum: STATUSES },
	topic: { type: "string" },
	secret: { type: "string" },
	delivery_url: { type: "string" },
};

type Ping = (webhook: Webhook) => Promise<void>;
type WebhookBody = { name?: string; status?: Webhook["status"]; topic?: string; secret?: string; delivery_url?: string };

/** `ping` is handed in: it belongs to the queue, which belongs to the store. */
export const webhookRoutes = (ping: Ping): Route[] => [
	{
		methods: READS,
		path: LIST,
		name: "webhooks",
		allow: ALLOW_LIST,
		permission: "list",
		args: LIST_ARGS,
		run: (shop, call) => {
			const wanted = call.args.status;
			const found = [...shop.state.webhooks.values()].filter((webhook) => wanted === "all" || webhook.status === wanted);
			return paged(shop, call, sorted(found, call.args.orderby === "id" ? (w) => w.id : (w) => w.createdAt, call.args.order), (webhook) =>
				webhookView(shop, webhook),
			);
		},
	},
	{
		methods: ["POST"],
		path: LIST,
		name: "webhooks",
		allow: ALLOW_LIST,
		permission: "create",
		bodyArgs: BODY_ARGS,
		run: (shop, call) => create(shop, call.body as WebhookBody, ping),
	},
	{
		methods: READS,
		path: ITEM,
		name: "webhooks/{id}",
		allow: ALLOW_ITEM,
		permission: "view",
		run: (shop, call) => {
			const webhook = find(shop, call);
			return webhook ? { status: 200, body: webhookView(shop, webhook) } : invalidId(404);
		},
	},
	{
		methods: WRITES,
		path: ITEM,
		name: "webhooks/{id}",
		allow: ALLOW_ITEM,
		permission: "edit",
		bodyArgs: BODY_ARGS,
		run: (shop, call) => update(shop, call.ids[0] ?? 0, call.body as WebhookBody, ping),
	},
	{
		methods: ["DELETE"],
		path: ITEM,
		name: "webhooks/{id}",
		allow: ALLOW_ITEM,
		permission: "delete",
		args: { force: { type: "boolean", default: false } },
		run: (shop, call) => remove(shop, call.ids[0] ?? 0, call.args.force === true || call.body.force === true),
	},
	{
		methods: ["POST", "PUT", "PATCH"],
		path: /^\/wc\/v3\/webhooks\/batch$/,
		name: "webhooks/batch",
		allow: "POST, PUT, PATCH",
		permission: "batch",
		run: (shop, call) =>
			runBatch(shop, call, {
				create: (entry) => create(shop, entry as WebhookBody, ping),
				update: (id, entry) => update(shop, id, entry as WebhookBody, ping),
				// A batch deletes for good.
				remove: (id) => remove(shop, id, true),
			}),
	},
];

const find = (shop: Shop, call: RestCall) => shop.state.webhooks.get(call.ids[0] ?? 0);
const invalidId = (status: number) => failure(status, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.");
const isTopic = (topic: string | undefined) => topic !== undefined && (topic in TOPIC_HOOKS || /^action\.\w+/.test(topic));
const isAddress = (address: string | undefined) => /^https?:\/\/\S+$/.test(address ?? "");

const badTopic = () => failure(400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic is required and must be valid.");
const badAddress = () =>
	failure(
		400,
		"woocommerce_rest_shop_webhook_invalid_delivery_url",
		"Webhook delivery URL must be a valid URL starting with http:// or https://.",
	);

async function create(shop: Shop, body: WebhookBody, ping: Ping): Promise<Answer> {
	if (!isTopic(body.topic)) return badTopic();
	if (!isAddress(body.delivery_url)) return badAddress();
	const now = shop.time.seconds();
	const webhook: Webhook = {
		id: ++shop.state.ids.webhook,
		name: body.name ?? `Webhook created on ${englishDate(now)}`,
		status: body.status ?? "active",
		topic: body.topic ?? "",
		deliveryUrl: body.delivery_url ?? "",
		// Without a secret the store makes one of its own, which nobody learns.
		secret: body.secret || shop.token(50),
		createdAt: now,
		modifiedAt: null,
		failures: 0,
		pingOwed: true,
	};
	shop.state.webhooks.set(webhook.id, webhook);
	// A failed ping does not stop the creation (recorded: webhooks-create-and-list).
	if (webhook.status === "active") await ping(webhook);
	return { status: 201, body: webhookView(shop, webhook), headers: { Location: `${api(shop)}/webhooks/${webhook.id}` } };
}

async function update(shop: Shop, id: number, body: WebhookBody, ping: Ping): Promise<Answer> {
	const webhook = shop.state.webhooks.get(id);
	if (!webhook) return invalidId(400);
	if (body.topic !== undefined && !isTopic(body.topic)) return badTopic();
	if (body.delivery_url !== undefined && !isAddress(body.delivery_url)) return badAddress();
	if (body.name !== undefined) webhook.name = body.name;
	if (body.topic !== undefined) webhook.topic = body.topic;
	if (body.secret) webhook.secret = body.secret;
	if (body.delivery_url !== undefined) webhook.deliveryUrl = body.delivery_url;
	// Back to active does not reset the count of failures (recorded: disable-after-failures).
	if (body.status !== undefined) webhook.status = body.status;
	webhook.modifiedAt = shop.time.seconds();
	if (webhook.pingOwed && webhook.status === "active") await ping(webhook);
	return { status: 200, body: webhookView(shop, webhook) };
}

function remove(shop: Shop, id: number, force: boolean): Answer {
	const webhook = shop.state.webhooks.get(id);
	if (!webhook) return invalidId(404);
	if (!force) return failure(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.");
	shop.state.webhooks.delete(id);
	return { status: 200, body: webhookView(shop, webhook) };
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `Nov 21, 2026 @ 04:46 AM`, in GMT. */
function englishDate(seconds: number) {
	const at = new Date(seconds * 1000);
	const hour = at.getUTCHours();
	const two = (n: number) => String(n).padStart(2, "0");
	const clock = `${two(hour % 12 || 12)}:${two(at.getUTCMinutes())} ${hour < 12 ? "AM" : "PM"}`;
	return `${MONTHS[at.getUTCMonth()]} ${two(at.getUTCDate())}, ${at.getUTCFullYear()} @ ${clock}`;
}
