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

/** Requests that left one after another may arrive together, the first of them this much late. */
const LATE_SECONDS = 0.6;

/**
 * What we allow ourselves of it. Requests overtake each other on their way, so that a pace which is just the allowed one here is
 * now and then a little more there, and is refused (seen with the sandbox on a busy machine: four at once, then 4.75 a second).
 * A twentieth of the rate is left to that, and of the burst what may come late: with `b` at once and `r` a second at most
 * b + 0.6 r arrive in a moment, which is what Amazon's bucket holds. What is later than that the budget counts again
 * (connections/budget.ts).
 */
export const OWN_LIMITS: NonNullable<Limits["operations"]> = Object.fromEntries(
	Object.entries(OPERATIONS).map(([name, { unitsPerSecond, burst }]) => [
		name,
		{ unitsPerSecond: unitsPerSecond * 0.95, burst: Math.max(1, Math.floor(burst - unitsPerSecond * LATE_SECONDS)) },
	]),
);
