import type { Fetcher } from "@remix-run/react";
import { useEffect, useRef } from "react";

type Said = { ok: boolean; message: string };

/** What an action of ours answers (authenticate.server.ts, `Said`) becomes a toast of the admin, once for each answer. */
export function useSaid(fetcher: Pick<Fetcher<unknown>, "state" | "data">, onDone?: (said: Said) => void): void {
	const told = useRef<unknown>(undefined);
	const done = useRef(onDone);
	done.current = onDone;
	const { state, data } = fetcher;
	useEffect(() => {
		if (state !== "idle" || data === told.current) return;
		told.current = data;
		if (!isSaid(data)) return;
		if (data.message) window.shopify?.toast.show(data.message, { isError: !data.ok });
		done.current?.(data);
	}, [state, data]);
}

const isSaid = (data: unknown): data is Said =>
	typeof data === "object" && data !== null && "ok" in data && "message" in data && typeof data.message === "string";
