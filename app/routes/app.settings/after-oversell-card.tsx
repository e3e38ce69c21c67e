import { Card, ChoiceList } from "@shopify/polaris";
import type { CardProps } from "./draft.ts";

export function AfterOversellCard({ settings, draft, onDraft, disabled }: CardProps) {
	const chosen = draft.afterOversell ?? settings.afterOversell;
	return (
		<Card>
			<ChoiceList
				title="After an oversell"
				disabled={disabled}
				choices={[
					{ value: "resume", label: "Sell again by itself", helpText: "As soon as stock covers what is owed" },
					{
						value: "pause",
						label: "Keep it paused until I resume it",
						helpText: "Its listings stay at 0, and stand under Needs you on the overview",
					},
				]}
				selected={[chosen]}
				onChange={([value]) => onDraft({ afterOversell: value === "pause" ? "pause" : "resume" })}
			/>
		</Card>
	);
}
