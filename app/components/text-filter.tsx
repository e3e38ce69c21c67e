import { type IndexFiltersProps, TextField } from "@shopify/polaris";
import { useEffect, useState } from "react";
import type { UrlFilters } from "./use-url-filters.ts";

type TextFilter = { key: string; label: string; type?: "text" | "date"; hint?: string };

/** A list's filter that is typed, kept in the address under its key. */
export const textFilter = (filters: UrlFilters, { key, ...one }: TextFilter): NonNullable<IndexFiltersProps["filters"]>[number] => ({
	key,
	label: one.label,
	filter: <Field filters={filters} name={key} {...one} />,
});

/** The list follows when the field is left, or Enter is pressed: a half-typed number finds nothing, and a half-typed day is none. */
function Field({ filters, name, label, type = "text", hint }: Omit<TextFilter, "key"> & { filters: UrlFilters; name: string }) {
	const inAddress = filters.get(name);
	const [typed, setTyped] = useState(inAddress);
	useEffect(() => setTyped(inAddress), [inAddress]);
	const take = () => typed !== inAddress && filters.set({ [name]: typed.trim() });
	return (
		// biome-ignore lint/a11y/noStaticElementInteractions: Polaris' field has no submit; Enter in it is taken here
		<div onKeyDown={(event) => event.key === "Enter" && take()}>
			<TextField
				label={label}
				labelHidden
				type={type}
				value={typed}
				onChange={setTyped}
				onBlur={take}
				autoComplete="off"
				{...(hint ? { placeholder: hint } : {})}
			/>
		</div>
	);
}
