import { type Answer, BadRequest, CANNOT_PARSE, type Call, failure, ok, type Route } from "../api.ts";
import { type Listing, listingOf } from "../state.ts";
import { DATASETS, listingView, statusOf } from "../views/listing.ts";

const PAGE_MAX = 20;
const IDENTIFIERS_MAX = 20;
/** A search gives no more than this (docs listings-items-api; ../shared/channels/amazon.md section 3.3). */
const RESULTS_MAX = 1_000;
const IDENTIFIER_TYPES = ["ASIN", "EAN", "FNSKU", "GTIN", "ISBN", "JAN", "MINSAN", "SKU", "UPC"];

export const listingRoutes: readonly Route[] = [
	{
		operation: "getListingsItem",
		method: "GET",
		path: /^\/listings\/2021-08-01\/items\/([^/]+)\/([^/]+)$/,
		caller: "seller",
		run: read,
	},
	{ operation: "searchListingsItems", method: "GET", path: /^\/listings\/2021-08-01\/items\/([^/]+)$/, caller: "seller", run: search },
];

/** The store must be one of the seller's, and the seller the token's. */
export function readPlaces({ seller, query, path }: Call): string[] {
	const places = query.list("marketplaceIds");
	if (!places) throw new BadRequest(CANNOT_PARSE, "marketplaceIds is missing.");
	const unknown = places.find((id) => !seller.marketplaces.some((m) => m.id === id));
	if (unknown !== undefined) throw new BadRequest(`Invalid marketplace: ${unknown}`);
	if (path[0] !== seller.id) throw new BadRequest(`Invalid sellerId: ${path[0]}`);
	return places;
}

export const notFound = (sku: string, places: readonly string[]) =>
	failure(404, "NOT_FOUND", `SKU '${sku}' not found in marketplace ${places.join(", ")}`);

function read(call: Call): Answer {
	const places = readPlaces(call);
	const sku = call.path[1] ?? "";
	const datasets = call.query.list("includedData", { known: DATASETS }) ?? ["summaries"];
	const listings = places.flatMap((id) => listingOf(call.seller, id, sku) ?? []);
	return listings.length === 0 ? notFound(sku, places) : ok(listingView(call.seller, sku, listings, datasets));
}

function search(call: Call): Answer {
	const { seller, query } = call;
	const places = readPlaces(call);
	const datasets = query.list("includedData", { known: DATASETS }) ?? ["summaries"];
	const identifiers = query.list("identifiers", { max: IDENTIFIERS_MAX });
	const type = query.list("identifiersType", { known: IDENTIFIER_TYPES })?.[0];
	if (identifiers && !type) throw new BadRequest(CANNOT_PARSE, "identifiersType is required when identifiers is provided.");
	const pageSize = query.whole("pageSize", { min: 1, max: PAGE_MAX, otherwise: 10 });
	const bySku = new Map<string, Listing[]>();
	for (const listing of seller.listings.values()) {
		if (!places.includes(listing.marketplace.id)) continue;
		bySku.set(listing.sku, [...(bySku.get(listing.sku) ?? []), listing]);
	}
	const wanted = filters(call);
	const found = [...bySku].filter(([sku, listings]) => {
		if (identifiers && type === "SKU" && !identifiers.includes(sku)) return false;
		if (identifiers && type === "ASIN" && !listings.some((l) => identifiers.includes(l.asin))) return false;
		if (identifiers && type !== "SKU" && type !== "ASIN") return false;
		return listings.some(wanted);
	});
	const sign = query.list("sortOrder", { known: ["ASC", "DESC"] })?.[0] === "ASC" ? 1 : -1;
	const by = query.list("sortBy", { known: ["sku", "createdDate", "lastUpdatedDate"] })?.[0] ?? "lastUpdatedDate";
	const key = ([sku, [first]]: [string, Listing[]]) =>
		by === "sku" ? sku : Number(by === "createdDate" ? first?.createdAt : first?.updatedAt);
	found.sort((a, b) => {
		const [x, y] = [key(a), key(b)];
		return (x < y ? -1 : x > y ? 1 : a[0] < b[0] ? -1 : 1) * sign;
	});
	const offset = readToken(query.one("pageToken"));
	const end = Math.min(offset + pageSize, found.length, RESULTS_MAX);
	const pagination = {
		...(end < Math.min(found.length, RESULTS_MAX) ? { nextToken: writeToken(end) } : {}),
		...(offset > 0 ? { previousToken: writeToken(Math.max(0, offset - pageSize)) } : {}),
	};
	return ok({
		numberOfResults: found.length,
		...(Object.keys(pagination).length > 0 ? { pagination } : {}),
		items: found.slice(offset, end).map(([sku, listings]) => listingView(seller, sku, listings, datasets)),
	});
}

function filters({ seller, query }: Call): (listing: Listing) => boolean {
	const [createdAfter, createdBefore] = [query.moment("createdAfter"), query.moment("createdBefore")];
	const [updatedAfter, updatedBefore] = [query.moment("lastUpdatedAfter"), query.moment("lastUpdatedBefore")];
	const known = ["BUYABLE", "DISCOVERABLE"];
	const [having, lacking] = [query.list("withStatus", { known }), query.list("withoutStatus", { known })];
	const severities = query.list("withIssueSeverity", { known: ["WARNING", "ERROR"] });
	return (listing) => {
		const status = statusOf(seller, listing);
		return (
			(createdAfter === undefined || listing.createdAt >= createdAfter) &&
			(createdBefore === undefined || listing.createdAt <= createdBefore) &&
			(updatedAfter === undefined || listing.updatedAt >= updatedAfter) &&
			(updatedBefore === undefined || listing.updatedAt <= updatedBefore) &&
			(!having || having.every((s) => status.includes(s))) &&
			!lacking?.some((s) => status.includes(s)) &&
			(!severities || listing.issues.some((issue) => severities.includes(issue.severity)))
		);
	};
}

const writeToken = (offset: number) => Buffer.from(`from ${offset}`).toString("base64url");
function readToken(token: string | undefined): number {
	if (token === undefined) return 0;
	const offset = /^from (\d+)$/.exec(Buffer.from(token, "base64url").toString())?.[1];
	if (offset === undefined) throw new BadRequest(CANNOT_PARSE, "pageToken is unknown.");
	return Number(offset);
}
