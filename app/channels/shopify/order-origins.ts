import { z } from "zod";
import type { OrderOrigin } from "../channel.ts";
import type { GraphqlClient } from "./client.ts";
import { LIST_ORDER_ORIGINS, ORIGINS_PER_PAGE } from "./operations/list-order-origins.ts";
import { pageInfo, pagesOf } from "./pages.ts";

/** Reserved for Shopify's own ways of selling; an app cannot give its orders these (docs: Order, `source_name`). */
const OWN_SOURCES: ReadonlySet<string> = new Set(["web", "pos", "shopify_draft_order", "iphone", "android"]);
/** A page of orders with an app each, and the page itself. */
const COST = ORIGINS_PER_PAGE + 2;

/** Orders that were created since then, newest first, page by page. */
export async function* listOrderOrigins(client: GraphqlClient, { since }: { since: string }): AsyncGenerator<OrderOrigin[]> {
	const pages = pagesOf(async (after) => {
		const call = {
			operation: "orders.list-origins",
			document: LIST_ORDER_ORIGINS,
			variables: { query: `created_at:>='${since}'`, after },
			schema: originsAnswer,
			cost: COST,
		};
		return { page: (await client.run(call)).data.orders };
	});
	for await (const { page } of pages) yield page.nodes.map(toOrigin);
}

const toOrigin = ({ name, sourceName, sourceIdentifier, tags, app }: z.infer<typeof origin>): OrderOrigin => ({
	name,
	source: sourceName || null,
	app: app?.name || null,
	number: sourceIdentifier || null,
	tags,
	isOwn: sourceName ? OWN_SOURCES.has(sourceName) : app === null,
});

const origin = z.object({
	name: z.string(),
	sourceName: z.string().nullable(),
	sourceIdentifier: z.string().nullable(),
	tags: z.array(z.string()),
	app: z.object({ name: z.string() }).nullable(),
});
const originsAnswer = z.object({ orders: z.object({ pageInfo, nodes: z.array(origin) }) });
