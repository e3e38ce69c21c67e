import type { AdminMarket } from "../../admin/index.ts";
import type { World } from "../../world.ts";
import type { DemoBundle, DemoProduct } from "../catalogue.ts";

export type Line = { sku: string; quantity: number };

/** A channel beside Shopify: what the admin shows of it, and how the merchant and a program that uses its API meet it. */
export type Market = AdminMarket & {
	/** What kind of channel it is to the app; `id` is this one's own name in the books. */
	channel: string;
	/** What the operator's script needs to connect it (scripts/connect.ts). */
	connectArgs(): Promise<readonly string[]>;
	/** What the app's environment must say before it can be connected at all. */
	environment: Readonly<Record<string, string>>;
	/** How many listings it has. */
	listings(): number;
	/** What it still has to say, or to apply. */
	waiting(): number;
	/** The channel as a quick program of the merchant's would use it; for the comparison only. */
	program(): Promise<MarketProgram>;
};

export type MarketProgram = {
	/** Orders that were placed and are not cancelled. */
	orders(): Promise<{ id: string; lines: Line[] }[]>;
	/** Sets figures; those that the channel shows already are left alone. */
	set(figures: readonly (readonly [sku: string, quantity: number])[]): Promise<void>;
	/** Tells of new orders as they come, by the channel's own way, its repetitions included. */
	onOrder(handle: (lines: readonly Line[]) => Promise<void>): Promise<{ close(): void }>;
};

export type MarketOptions = {
	world: World;
	products: readonly DemoProduct[];
	bundles: readonly DemoBundle[];
	seed: number;
	/** One channel alone must not oversell by itself, so that what oversells is ours. */
	atomicCheckout: boolean;
};
