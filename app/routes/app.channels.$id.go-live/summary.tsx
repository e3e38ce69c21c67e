import { BlockStack, Button, Card, InlineStack, Text } from "@shopify/polaris";
import type { ChannelOverview } from "#app/overview/index.ts";
import type { SetUp } from "#app/pages/channels/read-set-up.ts";
import { ago, number, plural } from "../../components/words.ts";

type SummaryProps = {
	dryRun: NonNullable<SetUp["dryRun"]>;
	channel: ChannelOverview;
	asOf: string;
	isPartlyLive: boolean;
	exporting: boolean;
	onExport: () => void;
};

/** The dry run in one sentence, and in figures. */
export function Summary({ dryRun, channel, asOf, isPartlyLive, exporting, onExport }: SummaryProps) {
	const cannot = dryRun.unmanaged + dryRun.gone;
	return (
		<Card>
			<BlockStack gap="400">
				<InlineStack align="space-between" blockAlign="center" gap="200">
					<Text as="h2" variant="headingMd">
						<span data-testid="dry-run">
							{plural(dryRun.changes, "listing")} would change, {number(dryRun.toZero)} to zero; {plural(dryRun.heldBack, "unit")} held back
						</span>
					</Text>
					<Button onClick={onExport} loading={exporting} disabled={dryRun.changes + cannot === 0}>
						Export list
					</Button>
				</InlineStack>
				<Text as="p" tone="subdued">
					Of {plural(dryRun.listings, "linked listing")} on {channel.name}, read {ago(dryRun.at, asOf)}. Nothing was written.
					{isPartlyLive
						? " The listings that were chosen first are live; choose more below, or go live with all others."
						: " Begin with some of them below, or go live with all."}
				</Text>
				<div className="big-figures">
					<Figure label="Raised" value={dryRun.increases} />
					<Figure label="Lowered" value={dryRun.decreases} />
					<Figure label="Held back by rules" value={dryRun.heldBack} note={`on ${plural(dryRun.heldBackOn, "listing")}`} />
					<Figure label="Cannot be updated" value={cannot} note={cannot > 0 ? "see the list" : "none"} />
				</div>
			</BlockStack>
		</Card>
	);
}

function Figure({ label, value, note }: { label: string; value: number; note?: string }) {
	return (
		<BlockStack gap="050">
			<Text as="h3" variant="bodySm" tone="subdued">
				{label}
			</Text>
			<Text as="p" variant="headingLg">
				<span className="figures">{number(value)}</span>
			</Text>
			{note && (
				<Text as="p" variant="bodySm" tone="subdued">
					{note}
				</Text>
			)}
		</BlockStack>
	);
}
