import type { Channel } from "./channel.ts";
import { channels } from "./registry.ts";

/** So long before a version ends there must be a release that speaks the next one, and everybody has to have it. */
export const VERSION_WARNING_DAYS = 60;
const DAY_MS = 86_400_000;

export type ApiVersion = {
	channel: Channel["id"];
	name: string;
	pinned: string;
	/** ISO 8601, at 0:00 UTC. null: the channel has announced no end (`source` says where that was looked up, and when). */
	sunsetAt: string | null;
	source: string;
	/** Whole days that are left; below zero: it has ended. */
	daysLeft: number | null;
	state: "open-ended" | "supported" | "ends-soon" | "ended";
};

/** Which version of each channel's API this release speaks, and until when that is answered (R33). The soonest end comes first. */
export function apiCalendar(now: Date, of: readonly Channel[] = channels()): ApiVersion[] {
	const versions = of.map(({ id, name, apiVersion: { pinned, sunsetAt, source } }): ApiVersion => {
		if (sunsetAt === null) return { channel: id, name, pinned, sunsetAt, source, daysLeft: null, state: "open-ended" };
		const end = Date.parse(sunsetAt);
		if (Number.isNaN(end)) throw new RangeError(`${name}: the version's end ${JSON.stringify(sunsetAt)} is no date`);
		const daysLeft = Math.floor((end - now.getTime()) / DAY_MS);
		const state = daysLeft < 0 ? "ended" : daysLeft <= VERSION_WARNING_DAYS ? "ends-soon" : "supported";
		return { channel: id, name, pinned, sunsetAt: new Date(end).toISOString(), source, daysLeft, state };
	});
	return versions.sort((a, b) => (a.daysLeft ?? Number.POSITIVE_INFINITY) - (b.daysLeft ?? Number.POSITIVE_INFINITY));
}
