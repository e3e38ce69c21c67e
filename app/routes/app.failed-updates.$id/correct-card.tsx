import { Banner, BlockStack, Button, Card, InlineStack, Text, TextField } from "@shopify/polaris";
import { useState } from "react";

type CorrectCardProps = { text: string; channel: string; busy: boolean; onSend: (text: string) => void; onKeep: () => void };

/** For whoever knows what the message should have said: only what is kept of it can be changed, and what stood there before is written. */
export function CorrectCard({ text, channel, busy, onSend, onKeep }: CorrectCardProps) {
	const [typed, setTyped] = useState(text);
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					Correct the message
				</Text>
				<Banner tone="info">
					<p>
						Change only what {channel} said wrongly. It must go on speaking of the same thing, and it is checked like every message of{" "}
						{channel}. What stood here before, and who changed it, is kept in Activity.
					</p>
				</Banner>
				<TextField label="The message" value={typed} onChange={setTyped} multiline={10} maxHeight={420} monospaced autoComplete="off" />
				<InlineStack gap="200">
					<Button variant="primary" disabled={typed === text} loading={busy} onClick={() => onSend(typed)}>
						Send it in corrected
					</Button>
					<Button disabled={busy} onClick={onKeep}>
						Keep
					</Button>
				</InlineStack>
			</BlockStack>
		</Card>
	);
}
