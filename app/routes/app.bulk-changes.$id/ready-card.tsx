import { BlockStack, Button, Card, Checkbox, InlineStack, List, Text } from "@shopify/polaris";
import { useState } from "react";
import type { BulkPage } from "#app/pages/bulk/bulk.ts";
import { Moment } from "../../components/when.tsx";
import { listed, number, plural } from "../../components/words.ts";

type ReadyCardProps = {
	set: BulkPage;
	mayOperate: boolean;
	busy: boolean;
	onConfirm: (leaveOut: boolean) => void;
	onPutAway: () => void;
};

/** What would change, what is not sure to be done by everybody, and the two answers. */
export function ReadyCard({ set, mayOperate, busy, onConfirm, onPutAway }: ReadyCardProps) {
	const [leaveOut, setLeaveOut] = useState(false);
	const { total, problems, refused } = set;
	const { source } = set;
	const mayConfirm = refused === null && (total > 0 || source === "orders") && (problems === 0 || leaveOut);
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					What would change
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
				{refused !== null && <Text as="p">{refused}</Text>}
				{mayOperate && problems > 0 && total > 0 && (
					<Checkbox label={`Leave out the ${plural(problems, "line")} with something wrong`} checked={leaveOut} onChange={setLeaveOut} />
				)}
				{mayOperate && (
					<InlineStack gap="200">
						<Button variant="primary" disabled={!mayConfirm || busy} loading={busy} onClick={() => onConfirm(leaveOut)}>
							{source === "orders"
								? "Read the orders again"
								: source === "listings"
									? `Read ${plural(total, "listing")} again`
									: `Make ${plural(total, "change")}`}
						</Button>
						<Button disabled={busy} onClick={onPutAway}>
							Put away
						</Button>
					</InlineStack>
				)}
			</BlockStack>
		</Card>
	);
}

function linesOf({ summary, total, problems, source, since, channel }: BulkPage): string[] {
	if (source === "orders") {
		return [
			`Every order of ${channel} that changed since ${since?.slice(0, 10)} is read once more.`,
			"Orders that are missing are counted, and what changed in known ones. What is counted already is not counted again.",
			"Orders from before the channel was connected stay as they are: they move no stock.",
		];
	}
	if (source === "listings") {
		return [
			`${plural(total, "listing")} of ${channel} are read, and compared with what they should show. What differs is put right as always.`,
		];
	}
	if (!summary) return [];
	const { lines, same, unitsUp, unitsDown, rules, paused, resumed, linked, unlinked, figures, toZero, raised, lowered, unknown } = summary;
	const listings = (count: number, did: string) => (count > 0 ? [`${plural(count, "listing")} ${did}`] : []);
	const acts = [
		...listings(rules, rules === 1 ? "gets another rule" : "get another rule"),
		...listings(paused, "paused"),
		...listings(resumed, "resumed"),
		...listings(linked, "linked"),
		...listings(unlinked, "unlinked"),
	];
	return [
		`${plural(lines, "line")} in the file: ${plural(total, "change")}, ${number(same)} so already, ${problems === 0 ? "none" : number(problems)} with something wrong.`,
		...(unitsUp > 0 || unitsDown > 0
			? [`Stock: ${plural(unitsUp, "unit")} more, ${plural(unitsDown, "unit")} fewer. Shopify is told.`]
			: []),
		...(acts.length > 0 ? [`${listed(acts)}.`] : []),
		...(figures > 0
			? [
					`On the channels ${plural(figures, "figure")} would change, ${number(toZero)} of them to zero; ${number(raised)} raised, ${number(lowered)} lowered.`,
				]
			: []),
		...(unknown.length > 0 ? [`Columns that mean nothing here, and are passed over: ${unknown.join(", ")}.`] : []),
	];
}
