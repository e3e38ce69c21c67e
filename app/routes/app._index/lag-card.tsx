import { BlockStack, Box, Card, Text } from "@shopify/polaris";
import type { LagHour, LagHours, Overview } from "#app/overview/index.ts";
import { useZone } from "../../components/when.tsx";
import { duration, hourOf, plural } from "../../components/words.ts";

const WIDTH = 24;
const HEIGHT = 100;
/** So that a quiet day of half a second does not look like a bad one. */
const SCALE_MIN_MS = 2_000;

/** How long sales took to reach each channel, hour by hour. Channels that had nothing to be told of have no line. */
export function LagCard({ lag, channels }: { lag: LagHours; channels: Overview["channels"] }) {
	const lines = channels.flatMap((channel) => {
		const hours = lag.channels.find(({ id }) => id === channel.id)?.hours;
		return hours ? [{ channel, hours }] : [];
	});
	if (lines.length === 0) return null;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<BlockStack gap="050">
					<Text as="h2" variant="headingSm">
						How fast sales arrived
					</Text>
					<Text as="p" variant="bodySm" tone="subdued">
						The last 24 hours: dark for the usual sale, light for the slowest of a hundred.
					</Text>
				</BlockStack>
			</Box>
			<ul className="rows" data-testid="lag-hours">
				{lines.map(({ channel, hours }) => (
					<li key={channel.id} className="row row-lag">
						<Text as="h3" variant="bodyMd">
							{channel.name}
						</Text>
						<Bars name={channel.name} hours={hours} starts={lag.hours} />
					</li>
				))}
			</ul>
		</Card>
	);
}

/** One scale per channel: a store that needs two seconds for an answer would flatten one that needs a tenth. */
function Bars({ name, hours, starts }: { name: string; hours: (LagHour | null)[]; starts: string[] }) {
	const zone = useZone();
	const known = hours.flatMap((hour) => hour ?? []);
	const slowest = Math.max(...known.map(({ p99Ms }) => p99Ms));
	const top = Math.max(SCALE_MIN_MS, slowest);
	const heightOf = (ms: number) => Math.max(1, (ms / top) * HEIGHT);
	const first = starts[0] ?? "";
	return (
		<figure className="lag-figure">
			<svg
				viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
				preserveAspectRatio="none"
				role="img"
				aria-label={`${name}: in ${plural(known.length, "hour")} with sales, the slowest of a hundred took ${duration(slowest)} at most.`}
			>
				{hours.map((hour, n) => {
					const start = starts[n] ?? "";
					return (
						<g key={start}>
							<title>
								{hour
									? `${hourOf(start, zone)}: ${duration(hour.p50Ms)} usually, 99 of 100 within ${duration(hour.p99Ms)}, ${plural(hour.samples, "update")}`
									: `${hourOf(start, zone)}: no sale elsewhere`}
							</title>
							<rect className="lag-hour" x={n} y={0} width={1} height={HEIGHT} />
							{hour && <Bar n={n} className="lag-slow" height={heightOf(hour.p99Ms)} />}
							{hour && <Bar n={n} className="lag-usual" height={heightOf(hour.p50Ms)} />}
						</g>
					);
				})}
			</svg>
			<figcaption className="lag-scale" aria-hidden="true">
				<span>{hourOf(first, zone)}</span>
				<span>top of the scale: {duration(top)}</span>
				<span>now</span>
			</figcaption>
		</figure>
	);
}

const Bar = ({ n, className, height }: { n: number; className: string; height: number }) => (
	<rect className={className} x={n + 0.12} y={HEIGHT - height} width={0.76} height={height} />
);
