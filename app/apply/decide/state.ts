import type { StockEvent } from "#domain";
import type { DeltaLine, Movement, Order, Oversell, OwedEnd, Prediction, Stock } from "#ledger";
import type { ConnectionRules, Listing } from "#listings";
import type { Draft } from "./draft.ts";

/** Everything that deciding one batch may look at. Loaded under the lane lock; `decide` changes only the drafts and lists. */
export type ApplyState = {
	shopId: number;
	/** Our clock, in milliseconds: one moment for the whole batch. */
	now: number;
	connections: ReadonlyMap<number, ConnectionFacts>;
	/** By home's own id, in the merchant's order. */
	locations: ReadonlyMap<string, LocationFacts>;
	homeConnectionId: number;
	items: ReadonlyMap<number, ItemFacts>;
	itemByExternal: ReadonlyMap<string, number>;
	itemByVariant: ReadonlyMap<string, number>;
	itemsOfProduct: ReadonlyMap<string, readonly number[]>;
	/** Bundle item -> what one of it is made of. */
	components: ReadonlyMap<number, readonly { itemId: number; quantity: number }[]>;
	/** Of these, what the merchant made in Lockstep: home lowers only the kit's own figure when it sells one. */
	kits: ReadonlySet<number>;
	/** Component item -> bundles that hold it. */
	bundlesOf: ReadonlyMap<number, readonly number[]>;
	/** `connection:external id` -> what it is linked to. */
	links: ReadonlyMap<string, { listingId: number; itemId: number | null; linkState: "linked" | "unlinked" | "ignored" }>;
	/** Item -> its linked listings on guest channels. */
	listingsOf: ReadonlyMap<number, readonly number[]>;
	stock: Draft<string, Stock>;
	predictions: Draft<string, Prediction | null>;
	deltas: Draft<number, DeltaLine>;
	orders: Draft<string, Order>;
	listings: Draft<number, Listing>;
	oversells: Draft<string, Oversell>;
	/** By stock row: the newest change that home made by itself and that takes a listing to nothing, or raises one. */
	held: Draft<string, HeldChange>;
	/** Of sets that something waits in, those that something joined within the window. */
	sets: Draft<number, ChangeSet>;
	/** By change and stock row: lines of bulk changes whose event is among those that are decided. */
	edits: Draft<string, EditLine>;
	/** How many products home may change by itself within the window before the rest waits; null: any number. */
	limits: Readonly<Record<HeldChange["kind"], number | null>>;
	/** Products let through within the window, beside those of `held`. */
	passedElsewhere: Readonly<Record<HeldChange["kind"], number>>;
	/** The event that is being decided. */
	eventId: number;
	movements: Movement[];
	/** Owed units that came to an end, in order. */
	endings: Ending[];
	/** Movements made by the event that is being decided: the last part of their source keys. */
	ordinal: number;
	fetches: FetchWish[];
	complaints: Complaint[];
	/** Makers of copies that were not known so far. */
	mirrorSources: { connectionId: number; name: string }[];
	differences: { connectionId: number; listingId: number; expected: number; found: number; cause: string }[];
	/** Items whose stock moved in the event that is being decided. */
	touched: Set<number>;
};

export type ConnectionFacts = ConnectionRules & {
	id: number;
	isHome: boolean;
	/** Its listings are written to, or will be once it is resumed. */
	isWritten: boolean;
	/** Channel's clock. */
	cutAt: number | null;
	clockResolutionMs: number;
	/** Does another app copy this channel's orders into home, and do its copies lower home's stock? */
	mirror: "none" | "takes-stock" | "leaves-stock";
	/** What home calls the makers of such copies. */
	mirrorSources: readonly string[];
	quantityMeaning: "selfDecrementing" | "grossOfOpenOrders" | "delta";
};
/** A change of home's own that was let through and is counted (passed), or waits for approval (held), or what came of it. */
export type HeldChange = {
	itemId: number;
	locationId: number;
	kind: "zero" | "raise";
	/** It makes a mass change. Not so where only one of several places was emptied. */
	counted: boolean;
	state: "passed" | "held" | "approved" | "kept" | "mended";
	setId: number | null;
	/** What counted before, and what home makes of it. */
	former: number;
	toFigure: number;
	/** Home's clock: the reading that waits; and the one before the first that did. */
	readAt: number;
	formerReadAt: number | null;
	/** Our clock. */
	at: number;
};
/** What waits for one approval. Our clock. */
export type ChangeSet = {
	id: number;
	kind: HeldChange["kind"];
	allowed: number;
	passed: number;
	openedAt: number;
	lastAt: number;
	closedAt: number | null;
	/** Somebody has said that the former figures stay. */
	keptAt: number | null;
};

/** What a bulk change moves of one stock row. `made`: what was moved; null: nothing yet. */
export type EditLine = { changeId: number; itemId: number; locationId: number; made: number | null };

export type LocationFacts = { id: number; online: boolean };
export type ItemFacts = { id: number; externalId: string; tracked: boolean; sellsWhenOut: boolean };

export type FetchWish = {
	connectionId: number;
	kind: "order" | "levels" | "product" | "location" | "listing";
	externalId: string;
	dueAt: number;
	reason: string;
};
/** Units of one oversell that are not owed any more, and how that came. `left`: of the same oversell, still owed. */
export type Ending = {
	sourceKey: string;
	itemId: number;
	how: OwedEnd;
	units: number;
	left: number;
	by: string;
	eventId: number;
	/** Where they are taken now, or where stock came. */
	locationId: number;
	substituteItemId: number | null;
};
/** Something a person has to settle although the event was applied as far as it could be (an unmapped line). */
export type Complaint = { connectionId: number; eventId: number; errorClass: string; error: string; sourceKey: string };

/** One inbox row with its canonical event. */
export type BatchEvent = {
	id: number;
	connectionId: number;
	source: "webhook" | "fetch" | "poll" | "import" | "replay" | "app";
	correlationId: string;
	/** Our clock. */
	receivedAt: number;
	event: StockEvent;
};

/**
 * applied: state changed (or was confirmed). ignored: nothing to do, and why (stale, duplicate, echo, unknown …).
 * parked: it cannot be applied; nothing of it was.
 */
export type Verdict = { outcome: "applied" | "ignored"; note: string } | { outcome: "parked"; error: string; errorClass: string };

export const stockKey = (itemId: number, locationId: number) => `${itemId}:${locationId}`;
export const orderKey = (connectionId: number, orderId: string) => `${connectionId}:${orderId}`;
export const editKey = (line: Pick<EditLine, "changeId" | "itemId" | "locationId">) =>
	`${line.changeId}:${stockKey(line.itemId, line.locationId)}`;
export const linkKey = (connectionId: number, externalId: string) => `${connectionId}:${externalId}`;

export function connectionOf(state: ApplyState, id: number): ConnectionFacts {
	const connection = state.connections.get(id);
	if (!connection) throw new Error(`Connection ${id} is not one of shop ${state.shopId}'s`);
	return connection;
}

/** What one unit of the item takes: its components, or itself. */
export const componentsOf = (state: ApplyState, itemId: number) => state.components.get(itemId) ?? [{ itemId, quantity: 1 }];
