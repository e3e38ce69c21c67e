import { z } from "zod";
import type { HomeItem, HomeLocation, HomeReading } from "#domain";
import type { HomeClient } from "../channel.ts";
import { UnexpectedShapeError } from "../errors.ts";
import { adjust } from "./adjust.ts";
import { createCatalogueExport } from "./catalogue-export.ts";
import type { GraphqlClient } from "./client.ts";
import { gidOf, toGid } from "./ids.ts";
import { type InventoryLevel, inventoryItem, inventoryLevel, productVariant, toHomeItem, toReading } from "./items.ts";
import { LIST_LOCATIONS } from "./operations/list-locations.ts";
import { ITEMS_PER_READ, READ_LEVELS, READ_MORE_LEVELS } from "./operations/read-levels.ts";
import { READ_PRODUCT } from "./operations/read-product.ts";
import { listOrderOrigins } from "./order-origins.ts";
import { pageInfo, pagesOf } from "./pages.ts";
import { startWorkflows } from "./workflows.ts";

export function createHomeClient(client: GraphqlClient): HomeClient {
	return {
		adjust: (batch) => adjust(client, batch),
		readLevels: (itemExternalIds) => readLevels(client, itemExternalIds),
		readProduct: (productExternalId) => readProduct(client, productExternalId),
		listLocations: () => listLocations(client),
		catalogue: createCatalogueExport(client),
		listOrderOrigins: (options) => listOrderOrigins(client, options),
		startWorkflows: (event) => startWorkflows(client, event),
	};
}

/** Read one request after the other: a reading's `askedAt` says what it contains, and must not be earlier than needed. */
async function readLevels(client: GraphqlClient, ids: readonly string[]): Promise<{ readings: HomeReading[]; items: HomeItem[] }> {
	const readings: HomeReading[] = [];
	const items: HomeItem[] = [];
	for (let start = 0; start < ids.length; start += ITEMS_PER_READ) {
		const chunk = ids.slice(start, start + ITEMS_PER_READ);
		const { data, askedAt } = await client.run({
			operation: "inventory.read-levels",
			document: READ_LEVELS,
			variables: { ids: chunk.map((id) => toGid("InventoryItem", id)) },
			schema: levelsAnswer,
			cost: chunk.length * COST_PER_ITEM,
		});
		for (const node of data.nodes) {
			if (node === null) continue;
			items.push(toHomeItem(node, node.variants?.nodes[0] ?? null));
			readings.push(...toReadings(node.inventoryLevels.nodes, askedAt));
			if (node.inventoryLevels.pageInfo.hasNextPage)
				readings.push(...(await readMoreLevels(client, node.id, node.inventoryLevels.pageInfo.endCursor)));
		}
	}
	return { readings, items };
}

/** The levels beyond the first page: of an item at more than ten locations. */
async function readMoreLevels(client: GraphqlClient, itemExternalId: string, from: string | null): Promise<HomeReading[]> {
	const id = toGid("InventoryItem", itemExternalId);
	const pages = pagesOf(async (after) => {
		const variables = { id, after: after ?? from };
		const call = {
			operation: "inventory.read-more-levels",
			document: READ_MORE_LEVELS,
			variables,
			schema: moreLevelsAnswer,
			cost: COST_PER_PAGE,
		};
		const { data, askedAt } = await client.run(call);
		return data.inventoryItem && { page: data.inventoryItem.inventoryLevels, askedAt };
	});
	const readings: HomeReading[] = [];
	for await (const { page, askedAt } of pages) readings.push(...toReadings(page.nodes, askedAt));
	return readings;
}
/** One item, its variant and product, ten levels with their locations. */
const COST_PER_ITEM = 27;
/** A page of a hundred nodes with a node or two below each. */
const COST_PER_PAGE = 305;

function toReadings(levels: readonly InventoryLevel[], askedAt: string): HomeReading[] {
	return levels.map((level) => {
		const reading = toReading(level, askedAt);
		if (reading === null) throw new UnexpectedShapeError(`inventory.read-levels: the level ${level.id} says nothing of "available"`);
		return reading;
	});
}

/** null: no such product (any more). */
async function readProduct(client: GraphqlClient, productExternalId: string): Promise<HomeItem[] | null> {
	const id = toGid("Product", productExternalId);
	const pages = pagesOf(async (after) => {
		const call = {
			operation: "products.read",
			document: READ_PRODUCT,
			variables: { id, after },
			schema: productAnswer,
			cost: COST_PER_PAGE,
		};
		const { data } = await client.run(call);
		return data.product && { page: data.product.variants };
	});
	let items: HomeItem[] | null = null;
	for await (const { page } of pages)
		items = [...(items ?? []), ...page.nodes.map((variant) => toHomeItem(variant.inventoryItem, variant))];
	return items;
}

async function listLocations(client: GraphqlClient): Promise<HomeLocation[]> {
	const pages = pagesOf(async (after) => {
		const call = {
			operation: "locations.list",
			document: LIST_LOCATIONS,
			variables: { after },
			schema: locationsAnswer,
			cost: COST_PER_PAGE,
		};
		return { page: (await client.run(call)).data.locations };
	});
	const locations: HomeLocation[] = [];
	for await (const { page } of pages) {
		for (const node of page.nodes) {
			locations.push({
				v: 1,
				type: "home.location",
				locationExternalId: node.id,
				name: node.name,
				active: node.isActive,
				fulfillsOnline: node.fulfillsOnlineOrders,
				fulfillmentService: node.isFulfillmentService,
			});
		}
	}
	return locations;
}

const levelPage = z.object({ pageInfo, nodes: z.array(inventoryLevel) });
const levelsAnswer = z.object({
	nodes: z.array(
		inventoryItem.extend({ variants: z.object({ nodes: z.array(productVariant) }).nullable(), inventoryLevels: levelPage }).nullable(),
	),
});
const moreLevelsAnswer = z.object({ inventoryItem: z.object({ inventoryLevels: levelPage }).nullable() });
const variantPage = z.object({ pageInfo, nodes: z.array(productVariant.extend({ inventoryItem })) });
const productAnswer = z.object({ product: z.object({ id: z.string(), variants: variantPage }).nullable() });
const locationPage = z.object({
	pageInfo,
	nodes: z.array(
		z.object({
			id: gidOf("Location"),
			name: z.string(),
			isActive: z.boolean(),
			fulfillsOnlineOrders: z.boolean(),
			isFulfillmentService: z.boolean(),
		}),
	),
});
const locationsAnswer = z.object({ locations: locationPage });
