import type { Outside } from "./outside.ts";
import type { PlannedAct, PlannedStep } from "./plan.ts";

export type Played = { orders: number; units: number; refused: number; cancelled: number; edits: number };

/**
 * Plays one act: everybody acts at the planned time, whatever happened to the others before. Buyers buy what their channel
 * shows and go away from what is sold out. Resolves when the last of them is done.
 */
export async function playAct(
	outside: Outside,
	act: PlannedAct,
	onProgress: (done: number, all: number, played: Played) => void,
): Promise<Played> {
	const { world } = outside;
	const played: Played = { orders: 0, units: 0, refused: 0, cancelled: 0, edits: 0 };
	const orders = new Map<string, string[]>();
	const startedAt = world.clock.now();
	const doing: Promise<void>[] = [];
	for (const [index, step] of act.steps.entries()) {
		const wait = startedAt + step.at - world.clock.now();
		if (wait > 0) await world.clock.sleep(wait);
		doing.push(play(outside, step, played, orders));
		if (index % 10 === 0) onProgress(index, act.steps.length, played);
	}
	await Promise.all(doing);
	onProgress(act.steps.length, act.steps.length, played);
	return played;
}

async function play(outside: Outside, step: PlannedStep, played: Played, orders: Map<string, string[]>): Promise<void> {
	switch (step.kind) {
		case "buy": {
			const orderId = await buy(outside, step.channel, step.lines);
			if (orderId === null) played.refused++;
			else {
				played.orders++;
				played.units += step.lines.reduce((sum, line) => sum + line.quantity, 0);
				orders.set(step.channel, [...(orders.get(step.channel) ?? []), orderId]);
			}
			return;
		}
		case "cancel": {
			const open = orders.get(step.channel) ?? [];
			const orderId = open[step.which % Math.max(1, open.length)];
			if (orderId === undefined) return;
			orders.set(
				step.channel,
				open.filter((id) => id !== orderId),
			);
			if (step.channel === "shopify") outside.shop.cancelOrder({ orderId: Number(orderId), restock: true });
			else await marketOf(outside, step.channel).cancel(orderId);
			played.cancelled++;
			return;
		}
		case "edit": {
			const locationId = outside.shop.locations()[step.location]?.id;
			outside.shop.editStock({ sku: step.sku, ...(locationId === undefined ? {} : { locationId }), delta: step.delta });
			played.edits++;
		}
	}
}

/** null: the channel showed too few, and the buyer went away. */
async function buy(outside: Outside, channel: string, lines: readonly { sku: string; quantity: number }[]): Promise<string | null> {
	if (channel !== "shopify") return marketOf(outside, channel).checkout(lines);
	const bought = outside.shop.checkout({ lines: [...lines] });
	return bought.outcome === "placed" ? String(bought.orderId) : null;
}

function marketOf(outside: Outside, channel: string) {
	const market = outside.markets.find(({ id }) => id === channel);
	if (!market) throw new Error(`Nobody sells on ${channel} today`);
	return market;
}

/** Before the last act the merchant counts the hot products and types what is left of them. */
export function countHotStock(outside: Outside, act: PlannedAct): void {
	const [main] = outside.shop.locations();
	for (const { sku, units } of act.hot) {
		for (const location of outside.shop.locations()) {
			const level = outside.shop.level(sku, location.id);
			if (!level) continue;
			outside.shop.editStock({ sku, locationId: location.id, set: location.id === main?.id ? units : 0 });
		}
	}
}

/** The misbehaviour of an ordinary bad day, on every channel's webhooks and on requests. */
export function misbehave(outside: Outside, channels: readonly string[]): void {
	for (const channel of channels) {
		outside.world.faults.onWebhooks(channel, "twice", 0.05, { kind: "duplicate", copies: 2 });
		outside.world.faults.onWebhooks(channel, "reordered", 0.05, { kind: "reordered" });
		outside.world.faults.onWebhooks(channel, "late", 0.03, { kind: "late", delayMs: 4_000 });
		outside.world.faults.onWebhooks(channel, "lost", 0.02, { kind: "lost" });
	}
}
