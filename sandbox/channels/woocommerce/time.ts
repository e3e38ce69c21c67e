/** Store time. WordPress keeps two stamps of everything, to the second: GMT and the store's own time zone. */
export type StoreTime = {
	/** Now, whole unix seconds. */
	seconds(): number;
	/** `2026-11-21T04:38:43` */
	gmt(seconds: number): string;
	/** The same moment on the store's clock. */
	local(seconds: number): string;
	/** Hours east of Greenwich, as `GET /wp-json/` tells. */
	offsetHours(): number;
	/** Reads `modified_after` and its relatives; null when WordPress would answer "Invalid date.". */
	bound(text: string, datesAreGmt: boolean): { seconds: number; shifted: boolean } | null;
};

const DATE_TIME = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.\d+)?([Zz]|[+\- ]\d{2}(?::?\d{2})?)?$/;

export function createStoreTime(now: () => number, timezone: string): StoreTime {
	const format = new Intl.DateTimeFormat("en-CA", {
		timeZone: timezone,
		hourCycle: "h23",
		year: "numeric",
		month: "2-digit",
		day: "2-digit",
		hour: "2-digit",
		minute: "2-digit",
		second: "2-digit",
	});
	const offset = (seconds: number) => {
		const part = Object.fromEntries(format.formatToParts(seconds * 1000).map((p) => [p.type, p.value]));
		const wall = Date.parse(`${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}Z`);
		return Math.round(wall / 1000) - seconds;
	};
	const gmt = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 19);
	const seconds = () => Math.floor(now() / 1000);

	return {
		seconds,
		gmt,
		local: (at) => gmt(at + offset(at)),
		offsetHours: () => offset(seconds()) / 3600,
		bound(text, datesAreGmt) {
			const match = DATE_TIME.exec(text);
			if (!match) return null;
			const [, day, clock, suffix] = match;
			const wall = Date.parse(`${day}T${clock}Z`) / 1000;
			if (Number.isNaN(wall)) return null;
			if (!suffix) return { seconds: datesAreGmt ? wall : wall - offset(wall), shifted: false };
			// A "+" that was not escaped arrives as a space; PHP reads both alike.
			const instant = Date.parse(`${day}T${clock}${suffix === "z" ? "Z" : suffix.replace(" ", "+")}`) / 1000;
			// Recorded on 11.0.1: a moment with a zone is turned into store time; compared with the GMT column it is off by the offset.
			return { seconds: datesAreGmt ? instant + offset(instant) : instant, shifted: datesAreGmt };
		},
	};
}
