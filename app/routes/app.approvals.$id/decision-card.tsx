import { BlockStack, Button, Card, InlineStack, List, ProgressBar, Text } from "@shopify/polaris";
import { useState } from "react";
import type { ApprovalPage } from "#app/pages/approvals/approvals.ts";
import { sayWhatApproving } from "../../components/approval-words.tsx";
import { Moment } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

type Intent = "approve" | "write-back" | "keep";
type DecisionCardProps = { approval: ApprovalPage; busy: boolean; mayApprove: boolean; onDecide: (intent: Intent) => void };

/** What happened, what each answer does, and the answers. An answer that moves many figures is pressed twice on purpose. */
export function DecisionCard({ approval: { set }, busy, mayApprove, onDecide }: DecisionCardProps) {
	const [sure, setSure] = useState<Exclude<Intent, "keep"> | null>(null);
	const decide = (intent: Intent) => {
		setSure(null);
		onDecide(intent);
	};
	const begun = set.deciding + set.approved + set.writtenBack;
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					What happened
				</Text>
				<List>
					<List.Item>
						{set.kind === "zero"
							? "More products went to zero in Shopify within a quarter of an hour than you let through unasked"
							: "More products were raised in Shopify within a quarter of an hour than you let through unasked"}{" "}
						({number(set.allowed)}). It began <Moment at={set.openedAt} />, the last one came <Moment at={set.lastAt} />.
					</List.Item>
					<List.Item>No sale explains them: somebody edited them, or an app or a feed wrote them. Shopify does not say which.</List.Item>
					{set.passed > 0 && <List.Item>{plural(set.passed, "product")} had gone out before.</List.Item>}
					<List.Item>
						The channels go on with the former figures, minus what is sold. If Shopify is put right, this ends by itself
						{set.mended > 0 ? `; ${plural(set.mended, "product")} ended so already` : ""}.
					</List.Item>
				</List>
				{set.deciding > 0 && (
					<BlockStack gap="150">
						<Text as="p" id="approval-progress">
							<span data-testid="approval-progress">
								{number(begun - set.deciding)} of {number(begun)} done.
							</span>
						</Text>
						<ProgressBar
							progress={Math.round((100 * (begun - set.deciding)) / Math.max(1, begun))}
							size="small"
							animated={false}
							ariaLabelledBy="approval-progress"
						/>
					</BlockStack>
				)}
				{set.keptAt !== null && (
					<Text as="p" tone="subdued">
						{set.keptByName} chose to keep the former figures, <Moment at={set.keptAt} />. You can still decide otherwise.
					</Text>
				)}
				{set.waiting > 0 && !mayApprove && (
					<Text as="p" tone="subdued">
						Deciding this needs the right “Approve and connect”. Those who have it are listed in Settings, under People.
					</Text>
				)}
				{set.waiting > 0 && mayApprove && sure === null && (
					<InlineStack gap="200">
						<Button variant="primary" disabled={busy} onClick={() => setSure("approve")}>
							{`Approve all ${number(set.waiting)}`}
						</Button>
						<Button disabled={busy} onClick={() => setSure("write-back")}>
							Write the former figures back to Shopify
						</Button>
						{set.keptAt === null && (
							<Button disabled={busy} onClick={() => decide("keep")}>
								Keep the former figures for now
							</Button>
						)}
					</InlineStack>
				)}
				{set.waiting > 0 && mayApprove && sure !== null && (
					<BlockStack gap="200">
						<Text as="p">{sure === "approve" ? sayWhatApproving(set) : WRITING_BACK}</Text>
						<InlineStack gap="200">
							<Button
								variant="primary"
								{...(sure === "approve" && set.kind === "zero" ? { tone: "critical" as const } : {})}
								disabled={busy}
								onClick={() => decide(sure)}
							>
								{sure === "approve" ? `Yes, approve all ${number(set.waiting)}` : `Yes, write ${number(set.waiting)} back`}
							</Button>
							<Button disabled={busy} onClick={() => setSure(null)}>
								Not yet
							</Button>
						</InlineStack>
					</BlockStack>
				)}
			</BlockStack>
		</Card>
	);
}

const WRITING_BACK =
	"Shopify gets the difference to the former figures, minus what was sold since. Stop what wrote the wrong ones first, or it will write them again.";
