import { useFetcher } from "@remix-run/react";
import { useEffect, useRef, useState } from "react";

/** A person who types is not answered letter by letter. */
const TYPING_MS = 300;

/** What the server says of this address, once nobody has typed for a moment; null until it has. */
export function useLook<Look>(address: string | null): Look | null {
	const fetcher = useFetcher<Look>();
	const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
	const [answered, setAnswered] = useState<string | null>(null);
	const { load } = fetcher;
	useEffect(() => {
		if (address === null) return;
		timer.current = setTimeout(() => {
			setAnswered(address);
			load(address);
		}, TYPING_MS);
		return () => clearTimeout(timer.current);
	}, [address, load]);
	return address !== null && answered === address && fetcher.state === "idle" ? ((fetcher.data as Look | undefined) ?? null) : null;
}
