import { useNavigation, useSearchParams } from "@remix-run/react";
import { useCallback, useEffect, useRef, useState } from "react";

/** A person who types is not answered letter by letter. */
const TYPING_MS = 300;
/** What the admin puts into the frame's address for the first load; a page's own address does without. */
const ADMINS_OWN = ["id_token", "hmac", "timestamp", "session", "locale"];

export type UrlFilters = {
	get(name: string): string;
	/** Empty values take a filter away. The list begins at its first page again, unless the change is the page itself. */
	set(values: Record<string, string>): void;
	/** Another page or filter of this list is on its way. */
	loading: boolean;
};

/** A list's filters live in the page's address: they survive reloading, going back, and being sent to a colleague. */
export function useUrlFilters(): UrlFilters {
	const [params, setParams] = useSearchParams();
	const navigation = useNavigation();

	const set = useCallback(
		(values: Record<string, string>) =>
			setParams(
				(before) => {
					const next = new URLSearchParams(before);
					for (const name of ADMINS_OWN) next.delete(name);
					if (!("after" in values) && !("before" in values)) values = { ...values, after: "", before: "" };
					for (const [name, value] of Object.entries(values)) {
						if (value === "") next.delete(name);
						else next.set(name, value);
					}
					return next;
				},
				{ replace: true, preventScrollReset: true },
			),
		[setParams],
	);

	return { get: (name) => params.get(name) ?? "", set, loading: navigation.state === "loading" };
}

/** The text as it is being typed; the address follows. Held by the field alone: a letter draws the field again, and no list. */
export function useTyped({ get, set }: UrlFilters): { typed: string; type(text: string): void } {
	const inAddress = get("q");
	const [typed, setTyped] = useState(inAddress);
	const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

	// The address changed by something else than typing: a view was chosen, or somebody went back.
	useEffect(() => setTyped(inAddress), [inAddress]);
	useEffect(() => () => clearTimeout(timer.current), []);

	const type = (text: string) => {
		setTyped(text);
		clearTimeout(timer.current);
		timer.current = setTimeout(() => set({ q: text.trim() }), TYPING_MS);
	};
	return { typed, type };
}
