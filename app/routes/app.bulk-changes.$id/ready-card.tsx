import { BlockStack, Button, Card, Checkbox, InlineStack, List, Text } from "@shopify/polaris";
import { useState } from "react";
import type { BulkPage } from "#app/pages/bulk/bulk.ts";
import { Moment } from "../../components/when.tsx";
import { plural } from "../../components/words.ts";
import { sayFile } from "./say-file.ts";
import { sayOrders } from "./say-orders.ts";

type ReadyCardProps = {
	set: BulkPage;
	mayOperate: boolean;
	busy: boolean;
	onConfirm: (leaveOut: boolean) => void;
	onPutAway: () => void;
	onLookAgain: () => void;
};

/** What would change, what is not sure to be done by everybody, and the answers. */
export function ReadyCard({ set, mayOperate, busy, onConfirm, onPutAway, onLookAgain }: ReadyCardProps) {
	const [leaveOut, setLeaveOut] = useState(false);
	const { source, total, problems, refused, offer } = set;
	const mayConfirm = refused === null && offer !== "none" && (problems === 0 || leaveOut);
	const isComplete = source === "orders" && offer !== "first";
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					{isComplete ? "Nothing is missing" : "What would change"}
				</Text>
				<div data-testid="bulk-summary">
					<List>
						{linesOf(set).map((line) => (
							<List.Item key={line}>{line}</List.Item>
						))}
					</List>
				</div>
				{source === "file" && set.readAt !== null && total > 0 && (
					<Text as="p" tone="subdued">
						As of <Moment at={set.readAt} />, when the file was read. What is sold or changed after that is kept: a quantity of 10 becomes 8
						if two are sold before it is done. Nothing goes below zero.
					</Text>
				)}
				{source === "orders" && set.readAt !== null && (
					<Text as="p" tone="subdued">
						As of <Moment at={set.readAt} />, when the channel was looked at.{" "}
						{isComplete
							? "What comes after that comes in by itself."
							: "Nothing is counted yet, and an order that comes in by itself meanwhile counts once."}
					</Text>
				)}
				{refused !== null && <Text as="p">{refused}</Text>}
				{mayOperate && problems > 0 && total > 0 && (
					<Checkbox label={`Leave out the ${plural(problems, "line")} with something wrong`} checked={leaveOut} onChange={setLeaveOut} />
				)}
				{mayOperate && (
					<InlineStack gap="200">
						{!(isComplete && offer === "none") && (
							<Button
								{...(isComplete ? {} : { variant: "primary" as const })}
								disabled={!mayConfirm || busy}
								loading={busy}
								onClick={() => onConfirm(leaveOut)}
							>
								{sayConfirm(set)}
							</Button>
						)}
						{source === "orders" && (
							<Button disabled={busy} onClick={onLookAgain}>
								Look again
							</Button>
						)}
						<Button disabled={busy} onClick={onPutAway}>
							Put away
						</Button>
					</InlineStack>
				)}
			</BlockStack>
		</Card>
	);
}

function sayConfirm({ source, total, summary }: BulkPage): string {
	if (source === "listings") return `Read ${plural(total, "listing")} again`;
	if (source !== "orders") return `Make ${plural(total, "change")}`;
	if (summary?.kind !== "orders" || summary.isCut || summary.missing + summary.changed === 0) return "Read the orders again";
	return `Count ${plural(summary.missing + summary.changed, "order")}`;
}

function linesOf(set: BulkPage): string[] {
	switch (set.source) {
		case "orders":
			return sayOrders(set);
		case "listings":
			return [
				`${plural(set.total, "listing")} of ${set.channel} are read, and compared with what they should show. What differs is put right as always.`,
			];
		case "file":
		case "rule":
			return sayFile(set);
	}
}
