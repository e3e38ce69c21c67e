import type { Clock } from "./clock.ts";

/**
 * The sandbox's own books: what was really sold, what each channel showed and when, every call, every limit seen broken.
 * They are written by the stand-ins from what happened to *them*, never from anything the app says of itself, so every
 * verdict of a report (in step, oversold, counted twice) is the outside world's.
 *
 * "Truth" of a SKU = opening units + the merchant's edits − units sold anywhere + units given back anywhere. Units are
 * whole pieces. A bundle has no truth of its own: its sales move its components.
 */
export type Books = {
	/** Starts a SKU with the units that the home shop really has. */
	open(sku: string, units: number): void;
	/** A SKU that is made of others: one sale moves `quantity` of each component. */
	defineBundle(sku: string, components: readonly { sku: string; quantity: number }[]): void;
	/** A sale (units > 0) or units given back by cancellation or restock (units < 0). */
	sold(entry: { channel: string; orderId: string; sku: string; units: number }): void;
	/** The merchant changed the physical stock by hand (at home). */
	edited(entry: { channel: string; sku: string; delta: number }): void;
	/** The figure that a channel's buyers see changed to `quantity`. `cause` is what changed it, seen from the channel. */
	showed(entry: { channel: string; sku: string; quantity: number; cause: "opening" | "sale" | "restock" | "write" | "edit" }): void;
	/** One request that reached a channel's API. `operation` is a short stable name (`PUT products/batch`, `inventoryAdjustQuantities`). */
	called(entry: { channel: string; operation: string; status: number; tookMs: number }): void;
	/** A documented limit or rule that the caller broke (a 429 earned, a body over the maximum, a forbidden null). */
	violated(entry: { channel: string; rule: string; detail: string }): void;
	/** One webhook that the channel owed: what became of it. `delayMs` = from the change to the (last) delivery. */
	delivered(entry: {
		channel: string;
		topic: string;
		resourceId: string;
		fate: "delivered" | "duplicate" | "reordered" | "late" | "lost" | "failed";
		status: number | null;
		delayMs: number;
	}): void;
	/**
	 * The caller knows this state of an order: a webhook with it was answered well (`webhook`), it asked for the order (`read`, before a list
	 * had it), or a list of orders had it (`list`). `state` is the channel's own way to tell one state of an order from the next.
	 */
	orderKnown(entry: { channel: string; orderId: string; state: string; by: "webhook" | "read" | "list" }): void;

	truth(sku: string): number;
	skus(): string[];
	componentsOf(sku: string): readonly { sku: string; quantity: number }[];
	/** What the channel's buyers may be shown at most: truth, or for a bundle what its components make. Never below zero. */
	sellable(sku: string): number;
	shown(channel: string, sku: string): number | undefined;
	sales(): readonly Sale[];
	edits(): readonly { at: number; channel: string; sku: string; delta: number }[];
	calls(channel: string): readonly Call[];
	violations(channel: string): readonly { at: number; rule: string; detail: string }[];
	deliveries(channel?: string): readonly Delivery[];
	/** States of orders that a list told at `since` (clock) or later and that nothing else ever told. */
	knownByListAlone(channel: string, since?: number): { orderId: string; state: string; at: number }[];
	/** Units sold although the SKU's truth could not cover them at that moment, since `since` (a position of `mark()`). */
	oversoldUnits(since?: number): number;
	/** A position in the books, for asking about a part of the day. */
	mark(): number;
	/**
	 * For each sale made on another channel: milliseconds until `channel` showed a figure that accounts for it. First in,
	 * first out: at any moment the units by which the channel shows more than is sellable are the newest ones sold elsewhere.
	 */
	lagMs(channel: string, since?: number): number[];
	/** SKUs of `channel` whose shown figure is not what it should be, with both figures. `expected` defaults to `sellable`. */
	outOfStep(channel: string, expected?: (sku: string) => number): { sku: string; shown: number; expected: number }[];
	/** Called after every entry; the answer stops it. */
	watch(listener: (entry: { kind: string; at: number; channel: string }) => void): () => void;
};

export type Sale = { at: number; channel: string; orderId: string; sku: string; units: number; shortBy: number };
export type Call = { at: number; operation: string; status: number; tookMs: number };
export type Delivery = {
	at: number;
	channel: string;
	topic: string;
	resourceId: string;
	fate: "delivered" | "duplicate" | "reordered" | "late" | "lost" | "failed";
	status: number | null;
	delayMs: number;
};

/** What lag measuring needs of one (channel, component SKU): sales elsewhere that the channel's figure does not hold yet. */
type Pending = { at: number; mark: number; unitsAfter: number };

