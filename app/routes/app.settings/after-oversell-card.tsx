import { Card, ChoiceList } from "@shopify/polaris";
import type { CardProps } from "./draft.ts";

export function AfterOversellCard({ settings, draft, onDraft, disabled }: CardProps) {
	const chosen = draft.afterOversell ?? settings.afterOversell;
	// Polaris greys it together with the choice, too faint to be read.
	const help = (helpText: string) => (disabled ? {} : { helpText });
	return (
		<Card>
			<ChoiceList
				title="After an oversell"
				disabled={disabled}
				choices={[
					{ value: "resume", label: "Sell again by itself", ...help("As soon as stock covers what is owed") },
					{
						value: "pause",
						label: "Keep it paused until I resume it",
						...help("Its listings stay at 0, and stand under Needs you on the overview"),
					},
				]}
				selected={[chosen]}
				onChange={([value]) => onDraft({ afterOversell: value === "pause" ? "pause" : "resume" })}
			/>
		</Card>
	);
}
