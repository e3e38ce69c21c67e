import { amazon } from "./amazon/index.ts";
import type { Channel } from "./channel.ts";
import { shopify } from "./shopify/index.ts";
import { woocommerce } from "./woocommerce/index.ts";

/** Every channel there is: one line each. */
const all: Channel[] = [shopify, woocommerce, amazon];

export const channels = (): readonly Channel[] => all;

/** For tests: a channel next door, that only this process knows. */
export const enlist = (channel: Channel): void => void all.push(channel);

/** By the id that a connection stores. */
export function channel(id: string): Channel {
	const found = all.find((candidate) => candidate.id === id);
	if (!found) throw new UnknownChannelError(id);
	return found;
}

/** A row names a channel that this release does not have: an older process beside a newer one, or a removed channel. */
export class UnknownChannelError extends Error {
	constructor(id: string) {
		super(`There is no channel ${JSON.stringify(id)}; this release has ${all.map((candidate) => candidate.id).join(", ")}`);
		this.name = "UnknownChannelError";
	}
}