export function createBooks(clock: Clock): Books {
	const truth = new Map<string, number>();
	const bundles = new Map<string, readonly { sku: string; quantity: number }[]>();
	const shownBy = new Map<string, Map<string, number>>();
	const sales: Sale[] = [];
	const edits: { at: number; channel: string; sku: string; delta: number }[] = [];
	const calls = new Map<string, Call[]>();
	const violations = new Map<string, { at: number; rule: string; detail: string }[]>();
	const deliveries: Delivery[] = [];
	const states = new Map<string, Map<string, { orderId: string; state: string; listedAt: number | null; told: boolean }>>();
	const pending = new Map<string, Pending[]>();
	const lags: { channel: string; mark: number; ms: number }[] = [];
	const listeners = new Set<(entry: { kind: string; at: number; channel: string }) => void>();

	const tell = (kind: string, channel: string) => {
		for (const listener of listeners) listener({ kind, at: clock.now(), channel });
	};

	const componentsOf = (sku: string) => bundles.get(sku) ?? [{ sku, quantity: 1 }];
	const sellable = (sku: string) =>
		Math.max(0, Math.min(...componentsOf(sku).map((c) => Math.floor((truth.get(c.sku) ?? 0) / c.quantity))));

	/** Settles the sales that `channel`'s figure for `sku` now accounts for. */
	const settle = (channel: string, sku: string) => {
		const waiting = pending.get(`${channel}\n${sku}`);
		const shown = shownBy.get(channel)?.get(sku);
		if (!waiting?.length || shown === undefined) return;
		const gap = Math.max(0, shown - sellable(sku));
		while (waiting.length > 0 && gap <= (waiting[0] as Pending).unitsAfter) {
			const done = waiting.shift() as Pending;
			lags.push({ channel, mark: done.mark, ms: clock.now() - done.at });
		}
	};

	return {
		open(sku, units) {
			truth.set(sku, units);
			tell("open", "home");
		},
		defineBundle: (sku, components) => void bundles.set(sku, components),
		sold({ channel, orderId, sku, units }) {
			const at = clock.now();
			for (const component of componentsOf(sku)) {
				const before = truth.get(component.sku) ?? 0;
				const moved = units * component.quantity;
				truth.set(component.sku, before - moved);
				const shortBy = moved > 0 ? Math.max(0, moved - Math.max(0, before)) : 0;
				sales.push({ at, channel, orderId, sku: component.sku, units: moved, shortBy });
				for (const [other, figures] of shownBy) {
					if (other === channel || moved <= 0 || !figures.has(component.sku)) continue;
					const key = `${other}\n${component.sku}`;
					const list = pending.get(key) ?? [];
					for (const earlier of list) earlier.unitsAfter += moved;
					list.push({ at, mark: sales.length, unitsAfter: 0 });
					pending.set(key, list);
				}
				for (const other of shownBy.keys()) settle(other, component.sku);
			}
			tell("sold", channel);
		},
		edited({ channel, sku, delta }) {
			truth.set(sku, (truth.get(sku) ?? 0) + delta);
			edits.push({ at: clock.now(), channel, sku, delta });
			for (const other of shownBy.keys()) settle(other, sku);
			tell("edited", channel);
		},
		showed({ channel, sku, quantity }) {
			const figures = shownBy.get(channel) ?? new Map<string, number>();
			shownBy.set(channel, figures);
			figures.set(sku, quantity);
			settle(channel, sku);
			tell("showed", channel);
		},
		called({ channel, ...call }) {
			const list = calls.get(channel) ?? [];
			calls.set(channel, list);
			list.push({ at: clock.now(), ...call });
			tell("called", channel);
		},
		violated({ channel, rule, detail }) {
			const list = violations.get(channel) ?? [];
			violations.set(channel, list);
			list.push({ at: clock.now(), rule, detail });
			tell("violated", channel);
		},
		delivered(entry) {
			deliveries.push({ at: clock.now(), ...entry });
			tell("delivered", entry.channel);
		},
		orderKnown({ channel, orderId, state, by }) {
			const known = states.get(channel) ?? new Map();
			states.set(channel, known);
			const key = `${orderId}\n${state}`;
			const before = known.get(key) ?? { orderId, state, listedAt: null, told: false };
			if (by === "list") known.set(key, { ...before, listedAt: before.listedAt ?? clock.now() });
			// Read singly because a list had it: that is the list's doing.
			else if (by === "webhook" || before.listedAt === null) known.set(key, { ...before, told: true });
		},
		knownByListAlone: (channel, since = Number.NEGATIVE_INFINITY) =>
			[...(states.get(channel)?.values() ?? [])].flatMap(({ orderId, state, listedAt, told }) =>
				listedAt !== null && listedAt >= since && !told ? [{ orderId, state, at: listedAt }] : [],
			),
		truth: (sku) => truth.get(sku) ?? 0,
		skus: () => [...truth.keys()],
		componentsOf,
		sellable,
		shown: (channel, sku) => shownBy.get(channel)?.get(sku),
		sales: () => sales,
		edits: () => edits,
		calls: (channel) => calls.get(channel) ?? [],
		violations: (channel) => violations.get(channel) ?? [],
		deliveries: (channel) => (channel === undefined ? deliveries : deliveries.filter((d) => d.channel === channel)),
		oversoldUnits: (since = 0) => sales.slice(since).reduce((sum, sale) => sum + sale.shortBy, 0),
		mark: () => sales.length,
		lagMs: (channel, since = 0) => lags.filter((l) => l.channel === channel && l.mark >= since).map((l) => l.ms),
		outOfStep(channel, expected = sellable) {
			const wrong: { sku: string; shown: number; expected: number }[] = [];
			for (const [sku, shown] of shownBy.get(channel) ?? []) {
				const should = expected(sku);
				if (shown !== should) wrong.push({ sku, shown, expected: should });
			}
			return wrong;
		},
		watch(listener) {
			listeners.add(listener);
			return () => void listeners.delete(listener);
		},
	};
}
