import type { Html, IconName } from "./html.ts";

/**
 * One of the admin's own pages, or a family of them (a list and its details): where the menu has it, what it shows, and what its
 * forms do. A new page is one more of these in the list of index.ts, or in the caller's `pages`.
 */
export type AdminPage = {
	/** Under the admin's root: `/orders`. Every address below it is this page's too. */
	path: string;
	menu: { group: MenuGroup; icon: IconName; label: string } | null;
	/** `rest` is what follows `path`: "" or "/1001". null: there is no such page. Nothing changes by looking. */
	show(rest: string, url: URL): Shown | null;
	/** What a POST to `path` + key does. It answers a sentence for a toast; a refusal is thrown as one. */
	forms?: Readonly<Record<string, FormAction>>;
};

export type MenuGroup = "shop" | "channels" | "apps" | "sandbox";
/** A fragment goes into a page that is open already. */
export type Shown = { title: string; body: Html } | { fragment: Html };
export type FormAction = (form: URLSearchParams) => string | Promise<string>;

export function refuse(sentence: string): never {
	throw new Error(sentence);
}

/** More than any warehouse of the sandbox holds; a slip of the finger is refused rather than sold. */
const FIGURE_MAX = 1_000_000;
export const QUANTITY_MAX = 99;

/** A whole number that somebody typed, in the bounds that are given. */
export function wholeNumber(form: URLSearchParams, name: string, { min = -FIGURE_MAX, max = FIGURE_MAX, what = "Stock" } = {}): number {
	const text = (form.get(name) ?? "").trim();
	const value = Number(text);
	const bounds = min === -FIGURE_MAX ? "" : ` from ${min} to ${max.toLocaleString("en-US")}`;
	if (text === "" || !Number.isInteger(value) || value < min || value > max) refuse(`${what} is a whole number${bounds}`);
	return value;
}

export const quantityOf = (form: URLSearchParams) => wholeNumber(form, "quantity", { min: 1, max: QUANTITY_MAX, what: "A quantity" });

/** What somebody typed or chose as a product: a SKU, in any case. */
export function productOf<T extends { sku: string }>(form: URLSearchParams, offered: readonly T[], where: string): T {
	const typed = (form.get("product") ?? "").trim();
	const found = offered.find(({ sku }) => sku !== "" && sku.toLowerCase() === typed.toLowerCase());
	return found ?? refuse(typed === "" ? "Choose a product by its SKU" : `No product ${where} has the SKU ${typed}`);
}

const PER_PAGE = 25;

/** The part of a list that `?q=…&page=…` asks for. */
export function select<T>(all: readonly T[], url: URL, textOf: (one: T) => string) {
	const query = url.searchParams.get("q") ?? "";
	const words = query.toLowerCase().split(/\s+/).filter(Boolean);
	const matching = all.filter((one) => words.every((word) => textOf(one).toLowerCase().includes(word)));
	const pages = Math.max(1, Math.ceil(matching.length / PER_PAGE));
	const number = Math.min(pages, Math.max(1, Math.trunc(Number(url.searchParams.get("page")) || 1)));
	const search = new URLSearchParams({ q: query, page: String(number) });
	return { query, number, pages, search, found: matching.length, shown: matching.slice((number - 1) * PER_PAGE, number * PER_PAGE) };
}
export type Selection = Omit<ReturnType<typeof select>, "shown">;
