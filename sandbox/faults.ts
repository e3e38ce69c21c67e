/**
 * Misbehaviour on demand. A stand-in asks before it answers a request (`request`) and before it sends a webhook (`webhook`);
 * nobody asks which test is running. Probabilities are 0…1; `only` limits a fault to some SKUs or operations.
 */
export type RequestFault =
	| { kind: "status"; status: 429 | 500 | 502 | 503; retryAfterSeconds?: number }
	/** The caller sees its own time-out; `effect` says whether the channel carried the request out before or not at all. */
	| { kind: "timeout"; effect: "before" | "none" }
	/** The request is carried out, but only after `delayMs`; the caller is cut off at once (an old write landing late). */
	| { kind: "lands-late"; delayMs: number }
	| { kind: "slow"; delayMs: number }
	| { kind: "html" };

export type WebhookFault =
	| { kind: "lost" }
	| { kind: "duplicate"; copies: number }
	| { kind: "late"; delayMs: number }
	| { kind: "reordered" };

export type Faults = {
	/** Set the rate of a request fault for one channel; rate 0 removes it. */
	onRequests(channel: string, name: string, rate: number, fault: RequestFault, only?: (operation: string) => boolean): void;
	onWebhooks(channel: string, name: string, rate: number, fault: WebhookFault): void;
	/** The next `count` matching requests meet this fault, whatever the rates. */
	next(channel: string, count: number, fault: RequestFault, only?: (operation: string) => boolean): void;
	clear(channel?: string): void;
	request(channel: string, operation: string): RequestFault | null;
	webhook(channel: string): WebhookFault | null;
	/** What is switched on now, for the *Break it* panel. */
	active(): { channel: string; name: string; rate: number; kind: string }[];
};

import type { Random } from "./random.ts";

export function createFaults(random: Random): Faults {
	type Rated<F> = { name: string; rate: number; fault: F; only?: ((operation: string) => boolean) | undefined };
	const requests = new Map<string, Rated<RequestFault>[]>();
	const webhooks = new Map<string, Rated<WebhookFault>[]>();
	const queued = new Map<string, { left: number; fault: RequestFault; only?: ((operation: string) => boolean) | undefined }[]>();

	const put = <F>(map: Map<string, Rated<F>[]>, channel: string, entry: Rated<F>) => {
		const rest = (map.get(channel) ?? []).filter((e) => e.name !== entry.name);
		map.set(channel, entry.rate > 0 ? [...rest, entry] : rest);
	};

	return {
		onRequests: (channel, name, rate, fault, only) => put(requests, channel, { name, rate, fault, only }),
		onWebhooks: (channel, name, rate, fault) => put(webhooks, channel, { name, rate, fault }),
		next(channel, count, fault, only) {
			queued.set(channel, [...(queued.get(channel) ?? []), { left: count, fault, only }]);
		},
		clear(channel) {
			for (const map of [requests, webhooks, queued]) {
				if (channel === undefined) map.clear();
				else map.delete(channel);
			}
		},
		request(channel, operation) {
			const list = queued.get(channel) ?? [];
			const first = list.find((entry) => entry.left > 0 && (entry.only?.(operation) ?? true));
			if (first) {
				first.left--;
				return first.fault;
			}
			for (const { rate, fault, only } of requests.get(channel) ?? []) {
				if ((only?.(operation) ?? true) && random.chance(rate)) return fault;
			}
			return null;
		},
		webhook(channel) {
			for (const { rate, fault } of webhooks.get(channel) ?? []) if (random.chance(rate)) return fault;
			return null;
		},
		active: () =>
			[...requests, ...webhooks].flatMap(([channel, list]) =>
				list.map(({ name, rate, fault }) => ({ channel, name, rate, kind: fault.kind })),
			),
	};
}
