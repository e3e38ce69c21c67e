import { useLocation, useNavigation, useSearchParams } from "@remix-run/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

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
	/**
	 * The question that the shown rows answer; a key for them. Rows of another answer are others, also where the same thing is in
	 * both: moved from one place of the list to another, they would push the page around under the reader's eyes.
	 */
	answers: string;
};

/** A list's filters live in the page's address: they survive reloading, going back, and being sent to a colleague. */
export function useUrlFilters(): UrlFilters {
	const [params, setParams] = useSearchParams();
	const { pathname } = useLocation();
	const navigation = useNavigation();
	// On the way to another page the list stays as it is.
	const loading = navigation.state === "loading" && navigation.location.pathname === pathname;

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

	return useMemo(() => ({ get: (name) => params.get(name) ?? "", set, loading, answers: params.toString() }), [params, set, loading]);
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
