import { z } from "zod";
import type { AppSettings, RemoteWebhook, WebhookManager } from "../channel.ts";
import { ChannelError, ConflictError } from "../errors.ts";
import type { AmazonClient } from "./client.ts";
import { parse } from "./mapping.ts";
import { TOPICS } from "./notifications.ts";
import { queueArn, queueUrl } from "./queue.ts";

/**
 * The seller's subscriptions, which all lead into the app's queue of the region: there is no address or secret of a connection's
 * own. `url` is therefore the queue's ARN, whatever the caller asks for, and `active` says whether a subscription still leads
 * there. null: the operator has no queue for this region, so orders are only polled.
 */
export function subscriptionManager(client: AmazonClient, app: AppSettings | undefined): WebhookManager | null {
	const url = app === undefined ? null : queueUrl(app, client.region);
	if (url === null) return null;
	const arn = queueArn(url);
	const find = finderOf(client, arn);
	const toRemote = (topic: string, subscription: Subscription, destinationId: string | null): RemoteWebhook => {
		const active = subscription.destinationId === destinationId && subscription.payloadVersion === PAYLOAD_VERSION;
		return {
			id: `${topic}/${subscription.subscriptionId}`,
			topic,
			url: active ? arn : `destination:${subscription.destinationId}`,
			active,
		};
	};

	return {
		topics: TOPICS,
		async list() {
			const found: RemoteWebhook[] = [];
			const destinationId = await find(false);
			for (const topic of TOPICS) {
				for (const subscription of await subscriptionsOf(client, topic)) found.push(toRemote(topic, subscription, destinationId));
			}
			return found;
		},
		async create({ topic }) {
			const destinationId = await find(true);
			const body = {
				payloadVersion: PAYLOAD_VERSION,
				destinationId,
				...(topic === "ORDER_CHANGE" ? { processingDirective: ORDER_FILTER } : {}),
			};
			try {
				const { value } = await client.exchange({
					operation: "createSubscription",
					method: "POST",
					path: `/notifications/v1/subscriptions/${encodeURIComponent(topic)}`,
					body,
				});
				return toRemote(topic, parse(createdSchema, value, "subscription").payload, destinationId);
			} catch (error) {
				// "409: the resource specified conflicts with the current state": another run was faster, and what it made is as good.
				if (!(error instanceof ConflictError)) throw error;
				const made = (await subscriptionsOf(client, topic)).map((one) => toRemote(topic, one, destinationId)).find(({ active }) => active);
				if (made === undefined) throw error;
				return made;
			}
		},
		async remove(id) {
			const at = id.indexOf("/");
			try {
				await client.exchange({
					operation: "deleteSubscriptionById",
					method: "DELETE",
					path: `/notifications/v1/subscriptions/${encodeURIComponent(id.slice(0, at))}/${encodeURIComponent(id.slice(at + 1))}`,
					grantless: true,
				});
			} catch (error) {
				if (!(error instanceof ChannelError) || error.httpStatus !== 404) throw error;
			}
		},
	};
}

const PAYLOAD_VERSION = "1.0";

/** Tips change no stock. */
const ORDER_FILTER = {
	eventFilter: { eventFilterType: "ORDER_CHANGE", orderChangeTypes: ["OrderStatusChange", "BuyerRequestedChange"] },
};

async function subscriptionsOf(client: AmazonClient, topic: string): Promise<Subscription[]> {
	const found: Subscription[] = [];
	let nextToken: string | undefined;
	for (let page = 0; page < PAGES_MAX; page++) {
		const answer = await client.get("getSubscriptions", "/notifications/v1/subscriptions", {
			notificationTypes: [topic],
			pageSize: PAGE_SIZE,
			nextToken,
		});
		const { payload } = parse(subscriptionsSchema, answer, "list of subscriptions");
		found.push(...(payload?.subscriptions ?? []));
		nextToken = payload?.nextToken || undefined;
		if (nextToken === undefined) break;
	}
	return found;
}
const PAGE_SIZE = 100;
/** A seller has one subscription per type and filter of ours. */
const PAGES_MAX = 10;

/** The app's destination for the queue: found by its ARN, made where there is none (once per region, by whoever needs it first). */
function finderOf(client: AmazonClient, arn: string) {
	const path = "/notifications/v1/destinations";
	const look = async (): Promise<string | null> => {
		const { value } = await client.exchange({ operation: "getDestinations", method: "GET", path, grantless: true });
		const { payload } = parse(destinationsSchema, value, "list of destinations");
		return payload?.find(({ resource }) => resource.sqs?.arn === arn)?.destinationId ?? null;
	};
	let known: string | null = null;
	function find(make: true): Promise<string>;
	function find(make: false): Promise<string | null>;
	async function find(make: boolean): Promise<string | null> {
		known ??= await look();
		if (known !== null || !make) return known;
		const body = { name: arn.slice(arn.lastIndexOf(":") + 1), resourceSpecification: { sqs: { arn } } };
		try {
			const { value } = await client.exchange({ operation: "createDestination", method: "POST", path, body, grantless: true });
			known = parse(destinationSchema, value, "destination").payload.destinationId;
		} catch (error) {
			if (!(error instanceof ConflictError)) throw error;
			known = await look();
			if (known === null) throw error;
		}
		return known;
	}
	return find;
}

const id = z.string().min(1).max(200);
const subscriptionSchema = z.object({ subscriptionId: id, payloadVersion: z.string().max(50), destinationId: z.string().max(200) });
type Subscription = z.infer<typeof subscriptionSchema>;
const subscriptionsSchema = z.object({
	payload: z.object({ subscriptions: z.array(subscriptionSchema).default([]), nextToken: z.string().max(4096).nullish() }).nullish(),
});
const createdSchema = z.object({ payload: subscriptionSchema });
const destination = z.object({ destinationId: id, resource: z.object({ sqs: z.object({ arn: z.string() }).nullish() }) });
const destinationsSchema = z.object({ payload: z.array(destination).nullish() });
const destinationSchema = z.object({ payload: z.object({ destinationId: id }) });
