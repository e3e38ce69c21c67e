import { Badge, BlockStack, Box, Card, InlineStack, Link, Text } from "@shopify/polaris";
import type { OwedLine, WhyStep } from "#app/pages/oversells/oversells.ts";
import { sayReason } from "../../components/oversell-words.tsx";
import { Moment } from "../../components/when.tsx";
import { duration } from "../../components/words.ts";

/** The unit that was sold twice, moment by moment, and the one thing that was too slow. */
export function WhyCard({ line: { why } }: { line: OwedLine }) {
	const { title, text } = sayReason(why);
	return (
		<Card padding="0">
			<Box padding="400">
				<BlockStack gap="100">
					<Text as="p" variant="bodySm" tone="subdued">
						Why
					</Text>
					<Text as="h2" variant="headingMd">
						<span data-testid="reason">{title}</span>
					</Text>
					<Text as="p" tone="subdued">
						{text}
					</Text>
				</BlockStack>
			</Box>
			{why.steps.length > 0 && (
				<ol className="timeline" data-testid="timeline">
					{why.steps.map((step) => (
						<li key={`${step.at} ${step.what}`} className={step.slow ? "timeline-step timeline-slow" : "timeline-step"}>
							<Step step={step} />
						</li>
					))}
				</ol>
			)}
		</Card>
	);
}

const Step = ({ step }: { step: WhyStep }) => (
	<BlockStack gap="050">
		<InlineStack gap="200" blockAlign="center">
			<Text as="p" {...(step.slow ? { fontWeight: "semibold" as const } : {})}>
				{step.what}
			</Text>
			{step.slow && <Badge tone="critical">Too slow</Badge>}
		</InlineStack>
		<Text as="p" variant="bodySm" tone="subdued">
			<Moment at={step.at} />
			{step.where && ` ${step.where}`}
			{step.tookMs !== null && ` · this took ${duration(step.tookMs)}`}
			{step.link && (
				<>
					{" · "}
					<Link monochrome url={step.link.url}>
						{step.link.text}
					</Link>
				</>
			)}
		</Text>
	</BlockStack>
);
