import { BlockStack, Button, Card, ChoiceList, InlineStack, Text, TextField } from "@shopify/polaris";
import { useState } from "react";

const REASONS = ["Settled with the buyer", "Sent from somewhere that Lockstep does not count", "A test"];
const OTHER = "other";

type DismissCardProps = { busy: boolean; onDismiss: (reason: string) => void; onKeep: () => void };

/** Dismissing asks why, as every word that closes something does. */
export function DismissCard({ busy, onDismiss, onKeep }: DismissCardProps) {
	const [chosen, setChosen] = useState(REASONS[0] ?? OTHER);
	const [text, setText] = useState("");
	const reason = chosen === OTHER ? text.trim() : chosen;
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					Dismiss this?
				</Text>
				<Text as="p" tone="subdued">
					It is closed here and needs nobody any more. No stock moves: the units stay owed until stock covers them, and it can be opened
					again.
				</Text>
				<ChoiceList
					title="Why?"
					choices={[...REASONS.map((one) => ({ value: one, label: one })), { value: OTHER, label: "Another reason" }]}
					selected={[chosen]}
					onChange={([one]) => setChosen(one ?? OTHER)}
				/>
				{chosen === OTHER && <TextField label="Reason" value={text} onChange={setText} autoComplete="off" maxLength={500} />}
				<InlineStack gap="200">
					<Button variant="primary" tone="critical" disabled={reason === ""} loading={busy} onClick={() => onDismiss(reason)}>
						Dismiss
					</Button>
					<Button disabled={busy} onClick={onKeep}>
						Keep
					</Button>
				</InlineStack>
			</BlockStack>
		</Card>
	);
}
