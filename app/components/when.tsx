import { useEffect, useState } from "react";
import { ago, day, moment } from "./words.ts";

/** How long ago; the exact time, in the reader's own zone, on pointing at it. */
export function Ago({ at, now }: { at: string; now: string }) {
	const zone = useZone();
	return (
		<time dateTime={at} title={moment(at, zone)} className="figures">
			{ago(at, now)}
		</time>
	);
}

/** The exact moment, in the reader's own zone once the page runs in their browser. */
export function Moment({ at }: { at: string }) {
	const zone = useZone();
	return (
		<time dateTime={at} className="figures">
			{moment(at, zone)}
		</time>
	);
}

/** The day alone, in the reader's own zone. */
export function Day({ at }: { at: string }) {
	const zone = useZone();
	return <time dateTime={at}>{day(at, zone)}</time>;
}

/** A day of UTC, whatever the reader's zone: where days are counted in it. */
export const DayUtc = ({ at }: { at: string }) => <time dateTime={at}>{day(at, "UTC")}</time>;

let readersZone: string | undefined;
/** Asking is slow beside drawing, a list has a hundred times in it, and the answer stays. */
const ownZone = () => (readersZone ??= Intl.DateTimeFormat().resolvedOptions().timeZone);

/** The server does not know the reader's zone: it says UTC, and the browser corrects it without moving anything. */
export function useZone(): string {
	const [zone, setZone] = useState("UTC");
	useEffect(() => setZone(ownZone()), []);
	return zone;
}
