import type { Limits } from "../channel.ts";

/**
 * Every operation that we call, with its own bucket per selling account and application: rate per second and burst, as the models
 * give them (amzn/selling-partner-api-models@34dc93f, usage plan of each operation).
 */
export const OPERATIONS = {
	searchOrders: { unitsPerSecond: 0.0056, burst: 20 },
	getOrder: { unitsPerSecond: 0.5, burst: 30 },
	getListingsItem: { unitsPerSecond: 5, burst: 10 },
	searchListingsItems: { unitsPerSecond: 5, burst: 5 },
	patchListingsItem: { unitsPerSecond: 5, burst: 5 },
	createReport: { unitsPerSecond: 0.0167, burst: 15 },
	getReport: { unitsPerSecond: 2, burst: 15 },
	getReportDocument: { unitsPerSecond: 0.0167, burst: 15 },
	getMarketplaceParticipations: { unitsPerSecond: 0.016, burst: 15 },
	getSubscriptions: { unitsPerSecond: 1, burst: 5 },
	createSubscription: { unitsPerSecond: 1, burst: 5 },
	deleteSubscriptionById: { unitsPerSecond: 1, burst: 5 },
	getDestinations: { unitsPerSecond: 1, burst: 5 },
	createDestination: { unitsPerSecond: 1, burst: 5 },
} as const;

export type Operation = keyof typeof OPERATIONS;

/**
 * What we allow ourselves of it. Requests overtake each other on their way, so that a pace which is just the allowed one here is
 * now and then a little more there, and is refused (seen with the sandbox on a busy machine: five at once, then five a second). A
 * twentieth of the rate and a fifth of the burst are left to that.
 */
export const OWN_LIMITS: NonNullable<Limits["operations"]> = Object.fromEntries(
	Object.entries(OPERATIONS).map(([name, { unitsPerSecond, burst }]) => [
		name,
		{ unitsPerSecond: unitsPerSecond * 0.95, burst: Math.max(1, Math.floor(burst * 0.8)) },
	]),
);
