import { judgeReading } from "#app/delivery/judge-reading.ts";
import { afterAccepted, afterLanding, type ListingState } from "#app/delivery/listing-state.ts";
import { applyOwnOrder, type Listing, settleDirty, targetOf } from "#listings";

/**
 * One channel and one shop in virtual time: buyers, orders that come late, readings and writes that take hundreds of
 * milliseconds, stamps in whole seconds. Delivery's and apply's own pure code decides; only what lies between is modelled.
 */
export type World = {
	/** What the store's buyers see. */
	figure: number;
	/** What really is there, anywhere. */
	truth: number;
	oversold: number;
	writes: number;
	/** Units that we count. */
	counted: number;
	listing: Both;
	/** How often somebody else was said to write there; nobody does. */
	strangers: number;
	/** Writes that the channel was said not to have carried out. */
	failures: number;
	/** From when on the channel showed what there is. */
	rightSince: number;
	/** When the last thing happened that it has to show. */
	lastEventAt: number;
};
type Both = ListingState & Listing;

export type Day = {
	units: number;
	seconds: number;
	/** Per second; buyers at the store, and elsewhere (home). */
	buyersHere: number;
	buyersElsewhere: number;
	/** Units that the merchant adds now and then. */
	adds: boolean;
	/** Longest time that an order takes to reach us. */
	ordersLateMs: number;
	/** Of the sales here, the share that is cancelled within 20 s, and the longest time until we hear of that. */
	cancelled?: { share: number; lateMs: number };
	/**
	 * The channel accepts a write at once and applies it after so long, in the order in which they came; but for the share that
	 * is overtaken, and applied minutes later over what came since.
	 */
	applies?: { fromMs: number; toMs: number; overtaken: number };
	/** How far apart the channel's clocks are: of its orders and of its listings. */
	clocksApartMs?: number;
	seed: number;
};

const STAMP_MS = 1_000;
const WATERMARK_EVERY_MS = 120_000;
/** Longer than anything is waited for. */
const WATERMARKS_AFTER = 15;
const WATERMARK_MARGIN_MS = 15_000;
/** What is accepted may land for so long (amazon.md 3.1). */
const LATE_HORIZON_MS = 15 * 60_000;
const OVERTAKEN_MS = 5 * 60_000;
const floor = (at: number) => Math.floor(at / STAMP_MS) * STAMP_MS;

