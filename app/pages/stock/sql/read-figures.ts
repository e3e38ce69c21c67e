import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import { type Policy, policySchema } from "#domain";
import { sellableUnits } from "#listings";
import type { ChannelState } from "../../shop/read-channels.ts";
import { markOf } from "../mark.ts";
import type { StockListing } from "../stock.ts";

export type Figures = {
	/** Over all locations, never below zero. A bundle's are its parts'. */
	available(itemId: number): number;
	owed(itemId: number): number;
	isBundle(itemId: number): boolean;
	/** What a channel fed by these locations may sell; below zero: owed. */
	sellable(itemId: number, locationIds: readonly number[]): number;
	parts(itemId: number): { itemId: number; quantity: number }[];
};

/** The stock of these items, and of what the bundles among them are made of. */
export async function readFigures(db: Queryable, shopId: number, itemIds: readonly number[]): Promise<Figures> {
	const bundles = await db.query<{ bundle: number; itemId: number; quantity: number }>(
		`SELECT bundle_item_id AS bundle, component_item_id AS "itemId", quantity FROM bundle_component
		  WHERE shop_id = $1 AND bundle_item_id = ANY($2::bigint[]) ORDER BY component_item_id`,
		[shopId, itemIds],
	);
	const stock = await db.query<{ item_id: number; location_id: number; net: number; short: number }>(
		`SELECT item_id, location_id, available - short AS net, short FROM stock WHERE shop_id = $1 AND item_id = ANY($2::bigint[])`,
		[shopId, [...new Set([...itemIds, ...bundles.rows.map((row) => row.itemId)])]],
	);
	const nets = new Map(stock.rows.map((row) => [`${row.item_id}:${row.location_id}`, row.net]));
	const everywhere = [...new Set(stock.rows.map((row) => row.location_id))];
	const parts = (itemId: number) => {
		const own = bundles.rows.filter((row) => row.bundle === itemId);
		return own.map(({ itemId, quantity }) => ({ itemId, quantity }));
	};
	const sellable: Figures["sellable"] = (itemId, locationIds) => {
		const made = parts(itemId);
		return sellableUnits(
			locationIds,
			made.length > 0 ? made : [{ itemId, quantity: 1 }],
			(item, location) => nets.get(`${item}:${location}`) ?? 0,
		);
	};
	const sum = (itemId: number, of: (row: { net: number; short: number }) => number) =>
		stock.rows.filter((row) => row.item_id === itemId).reduce((total, row) => total + of(row), 0);
	return {
		parts,
		sellable,
		isBundle: (itemId) => parts(itemId).length > 0,
		available: (itemId) =>
			parts(itemId).length > 0 ? Math.max(0, sellable(itemId, everywhere)) : sum(itemId, (row) => Math.max(0, row.net)),
		owed: (itemId) => sum(itemId, (row) => row.short),
	};
}

type ListingRow = {
	id: number;
	connection_id: number;
	item_id: number;
	sku: string | null;
	external_id: string;
	title: string;
	desired: number | null;
	shown: number | null;
	unseen: number;
	seen: number | null;
	uncertain: boolean;
	parked: boolean;
	paused: boolean;
	paused_reason: string | null;
	policy: unknown;
	confirmed_at: Date | null;
};

export type ReadListing = StockListing & {
	itemId: number;
	title: string;
	externalId: string;
	pausedReason: string | null;
	unseen: number;
	locationIds: readonly number[];
};

type Feed = { id: number; state: ChannelState; locationIds: readonly number[] };

/** The listings of these items on these channels, with what each shows, must show, and why they may differ. */
export async function readListings(
	db: Queryable,
	shopId: number,
	of: { itemIds: readonly number[]; channels: readonly Feed[]; figures: Figures },
): Promise<ReadListing[]> {
	const channels = new Map(of.channels.map((channel) => [channel.id, channel]));
	const { rows } = await db.query<ListingRow>(
		`SELECT id, connection_id, item_id, sku, external_id, title, desired, shown, unseen, seen, coalesce(uncertain_until > now(), false) AS uncertain,
		        parked, paused, paused_reason, policy, greatest(read_at, written_at) AS confirmed_at
		   FROM listing WHERE shop_id = $1 AND item_id = ANY($2::bigint[]) AND connection_id = ANY($3::bigint[])
		  ORDER BY connection_id, id`,
		[shopId, of.itemIds, [...channels.keys()]],
	);
	return rows.flatMap((row) => {
		const channel = channels.get(row.connection_id);
		return channel ? [toListing(row, channel, of.figures)] : [];
	});
}

function toListing(row: ListingRow, channel: Feed, figures: Figures): ReadListing {
	const policy: Policy | null = row.policy === null ? null : policySchema.parse(row.policy);
	const sellable = Math.max(0, figures.sellable(row.item_id, channel.locationIds));
	return {
		id: row.id,
		itemId: row.item_id,
		channelId: row.connection_id,
		sku: row.sku ?? "",
		title: row.title,
		externalId: row.external_id,
		should: row.desired,
		shows: row.shown,
		heldBack: row.desired === null ? 0 : Math.max(0, sellable - row.desired),
		confirmedAt: row.confirmed_at?.toISOString() ?? null,
		mark: markOf({ ...row, notLive: row.paused_reason === NOT_LIVE_YET, connectionState: channel.state }),
		policy,
		paused: row.paused,
		pausedReason: row.paused_reason,
		unseen: row.unseen,
		locationIds: channel.locationIds,
	};
}
