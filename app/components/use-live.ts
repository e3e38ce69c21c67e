import { useEffect, useRef, useState } from "react";

/** A sale reaches the other channels in about a second; looking twice as seldom keeps the page honest and the server idle. */
const POLL_MS = 2_000;
const POLL_MAX_MS = 30_000;
/** One lost answer is a hiccup; after the second the page says that it is not live. */
const FAILURES_SHOWN_FROM = 2;

export type Live<T> = { data: T; connected: boolean };

/**
 * Keeps a page's data current without reloading. The Shopify admin's frame carries its session token only on `fetch`, so there
 * is no EventSource: we ask again, with the last answer's ETag, and not at all while nobody looks at the tab.
 */
export function useLive<T extends { asOf: string }>(url: string, loaded: T): Live<T> {
	const [live, setLive] = useState<Live<T>>({ data: loaded, connected: true });
	const etag = useRef<string | null>(null);

	useEffect(() => setLive((now) => (newer(loaded, now.data) ? { data: loaded, connected: true } : now)), [loaded]);

	useEffect(() => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		let asking: AbortController | undefined;
		let failures = 0;

		const ask = async () => {
			asking = new AbortController();
			const { signal } = asking;
			try {
				const response = await fetch(url, { signal, cache: "no-store", headers: etag.current ? { "if-none-match": etag.current } : {} });
				if (response.status === 304) {
					// Nothing has changed, and that is news as well: "3 updates are late" depends on the hour.
					const asOf = new Date(response.headers.get("date") ?? Date.now()).toISOString();
					setLive(({ data }) => ({ data: asOf > data.asOf ? { ...data, asOf } : data, connected: true }));
				} else if (response.ok) {
					const data = (await response.json()) as T;
					etag.current = response.headers.get("etag");
					setLive({ data, connected: true });
				} else throw new Error(`${url} answered ${response.status}`);
				failures = 0;
			} catch {
				if (signal.aborted) return;
				failures++;
				if (failures >= FAILURES_SHOWN_FROM) setLive(({ data }) => ({ data, connected: false }));
			}
			timer = setTimeout(ask, Math.min(POLL_MAX_MS, POLL_MS * 2 ** failures));
		};

		const stop = () => {
			clearTimeout(timer);
			asking?.abort();
		};
		const follow = () => {
			stop();
			if (!document.hidden) void ask();
		};

		document.addEventListener("visibilitychange", follow);
		if (!document.hidden) timer = setTimeout(ask, POLL_MS);
		return () => {
			document.removeEventListener("visibilitychange", follow);
			stop();
		};
	}, [url]);

	return live;
}

const newer = (a: { asOf: string }, b: { asOf: string }) => a.asOf > b.asOf;
