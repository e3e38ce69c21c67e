/** HTML that is escaped unless it says otherwise. */
export type Html = { readonly html: string };

export const raw = (html: string): Html => ({ html });

/** html`<p>${text}</p>`: texts are escaped, nested Html and lists of it are kept, false and null are nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly unknown[]): Html {
	return raw(parts.reduce((whole, part, index) => whole + toText(values[index - 1]) + part));
}

function toText(value: unknown): string {
	if (value === null || value === undefined || value === false) return "";
	if (Array.isArray(value)) return value.map(toText).join("");
	if (typeof value === "object" && "html" in value) return String(value.html);
	return String(value).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Inline pictures, drawn for this page: 20 × 20, one stroke. */
const PATHS = {
	home: "M3 9.5 10 3.5l7 6V16a1 1 0 0 1-1 1h-3.5v-4.5h-5V17H4a1 1 0 0 1-1-1z",
	orders: "M4 8h12v7a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2zM4 8l1.5-4h9L16 8M8 11h4",
	products: "M10 3 17 6.5v7L10 17l-7-3.5v-7zM3 6.5 10 10l7-3.5M10 10v7",
	lightning: "M11 3 5 11h4l-1 6 6-8h-4z",
	channel:
		"M4 8.5V16a1 1 0 0 0 1 1h10a1 1 0 0 0 1-1V8.5M3 7l1.5-3.5h11L17 7a2.3 2.3 0 0 1-4.6 0 2.3 2.3 0 0 1-4.7 0A2.3 2.3 0 0 1 3 7zM8.5 17v-4h3v4",
	flow: "M4 4.5h5v4H4zM11 11.5h5v4h-5zM6.5 8.5v3a2 2 0 0 0 2 2H11",
	mail: "M3 5.5h14v9H3zM3.5 6 10 11l6.5-5",
	link: "M12 4h4v4M16 4l-7 7M13 11.5V15a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1h3.5",
	menu: "M3 5.5h14M3 10h14M3 14.5h14",
	search: "M8.5 13.5a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM12.5 12.5 17 17",
	lockstep: "M4 13.5 8 6l4 7.5L16 6",
} as const;
export type IconName = keyof typeof PATHS;

export const icon = (name: IconName): Html =>
	raw(
		`<svg class="icon" viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${PATHS[name]}"/></svg>`,
	);
