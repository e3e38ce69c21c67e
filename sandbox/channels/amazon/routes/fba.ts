import { type Answer, BadRequest, CANNOT_PARSE, type Call, ok, type Route } from "../api.ts";
import { isoSeconds } from "../realm.ts";
import type { FbaStock } from "../state.ts";

const PAGE = 50;
const SKUS_MAX = 50;
/** `nextToken` lives half a minute (models/fbaInventory.json). */
const TOKEN_MS = 30_000;

/** Amazon's own stock of the seller's goods; read only. */
export function fbaRoutes(): readonly Route[] {
	const tokens = new Map<string, { rest: string; offset: number; until: number }>();
	return [
		{
			operation: "getInventorySummaries",
			method: "GET",
			path: /^\/fba\/inventory\/v1\/summaries$/,
			caller: "seller",
			run: (call) => list(call, tokens),
		},
	];
}

function list({ realm, seller, query }: Call, tokens: Map<string, { rest: string; offset: number; until: number }>): Answer {
	const now = realm.world.clock.now();
	const place = query.one("granularityId");
	if (query.one("granularityType") !== "Marketplace" || !place) throw new BadRequest(CANNOT_PARSE, "granularity");
	const [asked] = query.list("marketplaceIds", { max: 1 }) ?? [];
	if (asked !== place || !seller.marketplaces.some((m) => m.id === place)) throw new BadRequest(CANNOT_PARSE, "marketplaceIds");
	const since = query.moment("startDateTime");
	const skus = since === undefined ? query.list("sellerSkus", { max: SKUS_MAX }) : undefined;
	const rest = query.rest(["nextToken"]);
	const token = query.one("nextToken");
	const before = token === undefined ? { rest, offset: 0, until: now } : tokens.get(token);
	if (!before || before.rest !== rest || now > before.until) throw new BadRequest("Invalid Input", "nextToken is unknown or too old.");
	const sold = (stock: FbaStock) => [...seller.listings.values()].some((l) => l.sku === stock.sku && l.marketplace.id === place);
	const found = [...seller.fba.values()].filter(
		(stock) => sold(stock) && (!skus || skus.includes(stock.sku)) && (since === undefined || stock.updatedAt >= since),
	);
	const end = Math.min(before.offset + PAGE, found.length);
	const next = end < found.length ? realm.letters(30) : null;
	if (next) tokens.set(next, { rest, offset: end, until: now + TOKEN_MS });
	const details = query.one("details") === "true";
	return ok({
		payload: {
			granularity: { granularityType: "Marketplace", granularityId: place },
			inventorySummaries: found.slice(before.offset, end).map((stock) => view(stock, details)),
		},
		...(next ? { pagination: { nextToken: next } } : {}),
	});
}

const view = (stock: FbaStock, details: boolean) => ({
	asin: stock.asin,
	fnSku: stock.fnSku,
	sellerSku: stock.sku,
	condition: "NewItem",
	...(details
		? {
				inventoryDetails: {
					fulfillableQuantity: stock.fulfillable,
					inboundWorkingQuantity: 0,
					inboundShippedQuantity: 0,
					inboundReceivingQuantity: 0,
					reservedQuantity: {
						totalReservedQuantity: stock.reserved,
						pendingCustomerOrderQuantity: stock.reserved,
						pendingTransshipmentQuantity: 0,
						fcProcessingQuantity: 0,
					},
					researchingQuantity: { totalResearchingQuantity: 0, researchingQuantityBreakdown: [] },
					unfulfillableQuantity: { totalUnfulfillableQuantity: 0 },
				},
			}
		: {}),
	lastUpdatedTime: isoSeconds(stock.updatedAt),
	productName: stock.title,
	totalQuantity: stock.fulfillable + stock.reserved,
	stores: [],
});
