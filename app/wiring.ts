import type { ApplyDeps } from "#apply";
import { channel } from "#channels";
import type { Deps } from "./connections/deps.ts";

/** Apply knows no channel and no queue: here it is told what it must know of a channel, and whom to wake after a commit. */
export const applyDepsOf = (deps: Pick<Deps, "pool" | "log" | "wake">): ApplyDeps => ({
	pool: deps.pool,
	log: deps.log,
	traits: (id) => {
		const { capabilities } = channel(id);
		return {
			clockResolutionMs: Math.max(capabilities.clockResolutionMs, capabilities.clocksApartMs ?? 0),
			quantityMeaning: capabilities.quantityMeaning,
		};
	},
	onApplied({ shopId, deliveries, fetches }) {
		for (const connectionId of deliveries) void deps.wake("delivery.push", { shopId, connectionId });
		for (const connectionId of fetches) void deps.wake("ingest.fetch", { shopId, connectionId });
	},
});
