import { matchListings, readSellables } from "#app/connections/guests/index.ts";
import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { cutPage, readCursor } from "../../components/keyset.ts";

export const TABS = ["exact", "near", "several", "channel-only", "shopify-only", "linked"] as const;
export type Tab = (typeof TABS)[number];
export type Counts = Readonly<Record<Tab, number>>;

/** One listing (or, in "only in Shopify", one product) with what it could be. */
export type MatchRow = {
	/** Of the listing; in "only in Shopify" of the product. */
	id: number;
	sku: string;
	title: string;
	barcode: string;
	/** By what it was found, or what differs. */
	why: string | null;
	candidates: Candidate[];
};
export type Candidate = { itemId: number; sku: string; title: string };
export type MatchingPage = {
	tab: Tab;
	counts: Counts;
	rows: MatchRow[];
	pages: { before: string | null; after: string | null };
	/** The newest linking that can be undone with one press. */
	undo: { auditId: number; linked: boolean; listings: number; at: string } | null;
};
export type MatchingRequest = { tab: Tab | null; query: string; after: string | null; before: string | null };

export const PAGE_SIZE = 50;
/** More candidates than this do not fit a row; the page of one listing shows them all. */
const CANDIDATES_MAX = 3;

export function readMatchingRequest(params: URLSearchParams): MatchingRequest {
	const tab = TABS.find((one) => one === params.get("tab")) ?? null;
	return { tab, query: (params.get("q") ?? "").trim().slice(0, 100), after: params.get("after"), before: params.get("before") };
}

/**
 * One page of the matching. What could be linked is computed from the tables as they are, at each look, so that it is never older than
 * the products: 8,000 listings against 8,000 products take 40 to 130 ms (2026-11-21, two shared cores). The page is cut from that by
 * SKU and id; what is linked already is paged by the database.
 */
