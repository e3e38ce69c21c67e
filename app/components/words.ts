/** How figures are said to a merchant. One language (English) until the app is translated; the same on server and browser. */
const LOCALE = "en-US";
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const numbers = new Intl.NumberFormat(LOCALE);

export const number = (value: number) => numbers.format(value);
export const counted = ({ count, more }: { count: number; more: boolean }) => `${number(count)}${more ? "+" : ""}`;
/** "0%", "0.04%", "12.5%": small parts are not rounded to nothing. */
export const percent = (part: number) => `${(part * 100).toLocaleString(LOCALE, { maximumSignificantDigits: 3 })}%`;
/** `plural(1, "order")` is "1 order", `plural(3, "order")` "3 orders". */
export const plural = (count: number, noun: string, many = `${noun}s`) => `${number(count)} ${count === 1 ? noun : many}`;

/** "0.4 s", "12 s", "3 min", "5 h", "2 days": as exact as it matters to somebody who waits. */
export function duration(ms: number): string {
	if (ms < 10 * SECOND_MS) return `${(Math.max(0, ms) / SECOND_MS).toFixed(1)} s`;
	if (ms < MINUTE_MS) return `${Math.round(ms / SECOND_MS)} s`;
	if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
	if (ms < DAY_MS) return `${Math.round(ms / HOUR_MS)} h`;
	return plural(Math.round(ms / DAY_MS), "day");
}

/** "just now", "12 s ago", "3 min ago". Never ahead of time, whatever the browser's clock says. */
export function ago(at: string, now: string): string {
	const ms = Date.parse(now) - Date.parse(at);
	if (ms < 2 * SECOND_MS) return "just now";
	return ms < MINUTE_MS ? `${Math.floor(ms / SECOND_MS)} s ago` : `${duration(ms)} ago`;
}

/** "WooCommerce", "Shopify and WooCommerce", "Shopify, WooCommerce and eBay". */
export function listed(names: readonly string[]): string {
	return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** A few of the names, where many would be a wall of text: "Harbour, Main warehouse, Attic and 9 more". */
export function listedFew(names: readonly string[]): string {
	return names.length <= FEW_MAX + 1 ? listed(names) : listed([...names.slice(0, FEW_MAX), `${number(names.length - FEW_MAX)} more`]);
}
const FEW_MAX = 3;

const formats = new Map<string, Intl.DateTimeFormat>();

/** "May 3, 2027": the day alone, of something months away. */
export function day(at: string, timeZone: string): string {
	return new Intl.DateTimeFormat(LOCALE, { month: "short", day: "numeric", year: "numeric", timeZone }).format(new Date(at));
}

/** "Nov 20, 14:02:31": to the second, because a story of sales is read in seconds. */
export function moment(at: string, timeZone: string): string {
	let format = formats.get(timeZone);
	if (!format) {
		const parts = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
		format = new Intl.DateTimeFormat(LOCALE, { ...parts, timeZone });
		formats.set(timeZone, format);
	}
	return format.format(new Date(at));
}

/** "14:00", for the beginning of an hour. */
export const hourOf = (at: string, timeZone: string) =>
	new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone }).format(new Date(at));
