import type { Channel } from "#channels";

const MINUTE_MS = 60_000;

/** What a channel can do, in a merchant's words: from its capabilities, never from its name. */
export function abilitiesOf({ capabilities, limits, webhooks, messageQueues }: Channel): string[] {
	const tellsBySelf = messageQueues !== undefined || webhooks.signature !== null;
	const { writeBatchSize, readBeforeWrite, lateHorizonMs, resendsWebhooks, quantityMeaning } = capabilities;
	return [
		tellsBySelf ? "Sales are reported by the channel at once" : "Sales are read from the channel regularly",
		resendsWebhooks ? null : "Orders are read again regularly, so that a lost report is found",
		readBeforeWrite ? "Its figure is read before each change: a sale in that very moment is kept" : null,
		quantityMeaning === "grossOfOpenOrders" ? "Units in open orders are added to what it is told, as it asks for" : null,
		// Where operations are counted apart, each update is a request of its own.
		limits.operations === undefined && writeBatchSize > 1
			? `Up to ${writeBatchSize} listings are updated with one request`
			: "Listings are updated one by one",
		limits.operations === undefined ? `At most ${rate(limits.unitsPerSecond)}` : null,
		lateHorizonMs >= MINUTE_MS ? `An update without an answer is checked for ${Math.round(lateHorizonMs / MINUTE_MS)} minutes` : null,
	].filter((words) => words !== null);
}

const rate = (perSecond: number): string =>
	perSecond >= 1
		? `${count(perSecond)} a second`
		: perSecond * 60 >= 1
			? `${count(perSecond * 60)} a minute`
			: `${count(perSecond * 3_600)} an hour`;
const count = (requests: number): string => `${Math.round(requests)} ${Math.round(requests) === 1 ? "request" : "requests"}`;
