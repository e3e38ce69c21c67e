import type { Wake } from "#jobs";

/** Commits follow each other by milliseconds in a burst; one wake for all of them is enough, a drain takes everything there is. */
const WINDOW_MS = 5;

type Lane = "apply.drain" | "connections.lifecycle";
export type Waker = { wake(lane: Lane, shopId: number): void; close(): Promise<void> };

/**
 * At most one wake per lane and shop every few milliseconds. A wake that is lost loses nothing: the rows are committed, and the
 * sweeper finds them within a second.
 */
export function createWaker(wake: Wake): Waker {
	const wanted = new Map<string, { lane: Lane; shopId: number }>();
	const sending = new Set<Promise<void>>();
	let timer: NodeJS.Timeout | undefined;

	const sendAll = () => {
		clearTimeout(timer);
		timer = undefined;
		for (const { lane, shopId } of wanted.values()) {
			const sent = wake(lane, { shopId }).finally(() => sending.delete(sent));
			sending.add(sent);
		}
		wanted.clear();
	};

	return {
		wake(lane, shopId) {
			wanted.set(`${lane} ${shopId}`, { lane, shopId });
			timer ??= setTimeout(sendAll, WINDOW_MS);
		},
		async close() {
			sendAll();
			await Promise.allSettled(sending);
		},
	};
}
