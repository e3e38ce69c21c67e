import { BlockStack, Button, Card, ChoiceList, InlineStack, Text, TextField } from "@shopify/polaris";
import { useState } from "react";

const REASONS = ["Mended by hand on the channel", "Not sold there any more", "A test"];
const OTHER = "other";

type DiscardCardProps = { what: string; busy: boolean; onDiscard: (reason: string) => void; onKeep: () => void };

/** Discarding asks why: whoever looks at it in a month finds the reason beside it. */
export function DiscardCard({ what, busy, onDiscard, onKeep }: DiscardCardProps) {
	const [chosen, setChosen] = useState(REASONS[0] ?? OTHER);
	const [text, setText] = useState("");
	const reason = chosen === OTHER ? text.trim() : chosen;
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					Discard {what}?
				</Text>
				<Text as="p" tone="subdued">
					Nothing more is tried for them. What the channel shows stays as it is until the product's figure changes and an update succeeds.
				</Text>
				<ChoiceList
					title="Why?"
					choices={[...REASONS.map((one) => ({ value: one, label: one })), { value: OTHER, label: "Another reason" }]}
					selected={[chosen]}
					onChange={([one]) => setChosen(one ?? OTHER)}
				/>
				{chosen === OTHER && <TextField label="Reason" value={text} onChange={setText} autoComplete="off" maxLength={500} />}
				<InlineStack gap="200">
					<Button variant="primary" tone="critical" disabled={reason === ""} loading={busy} onClick={() => onDiscard(reason)}>
						Discard
					</Button>
					<Button disabled={busy} onClick={onKeep}>
						Keep
					</Button>
				</InlineStack>
			</BlockStack>
		</Card>
	);
}
