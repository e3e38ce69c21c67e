import { z } from "zod";
import type { DeliveryIdentity, RawDelivery, WebhookReceiver } from "../../channel.ts";
import { UnexpectedShapeError } from "../../errors.ts";
import { moment } from "../ids.ts";
import { pick } from "./pick.ts";
import { TOPICS } from "./topics.ts";

/** Webhooks of all shops come to one address, signed with the app's secret over the raw bytes. */
export const webhooks: WebhookReceiver = {
	signature: { header: "x-shopify-hmac-sha256", algorithm: "sha256", encoding: "base64", secret: "app" },
	identify,
	allowList(topic, body) {
		if (typeof body !== "object" || body === null || Array.isArray(body)) throw new UnexpectedShapeError(`${topic}: not a JSON object`);
		return pick(body, topicOf(topic)?.fields ?? []);
	},
	toEvents({ topic, payload, headers }) {
		const known = topicOf(topic);
		if (known === undefined) throw new UnexpectedShapeError(`Shopify sent a topic that is not ours: ${topic}`);
		try {
			return known.toEvents(payload, triggeredAt(headers));
		} catch (error) {
			if (error instanceof z.ZodError) throw new UnexpectedShapeError(`${topic}: ${z.prettifyError(error)}`, { cause: error });
			throw error;
		}
	},
};

/** By own names only: a stranger may say "toString". */
const topicOf = (topic: string) => (Object.hasOwn(TOPICS, topic) ? TOPICS[topic] : undefined);

/** Shopify's next generation of webhooks says the same headers without "X-" (developer preview, mid 2026). */
function header(headers: RawDelivery["headers"], name: string): string | null {
	return headers[`x-shopify-${name}`] ?? headers[`shopify-${name}`] ?? null;
}

function triggeredAt(headers: RawDelivery["headers"]): string | null {
	const parsed = moment.safeParse(header(headers, "triggered-at"));
	return parsed.success ? parsed.data : null;
}

/** null: no topic or shop, so not a webhook of Shopify's. */
function identify({ headers, body }: RawDelivery): DeliveryIdentity | null {
	const topic = header(headers, "topic");
	const account = header(headers, "shop-domain");
	if (topic === null || account === null) return null;
	return {
		topic,
		deliveryId: header(headers, "webhook-id") ?? "",
		resourceId: resourceOf(topic, body),
		account: account.toLowerCase(),
		triggeredAt: triggeredAt(headers),
	};
}

/** "" for what is not JSON or not known: the mapping, not the identity, says what is wrong with it. */
function resourceOf(topic: string, body: Buffer): string {
	const paths = topicOf(topic)?.resource ?? [];
	let parsed: unknown;
	try {
		parsed = JSON.parse(body.toString("utf8"));
	} catch {
		return "";
	}
	return paths
		.map((path) => path.split(".").reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name], parsed))
		.join(":");
}
