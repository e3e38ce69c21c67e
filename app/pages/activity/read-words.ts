import type { Queryable } from "#app/db.server.ts";
import { listMembers } from "#app/rights/index.ts";
import { readShopMap, type ShopMap } from "../shop/read-channels.ts";
import type { AuditRow } from "./entry.ts";

/** What ids in audit rows are called. */
export type Words = {
	person(userId: string): string;
	channel(id: number): string;
	location(id: number): string;
	listing(id: number): string;
	item(id: number): string;
	shop: ShopMap;
};

/** Of one entry's listings so many are named; "and 209 more" says the rest. */
export const NAMED_MAX = 3;

/** Who acts without being a person: Lockstep by itself, and the shop's workflows. */
const OURS: Readonly<Record<string, string>> = { system: "Lockstep", flow: "Shopify Flow" };

export async function readWords(db: Queryable, shopId: number, reader: string, rows: readonly AuditRow[]): Promise<Words> {
	const shop = await readShopMap(db, shopId);
	const people = new Map((await listMembers(db, shopId)).map(({ userId, name }) => [userId, name]));
	const named = rows.flatMap((row) => listingIdsOf(row).slice(0, NAMED_MAX));
	const listings = await db.query<{ id: number; name: string }>(
		"SELECT id, coalesce(nullif(sku, ''), nullif(title, ''), external_id) AS name FROM listing WHERE shop_id = $1 AND id = ANY($2::bigint[])",
		[shopId, [...new Set(named)]],
	);
	const items = await db.query<{ id: number; name: string }>(
		"SELECT id, coalesce(nullif(sku, ''), nullif(title, ''), external_id) AS name FROM item WHERE shop_id = $1 AND id = ANY($2::bigint[])",
		[shopId, [...new Set(rows.flatMap(itemIdsOf))]],
	);
	const itemNames = new Map(items.rows.map(({ id, name }) => [id, name]));
	const names = new Map(listings.rows.map(({ id, name }) => [id, name]));
	return {
		shop,
		person: (userId) => OURS[userId] ?? (userId === reader ? "You" : (people.get(userId) ?? `Shopify user ${userId}`)),
		channel: (id) => shop.channels.find((channel) => channel.id === id)?.name || "a former channel",
		location: (id) => shop.locations.find((location) => location.id === id)?.name ?? "a former location",
		item: (id) => itemNames.get(id) ?? "a former product",
		listing: (id) => names.get(id) ?? "a former listing",
	};
}

/** Which listings an entry is about, in whichever of its shapes it was written. */
export function listingIdsOf({ before, after }: Pick<AuditRow, "before" | "after">): number[] {
	const ids = new Set<number>();
	for (const side of [before, after]) {
		if (typeof side !== "object" || side === null) continue;
		const { listings, listingIds, links } = side as Record<string, unknown>;
		for (const one of asList(listings)) if (isRecord(one) && typeof one.id === "number") ids.add(one.id);
		for (const one of asList(listingIds)) if (typeof one === "number") ids.add(one);
		for (const one of asList(links)) if (isRecord(one) && typeof one.listingId === "number") ids.add(one.listingId);
	}
	return [...ids];
}

/** Which products an entry names: a bundle with its parts before and after, or those that a listing moved between. */
function itemIdsOf(row: AuditRow): number[] {
	const sides = [row.before, row.after];
	if (row.action === "bundle.changed") return [Number(row.subject), ...sides.flatMap(partsOf).map(({ itemId }) => itemId)];
	if (row.action.startsWith("oversell.")) return sides.flatMap(owedItemsOf);
	return row.action === "listings.moved" ? sides.flatMap(linkedOf).slice(0, LINKED_MAX) : [];
}

/** Of an entry's products so many are looked up: more than are named of them. */
const LINKED_MAX = 20;

/** The products that one side of an entry links listings to. */
export const linkedOf = (side: unknown): number[] =>
	asList(isRecord(side) ? side.links : null).flatMap((one) => (isRecord(one) && typeof one.itemId === "number" ? [one.itemId] : []));

/** What was owed, and what is sent instead. */
const owedItemsOf = (side: unknown): number[] =>
	isRecord(side) ? [side.itemId, side.substituteItemId].filter((id): id is number => typeof id === "number") : [];

/** The parts in one side of such an entry. */
export function partsOf(side: unknown): { itemId: number; quantity: number }[] {
	return asList(isRecord(side) ? side.parts : null).flatMap((part) =>
		isRecord(part) && typeof part.itemId === "number" && typeof part.quantity === "number"
			? [{ itemId: part.itemId, quantity: part.quantity }]
			: [],
	);
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
