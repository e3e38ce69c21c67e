import { BlockStack, Icon, Text } from "@shopify/polaris";
import { CheckCircleIcon } from "@shopify/polaris-icons";
import type { ReactNode } from "react";

export type Step = { done: boolean; title: string; body: ReactNode; action?: ReactNode };

/** The first that is not done; -1: all are. */
export const nextOf = (steps: readonly Step[]): number => steps.findIndex(({ done }) => !done);

/** Steps in their order: what is done, what is next with its button, what is to come by its name alone. Needs `channels.css`. */
export function Steps({ steps, testId }: { steps: readonly Step[]; testId: string }) {
	const next = nextOf(steps);
	return (
		<ol className="steps" data-testid={testId}>
			{steps.map((step, index) => (
				<li key={step.title} className="step" data-open={index === next} aria-current={index === next ? "step" : undefined}>
					<span className="step-mark">
						{step.done ? <Icon source={CheckCircleIcon} tone="success" accessibilityLabel="Done" /> : <span className="step-open" />}
					</span>
					<BlockStack gap="200">
						<Text as="h3" fontWeight={index === next ? "semibold" : "regular"}>
							{step.title}
						</Text>
						{(index === next || step.done) &&
							(typeof step.body === "string" ? (
								<Text as="p" variant="bodySm" tone="subdued">
									{step.body}
								</Text>
							) : (
								step.body
							))}
						{index === next && step.action}
					</BlockStack>
				</li>
			))}
		</ol>
	);
}
