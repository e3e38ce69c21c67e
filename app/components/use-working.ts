import { useRevalidator } from "@remix-run/react";
import { useEffect } from "react";

/** A worker's progress is looked at this often: it moves by a page of a hundred listings. */
const EVERY_MS = 1_500;

/** Reads the page's data again while something is being done for it elsewhere, until it is done. */
export function useWorking(isWorking: boolean): void {
	const { revalidate, state } = useRevalidator();
	useEffect(() => {
		if (!isWorking || state !== "idle") return;
		const timer = setTimeout(() => {
			if (!document.hidden) revalidate();
		}, EVERY_MS);
		return () => clearTimeout(timer);
	}, [isWorking, state, revalidate]);
}
