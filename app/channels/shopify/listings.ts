import { z } from "zod";
import type { RemoteListing, StockReading } from "../channel.ts";
import type { GraphqlClient } from "./client.ts";
import { createHomeClient } from "./home.ts";
import { inventoryItem, productVariant, toHomeItem } from "./items.ts";
import { LIST_VARIANTS } from "./operations/list-variants.ts";
import { pageInfo, pagesOf } from "./pages.ts";

/** Home's catalogue in the words that every channel has; an item is one listing, its figure the sum over its locations. */
export async function* listListings(
	client: GraphqlClient,
	{ modifiedAfter }: { modifiedAfter?: string } = {},
): AsyncGenerator<RemoteListing[]> {
	const query = modifiedAfter === undefined ? null : `updated_at:>='${modifiedAfter}'`;
	const pages = pagesOf(async (after) => {
		const call = { operation: "products.list", document: LIST_VARIANTS, variables: { after, query }, schema: answer, cost: COST_PER_PAGE };
		return { page: (await client.run(call)).data.productVariants };
	});
	for await (const { page } of pages) {
		yield page.nodes.map((variant) => {
			const item = toHomeItem(variant.inventoryItem, variant);
			return {
				externalId: item.itemExternalId,
				parentExternalId: item.productExternalId,
				sku: item.sku,
				barcode: item.barcode,
				title: item.title,
				quantity: item.tracked ? variant.inventoryQuantity : null,
				managed: item.tracked,
			};
		});
	}
}
/** A hundred variants, each with its product and item. */
const COST_PER_PAGE = 305;

export async function readStock(client: GraphqlClient, ids: readonly string[]): Promise<(StockReading | null)[]> {
	const { items, readings } = await createHomeClient(client).readLevels(ids);
	const known = new Map(items.map((item) => [item.itemExternalId, item]));
	return ids.map((externalId) => {
		const item = known.get(externalId);
		if (item === undefined) return null;
		const quantity = readings.filter((r) => r.itemExternalId === externalId && r.stocked).reduce((sum, r) => sum + r.quantity, 0);
		return { externalId, quantity: item.tracked ? quantity : null, managed: item.tracked };
	});
}

const answer = z.object({
	productVariants: z.object({ pageInfo, nodes: z.array(productVariant.extend({ inventoryItem, inventoryQuantity: z.int().nullable() })) }),
});
