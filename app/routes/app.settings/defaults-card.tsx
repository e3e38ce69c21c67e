import { BlockStack, Card, ChoiceList, TextField } from "@shopify/polaris";
import { type CardProps, isBuffer } from "./draft.ts";

export function DefaultsCard({ settings, draft, onDraft, disabled }: CardProps) {
	const { defaults } = settings;
	const buffer = draft.buffer ?? String(defaults.policy.buffer ?? 0);
	const chosen = draft.locationIds ?? defaults.locationIds;
	const setLocations = (locationIds: number[]) => onDraft({ was: defaults, locationIds });
	return (
		<Card>
			<BlockStack gap="400">
				<TextField
					label="Buffer"
					helpText="Units of each product that a new channel does not show. 0 shows everything; 1 is wise where a channel takes minutes to update."
					inputMode="numeric"
					autoComplete="off"
					disabled={disabled}
					value={buffer}
					error={!isBuffer(buffer) && "A whole number of 0 or more"}
					onChange={(text) => onDraft({ was: defaults, buffer: text })}
				/>
				<ChoiceList
					title="Stock of"
					disabled={disabled}
					choices={[
						{
							label: "All locations that fulfil online orders",
							value: "online",
							// Polaris greys a disabled choice's help below what can be read: nobody chooses then, and nothing is to be explained.
							...(disabled ? {} : { helpText: "Also those that you add in Shopify later" }),
						},
						{ label: "Only these", value: "chosen" },
					]}
					selected={[chosen.length === 0 ? "online" : "chosen"]}
					onChange={([choice]) =>
						setLocations(choice === "online" ? [] : settings.locations.filter(({ online }) => online).map(({ id }) => id))
					}
				/>
				{chosen.length > 0 && (
					<ChoiceList
						title="Locations"
						titleHidden
						allowMultiple
						disabled={disabled}
						choices={settings.locations.map(({ id, name, online }) => ({
							label: name,
							value: String(id),
							...(online ? {} : { helpText: "Does not fulfil online orders" }),
						}))}
						selected={chosen.map(String)}
						onChange={(ids) => setLocations(ids.map(Number))}
					/>
				)}
			</BlockStack>
		</Card>
	);
}
