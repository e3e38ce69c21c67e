import { BlockStack, Card, ProgressBar, Text } from "@shopify/polaris";
import { useRef } from "react";
import type { BulkPage } from "#app/pages/bulk/bulk.ts";
import { partDone, sayBulk } from "../../components/bulk-words.ts";
import { duration, number } from "../../components/words.ts";

/** How far it is, how fast, and how long it still takes at that pace. */
export function ProgressCard({ set }: { set: BulkPage }) {
	const pace = usePace(set);
	const { state, total } = set;
	return (
		<Card>
			<BlockStack gap="200">
				<Text as="p" id="bulk-progress">
					<span data-testid="bulk-progress" aria-live="polite">
						{sayBulk(set)}.
					</span>
				</Text>
				{total > 0 && state !== "reading" && (
					<ProgressBar progress={partDone(set)} size="small" animated={false} ariaLabelledBy="bulk-progress" />
				)}
				<Text as="p" variant="bodySm" tone="subdued">
					{sayHint(set, pace)}
				</Text>
			</BlockStack>
		</Card>
	);
}

function sayHint(set: BulkPage, pace: number | null): string {
	const { state, total, done, source, channel, isRollingBack } = set;
	switch (state) {
		case "reading":
			if (source === "orders") return `${channel} is only looked at: nothing is counted yet. You can close this page.`;
			return "Nothing is changed yet. You can close this page.";
		case "paused":
			if (set.refusal !== null) return `It stopped by itself: ${set.refusal}`;
			return "Nothing more is begun until it goes on. What is done stays.";
		case "cancelling":
			return isRollingBack
				? "What is on its way comes to its end; the rest stays as it is. Then all that was done is taken back, with your sales kept."
				: "What is on its way comes to its end; the rest stays as it is.";
		default:
			return pace === null || pace <= 0 || done >= total
				? "A few at a time, so that sales never wait for it. You can close this page."
				: `About ${number(Math.max(1, Math.round(pace)))} a second, ${duration((1_000 * (total - done)) / pace)} to go. Sales never wait for it, and you can close this page.`;
	}
}

/** Changes a second, as far as this page has seen them. */
function usePace({ state, done, asOf }: BulkPage): number | null {
	const first = useRef({ state, done, at: asOf });
	if (first.current.state !== state) first.current = { state, done, at: asOf };
	const seconds = (Date.parse(asOf) - Date.parse(first.current.at)) / 1_000;
	return state !== "running" || seconds <= 0 || done === first.current.done ? null : (done - first.current.done) / seconds;
}
