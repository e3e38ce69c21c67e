import type { Clock } from "../../clock.ts";

/** Requests per second and how many at once. */
export type Plan = { rate: number; burst: number };

/** Published default usage plans, models/*.json (checked against them in amazon.schema.contract.test.ts). */
export const PLANS: Readonly<Record<string, Plan>> = {
	getMarketplaceParticipations: { rate: 0.016, burst: 15 },
	searchOrders: { rate: 0.0056, burst: 20 },
	getOrder: { rate: 0.5, burst: 30 },
	getListingsItem: { rate: 5, burst: 10 },
	searchListingsItems: { rate: 5, burst: 5 },
	patchListingsItem: { rate: 5, burst: 5 },
	getSubscription: { rate: 1, burst: 5 },
	getSubscriptions: { rate: 1, burst: 5 },
	createSubscription: { rate: 1, burst: 5 },
	getSubscriptionById: { rate: 1, burst: 5 },
	deleteSubscriptionById: { rate: 1, burst: 5 },
	getDestinations: { rate: 1, burst: 5 },
	createDestination: { rate: 1, burst: 5 },
	getDestination: { rate: 1, burst: 5 },
	deleteDestination: { rate: 1, burst: 5 },
	createReport: { rate: 0.0167, burst: 15 },
	getReport: { rate: 2, burst: 15 },
	getReportDocument: { rate: 0.0167, burst: 15 },
	getInventorySummaries: { rate: 2, burst: 2 },
};

/** A request may arrive a little before its token by the jitter of a network; that is no fault of the caller. */
const JITTER_MS = 50;
/** Requests that were on their way when the first refusal came were sent in good faith. */
const IN_FLIGHT_MS = 1_000;

export type Verdict =
	| { outcome: "allowed"; rate: number }
	/** `foreseeable`: the published plan, or what the headers have told so far, forbids it too. */
	| { outcome: "exceeded"; rate: number; foreseeable: boolean };

export type UsagePlans = {
	/** One request of `caller` (seller and application). */
	spend(operation: string, caller: string): Verdict;
	/** The caller has been told the rate by a header. */
	told(operation: string, caller: string): void;
};

export function createUsagePlans(clock: Clock, differing: Readonly<Record<string, Plan>>): UsagePlans {
	const buckets = new Map<string, Lot>();
	const planOf = (operation: string) => differing[operation] ?? published(operation);
	const bucketsOf = (operation: string, caller: string) => {
		const key = `${operation}\n${caller}`;
		const found: Lot = buckets.get(key) ?? {
			real: createBucket(clock, planOf(operation)),
			known: createBucket(clock, published(operation)),
			refusedAt: null,
		};
		buckets.set(key, found);
		return found;
	};
	/** Refused a while ago, the caller knows that there is no token before the known rate brings one. */
	const tooSoonAgain = (lot: Lot) => {
		lot.refusedAt ??= clock.now();
		const passedMs = clock.now() - lot.refusedAt;
		return passedMs > IN_FLIGHT_MS && passedMs < 1000 / lot.known.rate() - JITTER_MS;
	};
	return {
		spend(operation, caller) {
			const lot = bucketsOf(operation, caller);
			const { real, known } = lot;
			const rate = planOf(operation).rate;
			// A refused request costs no token, neither here nor in what the caller may count on.
			if (!real.has(0)) return { outcome: "exceeded", rate, foreseeable: !known.has(JITTER_MS) || tooSoonAgain(lot) };
			real.take();
			known.take();
			lot.refusedAt = null;
			return { outcome: "allowed", rate };
		},
		told(operation, caller) {
			const { known } = bucketsOf(operation, caller);
			known.slower(planOf(operation).rate);
		},
	};
}

function published(operation: string): Plan {
	const plan = PLANS[operation];
	if (!plan) throw new Error(`No usage plan is known for ${operation}`);
	return plan;
}

/** The bucket as it is, and as the caller may believe it to be. */
type Lot = { real: Bucket; known: Bucket; refusedAt: number | null };
type Bucket = { has(toleranceMs: number): boolean; take(): void; slower(rate: number): void; rate(): number };

function createBucket(clock: Clock, { rate, burst }: Plan): Bucket {
	let perSecond = rate;
	let tokens = burst;
	let at = clock.now();
	const refill = () => {
		tokens = Math.min(burst, tokens + ((clock.now() - at) / 1000) * perSecond);
		at = clock.now();
	};
	return {
		has(toleranceMs) {
			refill();
			return tokens + (toleranceMs / 1000) * perSecond >= 1 - 1e-9;
		},
		take() {
			refill();
			tokens = Math.max(0, tokens - 1);
		},
		rate: () => perSecond,
		slower(told) {
			refill();
			perSecond = Math.min(perSecond, told);
		},
	};
}

/** `5.0`, `0.0056` */
export const rateText = (rate: number) => (Number.isInteger(rate) ? rate.toFixed(1) : String(rate));