export function play(day: Day, { naive = false } = {}): World {
	const random = draws(day.seed);
	const world: World = {
		...{ figure: day.units, truth: day.units, oversold: 0, writes: 0, counted: day.units, listing: fresh(day.units) },
		...{ strangers: 0, failures: 0, rightSince: 0, lastEventAt: 0 },
	};
	const resolutionMs = Math.max(STAMP_MS, day.clocksApartMs ?? 0);
	const queue = createQueue();
	const soldHere: number[] = [];
	let busy = false;
	let appliedLast = 0;

	let isRight = true;
	/** After anything that changes what is shown or what there is. */
	const look = (isEvent: boolean) => {
		if (isEvent) world.lastEventAt = queue.now();
		const right = Math.max(0, world.figure) === Math.max(0, world.truth);
		if (right && !isRight) world.rightSince = queue.now();
		isRight = right;
	};
	const sell = (units: number) => {
		world.truth -= units;
		look(true);
		if (world.truth < 0) world.oversold += Math.min(units, -world.truth);
	};
	const change = (listing: Both) => {
		world.listing = settleDirty(listing, queue.now()) as Both;
		if (world.listing.dirtySince !== null) push();
	};
	const count = (units: number) => {
		world.counted += units;
		change({ ...world.listing, desired: Math.max(0, world.counted) });
	};
	/** `change`: 1 for a sale, -1 for its cancellation. */
	const applyOwn = (sale: { change: number; from: number; to: number }) => {
		if (sale.change > 0) soldHere.push(queue.now());
		world.counted -= sale.change;
		const applied = naive ? world.listing : (applyOwnOrder(world.listing, sale, resolutionMs) as Both);
		change({ ...applied, desired: Math.max(0, world.counted) });
	};

	const push = () => {
		if (busy || world.listing.dirtySince === null) return;
		const dueAt = dueAtOf(world.listing);
		if (dueAt > queue.now()) {
			queue.at(dueAt, push);
			return;
		}
		busy = true;
		const asked = world.listing;
		const readAt = queue.now() + trip(random);
		queue.at(readAt, () => {
			const reading = world.figure;
			queue.in(trip(random), () => judge(asked, reading, floor(readAt)));
		});
	};
	const done = () => {
		busy = false;
		if (world.listing.dirtySince !== null) push();
	};
	const judge = (asked: Both, reading: number, readAt: number, readings = 1): void => {
		const now = queue.now();
		if (naive) {
			write({ quantity: world.listing.desired ?? 0, reading });
			return;
		}
		const answer = { quantity: reading, managed: true, readAt };
		const judged = judgeReading(world.listing, { ...asked, correlationId: null }, answer, {
			now,
			watching: false,
			ownSalesLower: true,
			appliesLater: day.applies !== undefined,
			pace: soldHere.filter((at) => at > now - 10_000).length,
			lastReading: readings === 3,
		});
		if (judged.verdict === "failed") {
			world.listing = { ...world.listing, ...judged.listing };
			world.failures++;
			done();
			return;
		}
		if (judged.verdict === "read-again") {
			const before = world.listing;
			const again = now + trip(random);
			queue.at(again, () => {
				const figure = world.figure;
				queue.in(trip(random), () => judge(before, figure, floor(again), readings + 1));
			});
			return;
		}
		// As save-listings.ts writes it: the reading in which units were first missed.
		const more = judged.listing.unseen > world.listing.unseen;
		world.listing = { ...world.listing, ...judged.listing, unseenAt: more ? readAt : world.listing.unseenAt };
		world.listing.unseenSaved = world.listing.unseen;
		if (judged.verdict === "settled") done();
		else write(judged);
		if (judged.listing.lateUntil !== null) queue.at(judged.listing.lateUntil, lookLate);
	};
	/** As look-late.ts asks for it. */
	const lookLate = () => {
		const { lateUntil, dirtySince } = world.listing;
		if (lateUntil === null || lateUntil > queue.now() || dirtySince !== null) return;
		world.listing = { ...world.listing, dirtySince: queue.now(), recheck: true };
		push();
	};
	const write = ({ quantity, reading }: { quantity: number; reading: number }) => {
		const { ownChanges, desiredMovementId } = world.listing;
		const plannedAt = queue.now();
		world.writes++;
		// As keep-claims.ts notes it when the request leaves.
		const { sent, sentAlone, uncertainUntil } = world.listing;
		const alone = sent === null ? (uncertainUntil ?? 0) <= plannedAt : sentAlone;
		if (!naive) world.listing = { ...world.listing, sent: quantity, sentOver: reading, sentAlone: alone };
		const { applies } = day;
		if (applies) {
			const isOvertaken = random() < applies.overtaken;
			const takesMs = isOvertaken ? OVERTAKEN_MS * random() : applies.fromMs + random() * (applies.toMs - applies.fromMs);
			const order = world.writes;
			queue.in(trip(random) + takesMs, () => {
				// What came before was worked off with a newer one.
				if (!isOvertaken && order < appliedLast) return;
				if (!isOvertaken) appliedLast = order;
				world.figure = quantity;
				look(false);
			});
			queue.in(2 * trip(random), () => {
				const now = queue.now();
				world.listing = naive
					? naivelyWritten(world.listing, quantity, now)
					: { ...world.listing, ...afterAccepted(world.listing, { until: now + LATE_HORIZON_MS, now }) };
				done();
			});
			return;
		}
		queue.in(trip(random), () => {
			world.figure = quantity;
			look(false);
			const writtenAt = floor(queue.now());
			queue.in(trip(random), () => {
				const now = queue.now();
				world.listing = naive
					? naivelyWritten(world.listing, quantity, now)
					: {
							...world.listing,
							...afterLanding(world.listing, { reading, quantity, writtenAt, ownChanges, movementId: desiredMovementId, plannedAt, now }),
						};
				world.listing.unseenSaved = world.listing.unseen;
				done();
			});
		});
	};

	/** Heard of after its sale: an older state of an order moves nothing. */
	const cancel = (soldAt: number, saleHeardIn: number, lateMs: number) => {
		const cancelledAt = floor(queue.now());
		world.figure += 1;
		sell(-1);
		queue.at(Math.max(soldAt + STAMP_MS + saleHeardIn, queue.now()) + random() * lateMs, () =>
			applyOwn({ change: -1, from: soldAt, to: cancelledAt }),
		);
	};

	for (let second = 0; second < day.seconds; second++) {
		for (let n = 0; n < day.buyersHere; n++) {
			queue.at(second * 1_000 + random() * 1_000, () => {
				if (world.figure <= 0) return;
				world.figure -= 1;
				sell(1);
				const soldAt = floor(queue.now());
				const heardIn = 100 + random() * day.ordersLateMs;
				queue.in(heardIn, () => applyOwn({ change: 1, from: soldAt, to: soldAt }));
				const { cancelled } = day;
				if (cancelled && random() < cancelled.share) queue.in(1_000 + random() * 20_000, () => cancel(soldAt, heardIn, cancelled.lateMs));
			});
		}
		for (let n = 0; n < day.buyersElsewhere; n++) {
			queue.at(second * 1_000 + random() * 1_000, () => {
				if (world.truth <= 0) return;
				sell(1);
				queue.in(50 + random() * 300, () => count(-1));
			});
		}
		if (day.adds && second % 7 === 3) {
			queue.at(second * 1_000 + random() * 1_000, () => {
				sell(-5);
				queue.in(50 + random() * 300, () => count(5));
			});
		}
	}
	for (
		let watermark = WATERMARK_EVERY_MS;
		watermark < day.seconds * 1_000 + WATERMARKS_AFTER * WATERMARK_EVERY_MS;
		watermark += WATERMARK_EVERY_MS
	) {
		queue.at(watermark, () => {
			const { unseen, unseenAt } = world.listing;
			if (unseen === 0 || unseenAt === null || unseenAt >= watermark - resolutionMs - WATERMARK_MARGIN_MS) return;
			// As apply/decide/listing.ts records it.
			if (unseen > world.listing.inDoubt) world.strangers++;
			change({ ...world.listing, unseen: 0, recheck: true });
		});
	}
	queue.run();
	return world;
}

