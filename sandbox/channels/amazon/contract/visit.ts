import { afterEach } from "vitest";
import { createStage, type Stage, US } from "./stage.ts";

/** One account with some tea per test, closed after it, and what an app does to its offers. */
export let stage: Stage;
export const open = async (...how: Parameters<typeof createStage>) => {
	stage = await createStage(...how);
	return stage;
};
afterEach(() => stage.close());

export const TEA = { sku: "TEA", title: "Green tea", price: "5.00", quantity: 10, leadTimeDays: 3 };
export const item = (sku: string, query = "") =>
	`/listings/2021-08-01/items/${stage.seller.id}/${encodeURIComponent(sku)}?marketplaceIds=${US}${query}`;
export const read = (sku: string, data = "summaries,fulfillmentAvailability,issues,attributes") =>
	stage.api("GET", item(sku, `&includedData=${data}`));
export const availability = (quantity: unknown, more: Record<string, unknown> = {}) => [
	{ fulfillment_channel_code: "DEFAULT", quantity, ...more },
];
export const patch = (
	sku: string,
	value: unknown,
	{ op = "merge", query = "", productType = "PRODUCT", path = "/attributes/fulfillment_availability" } = {},
) => stage.api("PATCH", item(sku, query), { body: { productType, patches: [{ op, path, value }] } });
export const figure = async (sku: string) => (await read(sku)).json.fulfillmentAvailability[0].quantity;
export const rules = () => stage.world.books.violations("amazon").map(({ rule }) => rule);
