import { useRevalidator } from "@remix-run/react";
import { useEffect } from "react";

/** Figures that a person reads line by line may be some seconds old; the page catches up by itself, and not while nobody looks. */
const EVERY_MS = 10_000;

/** Reads the page's data again from time to time. Off while somebody is in the middle of changing something. */
export function useFresh({ paused, everyMs = EVERY_MS }: { paused: boolean; everyMs?: number }): void {
	const { revalidate, state } = useRevalidator();
	useEffect(() => {
		if (paused || state !== "idle") return;
		const timer = setInterval(() => {
			if (!document.hidden) revalidate();
		}, everyMs);
		return () => clearInterval(timer);
	}, [paused, everyMs, state, revalidate]);
}
