import { BlockStack, Card, Checkbox, FormLayout, TextField } from "@shopify/polaris";
import { type CardProps, type GuardsDraft, isWithin, toGuardsDraft } from "./draft.ts";

/** How much may change in Shopify at once before somebody is asked. */
export function GuardsCard({ settings, draft, onDraft, disabled }: CardProps) {
	const guards = draft.guards ?? toGuardsDraft(settings.guards);
	const change = (next: Partial<GuardsDraft>) => onDraft({ guards: { ...guards, ...next } });
	const field = (name: "products" | "zeroPercent" | "raisePercent", label: string, most: number, suffix?: string) => (
		<TextField
			label={label}
			inputMode="numeric"
			autoComplete="off"
			disabled={disabled}
			value={guards[name]}
			{...(suffix ? { suffix } : {})}
			error={!isWithin(guards[name], most) && `A whole number from 1 to ${most.toLocaleString("en")}`}
			onChange={(text) => change({ [name]: text })}
		/>
	);
	return (
		<Card>
			<BlockStack gap="400">
				<BlockStack gap="200">
					<Checkbox
						label="Ask before many products go to zero"
						disabled={disabled}
						{...(disabled
							? {}
							: {
									helpText:
										"Within a quarter of an hour, and not by sales. The smaller of the two numbers counts; a percentage asks about ten products at least.",
								})}
						checked={guards.zero}
						onChange={(zero) => change({ zero })}
					/>
					{guards.zero && (
						<FormLayout>
							<FormLayout.Group condensed>
								{field("products", "More than", 1_000_000, "products")}
								{field("zeroPercent", "Or more than", 100, "%")}
							</FormLayout.Group>
						</FormLayout>
					)}
				</BlockStack>
				<BlockStack gap="200">
					<Checkbox
						label="Ask before many products are raised"
						disabled={disabled}
						{...(disabled ? {} : { helpText: "Of what you sell on channels; a hundred products at least are let through." })}
						checked={guards.raise}
						onChange={(raise) => change({ raise })}
					/>
					{guards.raise && <FormLayout>{field("raisePercent", "More than", 100, "%")}</FormLayout>}
				</BlockStack>
			</BlockStack>
		</Card>
	);
}
