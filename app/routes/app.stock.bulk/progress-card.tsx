import { BlockStack, Card, ProgressBar, Text } from "@shopify/polaris";
import type { BulkStanding } from "#app/backfill/index.ts";
import { number, plural } from "../../components/words.ts";

/** How far a bulk change is, and what came of it. */
export function ProgressCard({ newest }: { newest: BulkStanding }) {
	return (
		<Card>
			<BlockStack gap="200">
				<Text as="p" id="bulk-progress">
					<span data-testid="bulk-progress" aria-live="polite">
						{newest.isOver
							? sayDone(newest)
							: `${number(newest.done)} of ${plural(newest.total, "listing")} done. You can close this page.`}
					</span>
				</Text>
				<ProgressBar
					progress={Math.round((100 * newest.done) / Math.max(1, newest.total))}
					size="small"
					animated={false}
					ariaLabelledBy="bulk-progress"
				/>
			</BlockStack>
		</Card>
	);
}

function sayDone({ paused, isUndo, changed, total }: BulkStanding): string {
	const did = isUndo ? "as before" : paused === null ? "changed" : paused ? "paused" : "resumed";
	const rest = total - changed;
	const others = isUndo ? "changed again meanwhile" : paused === null ? "had that rule already" : "were so already";
	return [
		`Done: ${plural(changed, "listing")} ${did}`,
		rest > 0 ? `, ${number(rest)} ${others} or are gone` : "",
		changed > 0 ? ". It can be undone in Activity." : ".",
	].join("");
}
