import { BlockStack, Button, Card, InlineStack, Text } from "@shopify/polaris";
import type { PausePreview } from "#app/backfill/index.ts";
import { number, plural } from "../../components/words.ts";

type PauseCardProps = {
	paused: boolean;
	preview: PausePreview;
	running: boolean;
	busy: boolean;
	onApply: (change: { paused: boolean }) => void;
};

/** What pausing or resuming all of them does, with the count that is confirmed. */
export function PauseCard({ paused, preview, running, busy, onApply }: PauseCardProps) {
	const { changes } = preview;
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					What changes
				</Text>
				<div data-testid="bulk-preview">
					<BlockStack gap="200">
						{(paused ? sayPause(preview) : sayResume(preview)).map((line) => (
							<Text as="p" key={line}>
								{line}
							</Text>
						))}
					</BlockStack>
				</div>
				<InlineStack>
					<Button variant="primary" disabled={changes === 0 || running} loading={busy} onClick={() => onApply({ paused })}>
						{`${paused ? "Pause" : "Resume"} ${plural(changes, "listing")}`}
					</Button>
				</InlineStack>
			</BlockStack>
		</Card>
	);
}

function sayPause({ listings, changes }: PausePreview): string[] {
	if (changes === 0)
		return [`Nothing: ${listings === 0 ? "none of these products is for sale on a channel" : "all of them are paused already"}.`];
	const already = listings - changes;
	return [
		`${plural(changes, "listing")} will be paused${already > 0 ? `; ${number(already)} ${already === 1 ? "is" : "are"} paused already` : ""}.`,
		"Each keeps what it shows, and nothing is sent to it until it is resumed. Its sales are counted as before.",
	];
}

function sayResume({ listings, changes, notLive, figures, toZero, raised, lowered }: PausePreview): string[] {
	const waiting = notLive > 0 ? [`${plural(notLive, "listing")} not live yet: those are chosen on the channel's page.`] : [];
	if (changes === 0)
		return [`Nothing: ${listings === 0 ? "none of these products is for sale on a channel" : "none of them is paused"}.`, ...waiting];
	return [
		`${plural(changes, "listing")} will be resumed and brought to the figure of today.`,
		figures === 0
			? "As far as we know, each shows that figure already."
			: `As far as we know, ${plural(figures, "figure")} will change, ${number(toZero)} of them to zero; ${number(raised)} raised, ${number(lowered)} lowered.`,
		...waiting,
	];
}
