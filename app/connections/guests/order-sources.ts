import { ChannelError } from "#app/channels/errors.ts";
import { channel as channelOf } from "#channels";
import type { OrderOrigin } from "../../channels/channel.ts";
import type { Deps } from "../deps.ts";
import { openClient } from "../open-client.ts";

/** As far back as an app may read orders without asking Shopify for more. */
export const SOURCE_DAYS = 60;
/** The newest ones, 25 requests: who copies orders all the time is among them. */
const ORDERS_MAX = 5_000;
const SOURCES_MAX = 20;
const TAGS_MAX = 3;

/** What Shopify's own orders of the last weeks say of other apps that write orders there (R43). */
export type OrderSources =
	/** `complete` false: there are more than were looked through. `numbersKnown`: the channel's numbers look like no others. */
	| { outcome: "looked"; orders: number; complete: boolean; numbersKnown: boolean; sources: OrderSource[] }
	/** `reason` is for the merchant. */
	| { outcome: "failed"; reason: string };
export type OrderSource = {
	app: string | null;
	/** What it calls itself in its orders; by this its later orders are known. */
	name: string | null;
	orders: number;
	/** Of them, those with a number of this channel (or, where its numbers look like any other, with a number at all). */
	numbered: number;
	/** Such a number stands somewhere else in them (name, tags), where a copy is not recognised by it. */
	numberedElsewhere: number;
	/** Tags that at least half of them carry. */
	tags: string[];
	/** Shopify's name of the newest, so that the merchant can look at one. */
	newest: string;
};

/**
 * Reads who wrote Shopify's newest orders. It only tells: what is done with copies is the merchant's answer (mirrored.ts). A look
 * that fails leaves the question as it is, and can be repeated.
 */
export async function readOrderSources(deps: Deps, shopId: number, connectionId: number): Promise<OrderSources> {
	const { rows } = await deps.pool.query<{ id: number; channel: string }>(
		`SELECT home.id, guest.channel FROM connection guest JOIN connection home ON home.shop_id = guest.shop_id AND home.is_home
		 WHERE guest.shop_id = $1 AND guest.id = $2`,
		[shopId, connectionId],
	);
	const place = rows[0];
	if (!place) return { outcome: "failed", reason: "The channel was disconnected." };
	const { client } = await openClient(deps, shopId, place.id);
	try {
		const { orderNumber } = channelOf(place.channel);
		const numbersKnown = orderNumber !== undefined;
		if (!client.home?.listOrderOrigins) return { outcome: "looked", orders: 0, complete: true, numbersKnown, sources: [] };
		const since = new Date(Date.now() - SOURCE_DAYS * 86_400_000).toISOString();
		const origins: OrderOrigin[] = [];
		let complete = true;
		for await (const page of client.home.listOrderOrigins({ since })) {
			if (origins.length + page.length > ORDERS_MAX) complete = false;
			origins.push(...page.slice(0, ORDERS_MAX - origins.length));
			if (!complete) break;
		}
		return { outcome: "looked", orders: origins.length, complete, numbersKnown, sources: groupOrigins(origins, orderNumber) };
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		return { outcome: "failed", reason: error.message };
	} finally {
		await client.close();
	}
}

/**
 * By app and the name it gives itself, most orders first. Shopify's own ways of selling are left out, unless an order of them
 * carries a number of this channel.
 */
export function groupOrigins(origins: readonly OrderOrigin[], number: RegExp | undefined): OrderSource[] {
	const groups = new Map<string, OrderOrigin[]>();
	for (const origin of origins) {
		const key = JSON.stringify([origin.app, origin.source]);
		groups.set(key, [...(groups.get(key) ?? []), origin]);
	}
	// A copy is found by just that number (apply/decide/mirror.ts); with a "#" before it, it is the channel's and of no use.
	const isNumber = (text: string) => number?.test(text.replace(/^#/, "")) ?? false;
	return [...groups.values()]
		.map((group): OrderSource & { isOwn: boolean } => {
			const [newest] = group as [OrderOrigin];
			const numbered = group.filter((one) => one.number !== null && (number === undefined || number.test(one.number)));
			const elsewhere = group.filter((one) => !numbered.includes(one) && [one.name, one.number ?? "", ...one.tags].some(isNumber));
			return {
				app: newest.app,
				name: newest.source,
				orders: group.length,
				numbered: numbered.length,
				numberedElsewhere: elsewhere.length,
				tags: commonTags(group),
				newest: newest.name,
				isOwn: newest.isOwn,
			};
		})
		.filter(({ isOwn, numbered, numberedElsewhere }) => !isOwn || (number !== undefined && numbered + numberedElsewhere > 0))
		.sort((a, b) => b.orders - a.orders)
		.slice(0, SOURCES_MAX)
		.map(({ isOwn: _, ...source }) => source);
}

function commonTags(group: readonly OrderOrigin[]): string[] {
	const counts = new Map<string, number>();
	for (const tag of group.flatMap(({ tags }) => [...new Set(tags)])) counts.set(tag, (counts.get(tag) ?? 0) + 1);
	return [...counts]
		.filter(([, count]) => count > 1 && count * 2 >= group.length)
		.sort((a, b) => b[1] - a[1])
		.slice(0, TAGS_MAX)
		.map(([tag]) => tag);
}
