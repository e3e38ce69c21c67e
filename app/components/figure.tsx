import { BlockStack, Text } from "@shopify/polaris";

type FigureProps = {
	label: string;
	/** Below a card's title it is an h3. */
	level: "h2" | "h3";
	value: string;
	/** What makes the number mean something. */
	note: string;
	testId: string;
};

/** One number with its name above and its meaning below. */
export function Figure({ label, level, value, note, testId }: FigureProps) {
	return (
		<BlockStack gap="050">
			<Text as={level} variant="bodySm" tone="subdued">
				{label}
			</Text>
			<Text as="p" variant="headingLg">
				<span className="figures" data-testid={testId}>
					{value}
				</span>
			</Text>
			<Text as="p" variant="bodySm" tone="subdued">
				{note}
			</Text>
		</BlockStack>
	);
}
