/** Commits follow each other by milliseconds in a burst; one wake for all of them is enough, a drain takes everything there is. */
const WINDOW_MS = 5;

export type Waker = { wake(job: string, shopId: number): void; close(): Promise<void> };

/**
 * At most one wake per job and shop every few milliseconds. A wake that is lost loses nothing: the rows are committed, and the
 * sweeper finds them within a second.
 */
export function createWaker(send: (job: string, shopId: number) => Promise<void>): Waker {
	const wanted = new Map<string, { job: string; shopId: number }>();
	const sending = new Set<Promise<void>>();
	let timer: NodeJS.Timeout | undefined;

	const sendAll = () => {
		clearTimeout(timer);
		timer = undefined;
		for (const { job, shopId } of wanted.values()) {
			const sent = send(job, shopId).finally(() => sending.delete(sent));
			sending.add(sent);
		}
		wanted.clear();
	};

	return {
		wake(job, shopId) {
			wanted.set(`${job} ${shopId}`, { job, shopId });
			timer ??= setTimeout(sendAll, WINDOW_MS);
		},
		async close() {
			sendAll();
			await Promise.allSettled(sending);
		},
	};
}
