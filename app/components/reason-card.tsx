import { BlockStack, Button, Card, ChoiceList, InlineStack, Text, TextField } from "@shopify/polaris";
import { type ReactNode, useEffect, useRef, useState } from "react";

const OTHER = "other";
const REASON_CHARS_MAX = 500;

type ReasonCardProps = {
	/** "Discard 3 failures?" */
	question: string;
	/** What it does and does not do. */
	children: ReactNode;
	/** The usual ones; another can be typed. */
	reasons: readonly [string, ...string[]];
	act: string;
	busy: boolean;
	onAct: (reason: string) => void;
	onKeep: () => void;
};

/** What is closed for good asks why: whoever looks at it in a month finds the reason beside it. */
export function ReasonCard({ question, children, reasons, act, busy, onAct, onKeep }: ReasonCardProps) {
	const [chosen, setChosen] = useState(reasons[0]);
	const [text, setText] = useState("");
	const reason = chosen === OTHER ? text.trim() : chosen;
	// It is asked for in the title bar, which stays in sight when the page is scrolled; this does not.
	const place = useRef<HTMLDivElement>(null);
	useEffect(() => {
		place.current?.scrollIntoView({ block: "center" });
	}, []);
	return (
		<Card>
			<div ref={place}>
				<BlockStack gap="300">
					<Text as="h2" variant="headingSm">
						{question}
					</Text>
					<Text as="p" tone="subdued">
						{children}
					</Text>
					<ChoiceList
						title="Why?"
						choices={[...reasons.map((one) => ({ value: one, label: one })), { value: OTHER, label: "Another reason" }]}
						selected={[chosen]}
						onChange={([one]) => setChosen(one ?? OTHER)}
					/>
					{chosen === OTHER && <TextField label="Reason" value={text} onChange={setText} autoComplete="off" maxLength={REASON_CHARS_MAX} />}
					<InlineStack gap="200">
						<Button variant="primary" tone="critical" disabled={reason === ""} loading={busy} onClick={() => onAct(reason)}>
							{act}
						</Button>
						<Button disabled={busy} onClick={onKeep}>
							Keep
						</Button>
					</InlineStack>
				</BlockStack>
			</div>
		</Card>
	);
}