const naivelyWritten = (listing: Both, quantity: number, now: number): Both => ({
	...listing,
	shown: quantity,
	dirtySince: listing.desired === quantity ? null : now,
});

/** As sql/due.ts words it. */
function dueAtOf(listing: Both): number {
	const { shown, sent, acceptedAt, attempts, nextAttemptAt, uncertainUntil } = listing;
	const mustFall = shown === null || (targetOf(listing) ?? 0) < ((acceptedAt === null ? shown : sent) ?? 0);
	return Math.max(attempts === 0 && mustFall ? 0 : (nextAttemptAt ?? 0), mustFall || acceptedAt !== null ? 0 : (uncertainUntil ?? 0));
}

const trip = (random: () => number) => 50 + random() * 350;

function createQueue() {
	const tasks: { at: number; order: number; task: () => void }[] = [];
	let now = 0;
	let order = 0;
	const at = (when: number, task: () => void) => {
		const entry = { at: when, order: order++, task };
		let index = tasks.length;
		while (index > 0 && (tasks[index - 1] as typeof entry).at > when) index--;
		tasks.splice(index, 0, entry);
	};
	return {
		now: () => now,
		at,
		in: (delay: number, task: () => void) => at(now + delay, task),
		run() {
			for (let steps = 0; tasks.length > 0; steps++) {
				if (steps > 200_000) throw new Error("The day does not come to rest");
				const next = tasks.shift() as (typeof tasks)[number];
				now = next.at;
				next.task();
			}
		},
	};
}

/** mulberry32: the same seed plays the same day. */
function draws(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), state | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

const fresh = (units: number): Both => ({
	id: 1,
	connectionId: 1,
	externalId: "1",
	parentExternalId: null,
	itemId: 1,
	restoreTo: null,
	policy: null,
	desired: units,
	desiredMovementId: 0,
	landedMovementId: 0,
	shown: units,
	unseen: 0,
	assumed: 0,
	assumedUntil: null,
	inDoubt: 0,
	unseenSaved: 0,
	readAt: -10_000,
	unseenAt: null,
	writtenAt: -10_000,
	originalQuantity: units,
	sent: null,
	sentOver: null,
	sentAlone: false,
	acceptedAt: null,
	ownChanges: 0,
	recheck: false,
	seen: null,
	uncertainUntil: null,
	lateUntil: null,
	parked: false,
	deliverable: true,
	dirtySince: null,
	nextAttemptAt: null,
	attempts: 0,
	attemptsClass: null,
});
