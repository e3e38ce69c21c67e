import type { DeliveryChannel, DeliveryClient } from "#delivery";
import type { AccountAccess, StockWrite, WriteResult } from "../../app/channels/channel.ts";
import { type ChannelError, ChannelTimeoutError, ListingNotFoundError, RateLimitedError } from "../../app/channels/errors.ts";

/**
 * A channel next door that keeps state: absolute figures, sales of its own that lower them, stamps in whole seconds. Like a
 * store, it has no precondition on writes. A test may strike at every moment of a call; it never looks at which test is asking.
 */
export type NeighbourStore = {
	channel: DeliveryChannel;
	connect(access: Pick<AccountAccess, "beforeCall" | "onCall">): DeliveryClient;
	/** What buyers see, by external id. */
	figures: Map<string, number>;
	/** A buyer buys if the figure allows it; the answer is the sale's stamp. */
	sell(externalId: string, units?: number): string | null;
	now(): string;
	/** Every call that reached it. */
	calls: { operation: "read" | "write"; ids: string[]; quantities?: number[] }[];
	/** Called in the moments of a call, before its effect and after it (before the caller hears of it). */
	strike: Partial<Record<Moment, () => void | Promise<void>>>;
	/** What happens once, in this moment of the next call. */
	once(moment: Moment, what: () => void | Promise<void>): void;
	/** The next calls of this kind meet these, one each. */
	faults: { read: Fault[]; write: Fault[] };
	/** Writes of these listings are refused, each alone. */
	refuses: Map<string, ChannelError>;
	/** Reads answer null for these: stock is not managed. */
	unmanaged: Set<string>;
	/** Lands what was held back by "lands-late". */
	landLate(): void;
	/** Applies what was accepted, oldest first: all of it, or so many. */
	applyAccepted(count?: number): void;
	/** What was accepted never comes. */
	forgetAccepted(): void;
	/** Most requests in flight at once, as seen here. */
	busiest(): number;
};

type Moment = "before-read" | "after-read" | "before-write" | "after-write";
type Fault =
	| { kind: "error"; error: ChannelError }
	/** Nobody hears an answer. */
	| { kind: "timeout"; effect: "done" | "none" | "late" };

export function createNeighbourStore(
	figures: Record<string, number>,
	options: {
		writeBatchSize?: number;
		readBatchSize?: number;
		lateHorizonMs?: number;
		concurrency?: number;
		unitsPerSecond?: number;
		burst?: number;
		/** Writes are taken now and applied by `applyAccepted`. */
		appliesLater?: boolean;
	} = {},
): NeighbourStore {
	const late: StockWrite[][] = [];
	const accepted: StockWrite[] = [];
	let underWay = 0;
	let busiest = 0;
	const now = () => new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();

	const store: NeighbourStore = {
		channel: {
			capabilities: {
				quantityMeaning: "selfDecrementing",
				writeBatchSize: options.writeBatchSize ?? 50,
				readBatchSize: options.readBatchSize ?? 100,
				readBeforeWrite: true,
				resendsWebhooks: false,
				lateHorizonMs: options.lateHorizonMs ?? 60_000,
				clockResolutionMs: 1_000,
				...(options.appliesLater ? { appliesLater: true } : {}),
			},
			limits: {
				unitsPerSecond: options.unitsPerSecond ?? 1_000,
				burst: options.burst ?? 1_000,
				concurrency: options.concurrency ?? 2,
				source: "next door",
			},
		},
		connect: (access) => connect(access),
		figures: new Map(Object.entries(figures)),
		sell(externalId, units = 1) {
			const figure = store.figures.get(externalId) ?? 0;
			if (figure < units) return null;
			store.figures.set(externalId, figure - units);
			return now();
		},
		now,
		calls: [],
		strike: {},
		once(moment, what) {
			store.strike[moment] = async () => {
				delete store.strike[moment];
				await what();
			};
		},
		faults: { read: [], write: [] },
		refuses: new Map(),
		unmanaged: new Set(),
		landLate() {
			for (const writes of late.splice(0)) carryOut(writes);
		},
		applyAccepted: (count) => carryOut(accepted.splice(0, count ?? accepted.length)),
		forgetAccepted: () => void accepted.splice(0),
		busiest: () => busiest,
	};

	const carryOut = (writes: readonly StockWrite[]) => {
		for (const { externalId, quantity } of writes) store.figures.set(externalId, quantity);
	};

	/** One request: paid for, counted, struck at, and perhaps failing. */
	const request = async <T>(
		access: Pick<AccountAccess, "beforeCall" | "onCall">,
		kind: "read" | "write",
		work: () => T,
		onFault: (fault: Fault) => void,
	): Promise<T> => {
		await access.beforeCall?.(1);
		const startedAt = performance.now();
		busiest = Math.max(busiest, ++underWay);
		const report = (httpStatus: number | null, retryAfterMs?: number) =>
			access.onCall?.({ operation: `stock.${kind}`, httpStatus, tookMs: Math.round(performance.now() - startedAt), retryAfterMs });
		try {
			await store.strike[`before-${kind}`]?.();
			const fault = store.faults[kind].shift();
			if (fault) {
				onFault(fault);
				const error = fault.kind === "error" ? fault.error : new ChannelTimeoutError("no answer");
				report(error.httpStatus ?? null, error instanceof RateLimitedError ? error.retryAfterMs : undefined);
				throw error;
			}
			const result = work();
			await store.strike[`after-${kind}`]?.();
			report(200);
			return result;
		} finally {
			underWay--;
		}
	};

	const write = (writes: readonly StockWrite[]): WriteResult[] =>
		writes.map((one) => {
			const refusal = store.refuses.get(one.externalId);
			if (refusal) return { outcome: "failed", error: refusal };
			if (!store.figures.has(one.externalId)) return { outcome: "failed", error: new ListingNotFoundError(`no ${one.externalId} here`) };
			if (options.appliesLater) {
				accepted.push(one);
				return { outcome: "accepted", acceptedAt: now(), receipt: `${accepted.length}` };
			}
			carryOut([one]);
			return { outcome: "landed", writtenAt: now(), quantity: store.figures.get(one.externalId) ?? null };
		});

	const connect = (access: Pick<AccountAccess, "beforeCall" | "onCall">): DeliveryClient => ({
		async readStock(refs) {
			const ids = refs.map((ref) => ref.externalId);
			let channelTime = "";
			const readings = await request(
				access,
				"read",
				() => {
					store.calls.push({ operation: "read", ids });
					channelTime = now();
					return ids.map((externalId) => {
						const quantity = store.figures.get(externalId);
						if (quantity === undefined) return null;
						const managed = !store.unmanaged.has(externalId);
						return { externalId, quantity: managed ? quantity : null, managed };
					});
				},
				() => {},
			);
			return { readings, channelTime };
		},
		writeStock: (writes) =>
			request(
				access,
				"write",
				() => {
					store.calls.push({ operation: "write", ids: writes.map((w) => w.externalId), quantities: writes.map((w) => w.quantity) });
					return write(writes);
				},
				(fault) => {
					store.calls.push({ operation: "write", ids: writes.map((w) => w.externalId), quantities: writes.map((w) => w.quantity) });
					if (fault.kind === "timeout" && fault.effect === "done") carryOut(writes);
					if (fault.kind === "timeout" && fault.effect === "late") late.push([...writes]);
				},
			),
		close: async () => {},
	});
	return store;
}
