import { z } from "zod";
import type { RemoteListing } from "../channel.ts";
import type { WooClient } from "./client.ts";
import { parse, productSchema, stockOf } from "./mapping.ts";
import { gmt } from "./orders.ts";

/**
 * The catalogue, page by page. A listing is whatever has stock of its own: a product, or a variation that counts for itself.
 * A variation that takes its parent's stock is listed too, as sold from its parent (`soldFrom`): orders name the variation, the
 * pieces are the parent's, and only the parent can be written. A variable product is a listing only if some variation sells
 * from it. Grouped and external products have nothing of their own to sell.
 *
 * Products are walked by id: a list by id only grows at its end. Stock that WooCommerce itself changes moves the product's
 * stamp (a variation's also its parent's), so `modifiedAfter` finds all of it; changes by plugins in SQL it does not.
 */
export async function* listListings(client: WooClient, options: { modifiedAfter?: string } = {}): AsyncGenerator<RemoteListing[]> {
	const changed = options.modifiedAfter ? { modified_after: gmt(Date.parse(options.modifiedAfter) - SECOND_MS), dates_are_gmt: true } : {};
	for await (const page of client.pages("listings.list", "/products", { ...changed, orderby: "id", order: "asc", _fields: FIELDS })) {
		const listings: RemoteListing[] = [];
		for (const item of page.items) {
			const product = parse(catalogueSchema, item, "product");
			if (NOTHING_TO_SELL.has(product.type)) continue;
			if (product.variations.length === 0) listings.push({ ...listingOf(product), ...stockOf(product) });
			else listings.push(...(await variationsOf(client, product)));
		}
		if (listings.length > 0) yield listings;
	}
}

const SECOND_MS = 1000;
const FIELDS = "id,type,parent_id,sku,global_unique_id,name,manage_stock,stock_quantity,variations,attributes";
const NOTHING_TO_SELL = new Set(["grouped", "external"]);

async function variationsOf(client: WooClient, parent: Catalogue): Promise<RemoteListing[]> {
	const listings: RemoteListing[] = [];
	let sellsFromParent = false;
	const pages = client.pages("listings.variations", `/products/${parent.id}/variations`, { orderby: "id", order: "asc", _fields: FIELDS });
	for await (const page of pages) {
		for (const item of page.items) {
			const variation = parse(catalogueSchema, item, "variation");
			const options = variation.attributes.map((attribute) => attribute.option ?? "").filter(Boolean);
			const listing = {
				...listingOf(variation),
				parentExternalId: String(parent.id),
				title: options.length > 0 ? `${parent.name} - ${options.join(", ")}` : parent.name,
			};
			if (variation.manage_stock === "parent") {
				sellsFromParent = true;
				listings.push({ ...listing, quantity: null, managed: false, soldFrom: String(parent.id) });
			} else listings.push({ ...listing, ...stockOf(variation) });
		}
	}
	return sellsFromParent ? [{ ...listingOf(parent), ...stockOf(parent) }, ...listings] : listings;
}

const listingOf = (product: Catalogue): Omit<RemoteListing, "quantity" | "managed"> => ({
	externalId: String(product.id),
	parentExternalId: null,
	sku: product.sku || null,
	barcode: product.global_unique_id || null,
	title: product.name,
});

const catalogueSchema = productSchema.extend({
	type: z.string().default("simple"),
	sku: z.string().nullish(),
	/** GTIN, UPC, EAN or ISBN; since WooCommerce 9.2. */
	global_unique_id: z.string().nullish(),
	name: z.string().default(""),
	variations: z.array(z.number()).default([]),
	attributes: z.array(z.object({ option: z.string().nullish() })).default([]),
});
type Catalogue = z.infer<typeof catalogueSchema>;