export async function readMatching(pool: Pool, shopId: number, connectionId: number, request: MatchingRequest): Promise<MatchingPage> {
	return transaction(
		pool,
		async (tx) => {
			const sellables = await readSellables(tx, shopId, connectionId);
			const { rows: linked } = await tx.query<{ count: number }>(
				"SELECT count(*)::int AS count FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked'",
				[shopId, connectionId],
			);
			const lists = listsOf(sellables);
			const counts: Counts = { ...lists.counts, linked: linked[0]?.count ?? 0 };
			const tab = request.tab ?? TABS.find((one) => counts[one] > 0) ?? "exact";
			const place = { shopId, connectionId, request };
			const page = tab === "linked" ? await readLinked(tx, place) : cutFrom(lists.rowsOf(tab), request);
			return { tab, counts, ...page, undo: await readUndo(tx, shopId, connectionId) };
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

function listsOf({ listings, items, listed }: Awaited<ReturnType<typeof readSellables>>) {
	const matching = matchListings(listings, items, listed);
	const listingById = new Map(listings.map((listing) => [listing.id, listing]));
	const itemById = new Map(items.map((item) => [item.id, item]));
	const candidates = (itemIds: readonly number[]): Candidate[] =>
		itemIds.slice(0, CANDIDATES_MAX).map((itemId) => {
			const item = itemById.get(itemId);
			return { itemId, sku: item?.sku ?? "", title: item?.title ?? "" };
		});
	const row = (id: number, why: string | null, itemIds: readonly number[], of: "listing" | "item" = "listing"): MatchRow => {
		const thing = (of === "listing" ? listingById : itemById).get(id);
		return { id, sku: thing?.sku ?? "", title: thing?.title ?? "", barcode: thing?.barcode ?? "", why, candidates: candidates(itemIds) };
	};
	const rowsOf = (tab: Exclude<Tab, "linked">): MatchRow[] => {
		switch (tab) {
			case "exact":
				return matching.exact.map((match) => row(match.listingId, `Same ${wordOf(match.by)}`, [match.itemId]));
			case "near":
				return matching.near.map((near) => row(near.listingId, `${wordOf(near.by)} differs in ${near.difference}`, near.itemIds));
			case "several":
				return matching.ambiguous.map((many) =>
					row(
						many.listingId,
						many.by === "both" ? "SKU and barcode name two products" : `Several with this ${wordOf(many.by)}`,
						many.itemIds,
					),
				);
			case "channel-only":
				return matching.missingAtHome.map((id) => row(id, null, []));
			case "shopify-only":
				return matching.missingOnChannel.map((id) => row(id, null, [], "item"));
		}
	};
	const counts = {
		exact: matching.exact.length,
		near: matching.near.length,
		several: matching.ambiguous.length,
		"channel-only": matching.missingAtHome.length,
		"shopify-only": matching.missingOnChannel.length,
	};
	return { counts, rowsOf };
}

const wordOf = (by: "sku" | "barcode" | "both") => (by === "barcode" ? "barcode" : "SKU");

type Page = Pick<MatchingPage, "rows" | "pages">;

function cutFrom(all: MatchRow[], { query, after, before }: MatchingRequest): Page {
	const wanted = query.toLowerCase();
	const found = all.filter(({ sku, title, barcode }) => [sku, title, barcode].some((text) => text.toLowerCase().includes(wanted)));
	found.sort(inOrder);
	const [from, to] = [readCursor(after, CURSOR), readCursor(before, CURSOR)];
	const rows = to
		? found.filter((one) => inOrder(one, { sku: String(to[0]), id: Number(to[1]) }) < 0).reverse()
		: from
			? found.filter((one) => inOrder(one, { sku: String(from[0]), id: Number(from[1]) }) > 0)
			: found;
	return cutPage(rows.slice(0, PAGE_SIZE + 1), pageOf(from !== null, to !== null));
}

const CURSOR = ["string", "number"] as const;
type Place = Pick<MatchRow, "sku" | "id">;
const inOrder = (a: Place, b: Place) => (a.sku < b.sku ? -1 : a.sku > b.sku ? 1 : a.id - b.id);
const pageOf = (startsAtCursor: boolean, backwards: boolean) => ({
	size: PAGE_SIZE,
	backwards,
	startsAtCursor,
	cursorOf: ({ sku, id }: Place) => [sku, id] as const,
});

type LinkedRow = { id: number; sku: string; title: string; barcode: string; itemId: number; itemSku: string; itemTitle: string };

async function readLinked(
	db: Queryable,
	{ shopId, connectionId, request }: { shopId: number; connectionId: number; request: MatchingRequest },
): Promise<Page> {
	const [from, to] = [readCursor(request.after, CURSOR), readCursor(request.before, CURSOR)];
	const cursor = to ?? from;
	const [compare, order] = to ? ["<", "DESC"] : [">", "ASC"];
	const { rows } = await db.query<LinkedRow>(
		`SELECT l.id, coalesce(l.sku, '') AS sku, l.title, coalesce(l.barcode, '') AS barcode, i.id AS "itemId", coalesce(i.sku, '') AS "itemSku",
		   i.title AS "itemTitle"
		 FROM listing l JOIN item i ON i.shop_id = l.shop_id AND i.id = l.item_id
		 WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.link_state = 'linked'
		   AND ($3::text IS NULL OR (coalesce(l.sku, ''), l.id) ${compare} ($3, $4::bigint))
		   AND ($5 = '' OR l.sku ILIKE $5 OR l.title ILIKE $5 OR l.barcode ILIKE $5 OR i.sku ILIKE $5 OR i.title ILIKE $5)
		 ORDER BY coalesce(l.sku, '') ${order}, l.id ${order} LIMIT $6`,
		[shopId, connectionId, cursor?.[0] ?? null, cursor?.[1] ?? null, request.query && `%${likely(request.query)}%`, PAGE_SIZE + 1],
	);
	const found = rows.map(({ itemId, itemSku, itemTitle, ...listing }) => ({
		...listing,
		why: null,
		candidates: [{ itemId, sku: itemSku, title: itemTitle }],
	}));
	return cutPage(found, pageOf(from !== null, to !== null));
}

/** Typed text, as LIKE takes it literally. */
export const likely = (text: string): string => text.replace(/[\\%_]/g, "\\$&");

async function readUndo(db: Queryable, shopId: number, connectionId: number): Promise<MatchingPage["undo"]> {
	const { rows } = await db.query<{ id: number; action: string; listings: number; at: Date }>(
		`SELECT id, action, jsonb_array_length(coalesce(after, before)->'links') AS listings, at FROM audit
		 WHERE shop_id = $1 AND subject = $2 AND action IN ('listings.linked', 'listings.unlinked') ORDER BY id DESC LIMIT 1`,
		[shopId, String(connectionId)],
	);
	const row = rows[0];
	return row ? { auditId: row.id, linked: row.action === "listings.linked", listings: row.listings, at: row.at.toISOString() } : null;
}
