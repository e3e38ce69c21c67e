import type { DeliveryChannel, DeliveryClient } from "#delivery";
import type { AccountAccess, DeltaRequest, DeltaResult } from "../../app/channels/channel.ts";
import { type ChannelError, ChannelTimeoutError, RequestRejectedError } from "../../app/channels/errors.ts";
import { createNeighbourStore } from "./neighbour-store.ts";

/** A home next door: absolute levels that take differences, each key once, all or nothing. */
export type NeighbourHome = {
	channel: DeliveryChannel;
	connect(access: Pick<AccountAccess, "beforeCall" | "onCall">): DeliveryClient;
	/** By "item location". */
	levels: Map<string, number>;
	/** Every request that reached it, done or not. */
	requests: DeltaRequest[];
	/** Items that it refuses; with `silent` it does not say which. */
	refuses: Map<string, ChannelError>;
	silent: boolean;
	/** The next requests meet these, one each. */
	faults: ({ kind: "error"; error: ChannelError } | { kind: "timeout"; effect: "done" | "none" })[];
	strike: { before?: () => void | Promise<void>; after?: () => void | Promise<void> };
};

export function createNeighbourHome(): NeighbourHome {
	const done = new Map<string, { variables: string; result: DeltaResult }>();
	const store = createNeighbourStore({});
	const home: NeighbourHome = {
		channel: {
			...store.channel,
			capabilities: { ...store.channel.capabilities, quantityMeaning: "delta", writeBatchSize: 250 },
		},
		connect: (access) => connect(access),
		levels: new Map(),
		requests: [],
		refuses: new Map(),
		silent: false,
		faults: [],
		strike: {},
	};

	const carryOut = (request: DeltaRequest): DeltaResult => {
		const variables = JSON.stringify(request.changes);
		const before = done.get(request.idempotencyKey);
		if (before) {
			if (before.variables === variables) return before.result;
			return { outcome: "refused", refused: [{ index: null, error: new RequestRejectedError("same key, other parameters") }] };
		}
		const refused = request.changes.flatMap((change, index) => {
			const error = home.refuses.get(change.itemExternalId);
			return error ? [{ index: home.silent ? null : index, error }] : [];
		});
		if (refused.length > 0) return { outcome: "refused", refused };
		for (const { itemExternalId, locationExternalId, delta } of request.changes) {
			const key = `${itemExternalId} ${locationExternalId}`;
			home.levels.set(key, (home.levels.get(key) ?? 0) + delta);
		}
		const result: DeltaResult = { outcome: "landed", landedAt: new Date(Math.floor(Date.now() / 1000) * 1000).toISOString() };
		done.set(request.idempotencyKey, { variables, result });
		return result;
	};

	const connect = (access: Pick<AccountAccess, "beforeCall" | "onCall">): DeliveryClient => ({
		...store.connect(access),
		home: {
			async adjust(request) {
				await access.beforeCall?.(1);
				const startedAt = performance.now();
				try {
					await home.strike.before?.();
					home.requests.push(structuredClone(request));
					const fault = home.faults.shift();
					if (fault?.kind === "error") throw fault.error;
					if (fault?.effect === "done") carryOut(request);
					if (fault) throw new ChannelTimeoutError("no answer");
					const result = carryOut(request);
					await home.strike.after?.();
					return result;
				} finally {
					access.onCall?.({ operation: "inventory.adjust", httpStatus: 200, tookMs: Math.round(performance.now() - startedAt) });
				}
			},
		},
	});
	return home;
}
