import type { Stage } from "./happening.ts";
import { type AdjustmentGroup, type Happening, type Level, onHand, type QuantityName } from "./model.ts";

/**
 * Shopify's inventory history: who or what moved which quantity at which location. The shop itself keeps no such list; this one
 * is told of every happening from now on, whoever makes it happen (a buyer, the merchant, an app).
 */
export type Figures = { unavailable: number; committed: number; available: number; onHand: number; incoming: number };
export type HistoryEntry = {
	at: number;
	activity: string;
	by: "staff" | "app" | "shop";
	reference: string | null;
	locationId: string;
	delta: Figures;
	after: Figures;
};
export type History = {
	/** Newest first. */
	of(itemId: number): readonly HistoryEntry[];
	/** What happens in `act` is written down as the staff's, in these words. */
	as<T>(activity: string, act: () => T): T;
};

/** Shopify shows 90 days; a page of the sandbox shows so many of one item. */
const ENTRIES_PER_ITEM = 200;

export function keepHistory(stage: Stage): History {
	const { state } = stage;
	const entries = new Map<number, HistoryEntry[]>();
	const before = new Map<Level, Figures>();
	for (const level of state.levels.values()) before.set(level, figuresOf(level.quantities, level));
	let words: string | null = null;

	const write = (happening: Happening, outcome: unknown) => {
		const saying = describe(stage, happening, { outcome, words });
		for (const level of state.levels.values()) {
			if (level.updatedAt !== happening.at) continue;
			const after = figuresOf(level.quantities, level);
			const delta = minus(after, before.get(level) ?? NOTHING);
			before.set(level, after);
			if (Object.values(delta).every((change) => change === 0)) continue;
			const entry = { at: happening.at, ...saying, locationId: String(level.locationId), delta, after };
			entries.set(level.itemId, [entry, ...(entries.get(level.itemId) ?? [])].slice(0, ENTRIES_PER_ITEM));
		}
	};

	const { happen } = stage;
	stage.happen = <T>(cause: Happening["cause"], play: (happening: Happening) => T): T =>
		happen(cause, (happening) => {
			const outcome = play(happening);
			write(happening, outcome);
			return outcome;
		});

	return {
		of: (itemId) => entries.get(itemId) ?? [],
		as(activity, act) {
			words = activity;
			try {
				return act();
			} finally {
				words = null;
			}
		},
	};
}

const NOTHING: Figures = { unavailable: 0, committed: 0, available: 0, onHand: 0, incoming: 0 };

/** Shopify's own columns: everything on the shelf that is neither available nor committed is "unavailable". */
export function figuresOf(quantities: Record<QuantityName, number>, level: Level): Figures {
	const { available, committed, incoming, reserved, damaged, quality_control, safety_stock } = quantities;
	return { unavailable: reserved + damaged + quality_control + safety_stock, committed, available, onHand: onHand(level), incoming };
}

const minus = (a: Figures, b: Figures): Figures => ({
	unavailable: a.unavailable - b.unavailable,
	committed: a.committed - b.committed,
	available: a.available - b.available,
	onHand: a.onHand - b.onHand,
	incoming: a.incoming - b.incoming,
});

/** The first that fits says what happened to an order. */
const ORDER_WORDS = [
	["orders/create", "created"],
	["orders/cancelled", "canceled"],
	["orders/edited", "edited"],
	["refunds/create", "refunded"],
	["orders/fulfilled", "fulfilled"],
	["orders/partially_fulfilled", "partially fulfilled"],
	["orders/updated", "moved to another location"],
] as const;

function describe({ state }: Stage, happening: Happening, { outcome, words }: { outcome: unknown; words: string | null }) {
	if (happening.cause === "write") {
		const group = isAdjustment(outcome) ? outcome : null;
		const activity = group ? `Adjusted by an app (${group.reason.replaceAll("_", " ")})` : "Stocked by an app";
		return { activity, by: "app" as const, reference: group?.referenceDocumentUri ?? null };
	}
	if (words !== null) return { activity: words, by: "staff" as const, reference: null };
	for (const [topic, done] of ORDER_WORDS) {
		const order = state.orders.get(Number(happening.topics.find((told) => told.topic === topic)?.resourceId));
		const name = order?.name ?? (topic === "refunds/create" ? nameOfRefunded(state, happening) : undefined);
		if (name) return { activity: `Order ${name} ${done}`, by: "shop" as const, reference: null };
	}
	return { activity: "Manually adjusted", by: "staff" as const, reference: null };
}

/** A refund's message carries the refund's own id. */
function nameOfRefunded(state: Stage["state"], { topics }: Happening): string | undefined {
	const id = Number(topics.find(({ topic }) => topic === "refunds/create")?.resourceId);
	return [...state.orders.values()].findLast((order) => order.refunds.some((refund) => refund.id === id))?.name;
}

const isAdjustment = (value: unknown): value is AdjustmentGroup =>
	typeof value === "object" && value !== null && "kind" in value && value.kind === "InventoryAdjustmentGroup";
