import { useRef } from "react";

/**
 * Plain data as it was given first, for as long as what is given says the same: written out anew at each drawing, it would make
 * Polaris measure and draw again what has not changed.
 */
export function useSame<T>(given: T): T {
	const said = JSON.stringify(given);
	const kept = useRef({ said, given });
	if (kept.current.said !== said) kept.current = { said, given };
	return kept.current.given;
}
