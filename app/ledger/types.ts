/**
 * The ledger's rows as the pure code sees them. Times are milliseconds since the epoch; whose clock it is stands with each.
 * Invariant of a stock row: net = available − short
 *   = homeQuantity + withheld + deltaOwed + Σ delta lines not contained in the reading − Σ predictions not contained in it,
 * where of unresolved lines only those that lower it count.
 */
import type { Money } from "#domain";

export type Stock = {
	itemId: number;
	locationId: number;
	/** available − short: negative when more is owed than there is. */
	net: number;
	homeQuantity: number | null;
	/** Home's clock. */
	homeReadAt: number | null;
	homeUnexplained: number;
	/** What home changed by itself and nobody has approved, negated: +40 while a fall by 40 waits, −40 while a rise does. */
	withheld: number;
	deltaOwed: number;
	owedSince: number | null;
};

export type Prediction = {
	/** null: made in this batch. */
	id: number | null;
	itemId: number;
	locationId: number;
	connectionId: number;
	orderId: string;
	lineId: string;
	quantity: number;
	/** Home's clock: the order's own stamp. */
	stamp: number;
	/** Our clock. */
	receivedAt: number;
};

export type DeltaLine = {
	id: number;
	batchId: number;
	itemId: number;
	locationId: number;
	delta: number;
	state: "open" | "landed" | "contained" | "void" | "unresolved";
	/** Home's clock. */
	landedAt: number | null;
	/** Our clock. */
	answeredAt: number | null;
	/** The batch is being sent right now: its effect may be heard of before its answer. */
	underWay: boolean;
	/**
	 * Set while it is open and its batch's key is too old to be sent again. `at`: our clock; `homeMoves`: what home's
	 * figure moved by itself since the first try, one number per movement; `explained`: what orders took back of that since.
	 */
	expired: { at: number; homeMoves: readonly number[]; explained: readonly number[] } | null;
};

export type Movement = {
	itemId: number;
	locationId: number;
	delta: number;
	after: number;
	cause: MovementCause;
	connectionId: number | null;
	orderId: string | null;
	lineId: string | null;
	eventId: number;
	correlationId: string;
	sourceKey: string;
	/** The sender's clock where there is one. */
	occurredAt: number;
};

/**
 * opening: first reading ever. sale / give-back: an order. home: a reading that nothing explains (edit, POS, transfer …).
 * home-explained: takes back what `home` booked when an order turns out to be its reason. gone: the item left home.
 * held: takes back what of `home` waits for approval, and books it when it has it: its sum is `withheld`. kept: a former figure that
 * home is told again.
 * edit: a bulk change that a person has confirmed, or its taking back; which one stands in the correlation id.
 * moved: an order's owed units are taken from another location, or another item is sent instead.
 */
export type MovementCause = "opening" | "sale" | "give-back" | "home" | "home-explained" | "gone" | "held" | "kept" | "moved" | "edit";

export type Oversell = {
	id: number | null;
	itemId: number;
	locationId: number;
	connectionId: number;
	orderId: string;
	lineId: string;
	units: number;
	/** Of `units`: not owed any more, in whatever way. */
	covered: number;
	/** Open also while a person has dismissed it: it is owed all the same. Otherwise how its last unit ended. */
	state: "open" | OwedEnd;
	sourceKey: string;
	occurredAt: number;
	/** When the buyer ordered, at the earliest, by the channel's clock; without it: `occurredAt`. */
	placedAt?: number;
	/** Of `covered`: what did not end by stock that came. Without it: nothing. */
	ended?: OwedEnded;
};

/** How owed units end: stock came, they were taken elsewhere, the order let them go, something else is sent. */
export type OwedEnd = "covered" | "moved" | "cancelled" | "substituted";
export type OwedEnded = {
	readonly moved: number;
	readonly cancelled: number;
	readonly substituted: number;
	/** Who ended the last of them: the session token's `sub`, or "system". */
	readonly by: string;
};

export type Order = {
	connectionId: number;
	orderId: string;
	name: string;
	createdOnChannelAt: number;
	stamp: number;
	contentHash: string;
	asOf: number;
	baseline: boolean;
	unknownOlder: boolean;
	cancelled: boolean;
	firstSource: string;
	/** Of a home order: who made it, and its number there. */
	sourceName: string | null;
	sourceIdentifier: string | null;
	/** null: not told. */
	total: Money | null;
	/** All of it is shipped from the channel's own warehouse. */
	fulfilledByChannel: boolean;
	lines: ReadonlyMap<string, OrderLine>;
};

export type OrderLine = {
	lineId: string;
	externalRef: string | null;
	itemId: number | null;
	held: number;
	baseline: number;
	/** Of `held`: units that this order's copy at home has taken from home's figure, so that none were taken for them here. */
	mirrored: number;
	/** Of a home order's `held`: units of a kit whose parts were taken here, because home takes only the kit itself. */
	kitUnits: number;
	allocations: readonly Allocation[];
};

/** `insteadOf`: it is a substitute for this item, of which the line holds so many units fewer. */
export type Allocation = { itemId: number; locationId: number; quantity: number; short: number; insteadOf?: number };
