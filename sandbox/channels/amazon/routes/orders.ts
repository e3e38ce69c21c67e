import { type Answer, BadRequest, CANNOT_PARSE, type Call, failure, ok, type Route } from "../api.ts";
import { iso, violation } from "../realm.ts";
import { newest, type Order, type OrderVersion, versionAt } from "../state.ts";
import { DATASETS, orderView, PERSONAL_DATASETS } from "../views/order.ts";

/** `lastUpdatedBefore` and `createdBefore` must be at least so far in the past (models/orders_2026-01-01.json). */
const SETTLED_MS = 2 * 60_000;
/** Tokens of a search live so long (the model's `Pagination`). */
const TOKEN_MS = 24 * 3_600_000;
const PAGE_MAX = 100;
const STATUSES = ["PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED", "UNFULFILLABLE"];

type Search = { rest: string; until: number; after: string; expiresAt: number };

export function orderRoutes(): readonly Route[] {
	const searches = new Map<string, Search>();
	return [
		{
			operation: "searchOrders",
			method: "GET",
			path: /^\/orders\/2026-01-01\/orders$/,
			caller: "seller",
			run: (call) => search(call, searches),
		},
		{ operation: "getOrder", method: "GET", path: /^\/orders\/2026-01-01\/orders\/([^/]+)$/, caller: "seller", run: read },
	];
}

type Found = { order: Order; version: OrderVersion };

function search(call: Call, searches: Map<string, Search>): Answer {
	const { realm, seller, query } = call;
	const now = realm.world.clock.now();
	const window = readWindow(call, now);
	const places = query.list("marketplaceIds", { max: 50 });
	const statuses = query.list("fulfillmentStatuses", { known: STATUSES });
	const fulfilledBy = query.list("fulfilledBy", { known: ["MERCHANT", "AMAZON"] });
	const perPage = query.whole("maxResultsPerPage", { min: 1, max: PAGE_MAX, otherwise: PAGE_MAX });
	const datasets = query.list("includedData", { known: DATASETS }) ?? [];
	const refused = personalData(call, datasets);
	if (refused) return refused;

	const token = query.one("paginationToken");
	const rest = query.rest(["paginationToken", "maxResultsPerPage", "includedData"]);
	const before = token === undefined ? null : searches.get(token);
	if (before === undefined || (before && (before.rest !== rest || now > before.expiresAt))) {
		throw new BadRequest(CANNOT_PARSE, "paginationToken is unknown, too old, or of another search.");
	}
	// Nobody sees what happened a moment ago: an order that changed since then is shown as it was (docs, "two minutes").
	const until = before?.until ?? Math.min(window.until ?? now, now - realm.settings.searchLagMs);
	const found: Found[] = [];
	for (const order of seller.orders.values()) {
		const version = versionAt(order, until);
		if (!version) continue;
		const at = window.by === "created" ? order.createdAt : version.at;
		if (floorSecond(at) < floorSecond(window.after)) continue;
		if (places && !places.includes(order.marketplace.id)) continue;
		if (fulfilledBy && !fulfilledBy.includes(order.fulfilledBy)) continue;
		if (statuses && !statuses.includes(version.status)) continue;
		found.push({ order, version });
	}
	const place = ({ order, version }: Found) => `${iso(window.by === "created" ? order.createdAt : version.at)} ${order.id}`;
	found.sort((a, b) => (place(a) < place(b) ? -1 : 1));
	const left = before ? found.filter((one) => place(one) > before.after) : found;
	const page = left.slice(0, perPage);
	const last = page.at(-1);
	const next = left.length > page.length && last ? realm.letters(40) : null;
	if (next && last) searches.set(next, { rest, until, after: place(last), expiresAt: now + TOKEN_MS });
	return ok({
		orders: page.map(({ order, version }) => orderView(order, version, datasets, realm.settings)),
		...(next ? { pagination: { nextToken: next } } : {}),
		...(window.by === "created" ? { createdBefore: iso(until) } : { lastUpdatedBefore: iso(until) }),
	});
}

/** Exactly one of the two `…After`, and only its own `…Before`, which must be settled. */
function readWindow({ query }: Call, now: number): { by: "created" | "updated"; after: number; until: number | undefined } {
	const [created, updated] = [query.moment("createdAfter"), query.moment("lastUpdatedAfter")];
	const [createdBefore, updatedBefore] = [query.moment("createdBefore"), query.moment("lastUpdatedBefore")];
	if ((created === undefined) === (updated === undefined)) {
		throw new BadRequest("Invalid Input", "Exactly one of createdAfter and lastUpdatedAfter must be provided.");
	}
	const by = created === undefined ? "updated" : "created";
	if ((by === "created" ? updatedBefore : createdBefore) !== undefined) {
		throw new BadRequest("Invalid Input", "createdBefore and lastUpdatedBefore belong to createdAfter and lastUpdatedAfter.");
	}
	const after = (by === "created" ? created : updated) ?? 0;
	const until = by === "created" ? createdBefore : updatedBefore;
	if (until !== undefined && (until < after || until > now - SETTLED_MS)) {
		throw new BadRequest("Invalid Input", "The end of the search must be after its beginning and at least two minutes before now.");
	}
	return { by, after, until };
}

function read(call: Call): Answer {
	const { realm, seller, path, query } = call;
	const datasets = query.list("includedData", { known: DATASETS }) ?? [];
	const refused = personalData(call, datasets);
	if (refused) return refused;
	const order = seller.orders.get(path[0] ?? "");
	if (!order) return failure(404, "NotFound", "The requested order does not exist.");
	return ok({ order: orderView(order, newest(order), datasets, realm.settings) });
}

/** Buyers' names and addresses are for applications with a restricted role (docs orders-api-migration-guide). */
function personalData({ realm, channel }: Call, datasets: readonly string[]): Answer | null {
	const personal = datasets.filter((name) => PERSONAL_DATASETS.includes(name));
	if (personal.length === 0) return null;
	violation(realm, channel, "personal data asked for", personal.join(", "));
	return realm.app.personalData
		? null
		: failure(403, "AccessDenied", "The application has no role for the requested data.", personal.join(","));
}

/** Stamps are whole seconds: an order is found by the stamp that it shows. */
const floorSecond = (at: number) => Math.floor(at / 1000);
