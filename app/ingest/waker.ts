import type { JobName, Payload, Wake } from "#jobs";

/** Commits follow each other by milliseconds in a burst; one wake for all of them is enough, a run takes everything there is. */
const WINDOW_MS = 5;

export type Waker = { wake<N extends JobName>(name: N, payload: Payload<N>): void; close(): Promise<void> };

/**
 * At most one wake per job and payload every few milliseconds. A wake that is lost loses nothing: the rows are committed, and
 * the sweeper finds them within a second.
 */
export function createWaker(send: Wake): Waker {
	const wanted = new Map<string, () => Promise<void>>();
	const sending = new Set<Promise<void>>();
	let timer: NodeJS.Timeout | undefined;

	const sendAll = () => {
		clearTimeout(timer);
		timer = undefined;
		for (const one of wanted.values()) {
			const sent = one().finally(() => sending.delete(sent));
			sending.add(sent);
		}
		wanted.clear();
	};

	return {
		wake(name, payload) {
			wanted.set(`${name} ${JSON.stringify(payload)}`, () => send(name, payload));
			timer ??= setTimeout(sendAll, WINDOW_MS);
		},
		async close() {
			sendAll();
			await Promise.allSettled(sending);
		},
	};
}
