import { BlockStack, Box, Button, FormLayout, InlineStack, Select, Text, TextField } from "@shopify/polaris";
import { useState } from "react";
import type { ItemListing } from "#app/pages/item/item.ts";
import { type Policy, quantityToShow } from "#domain";
import { sayRule } from "../../components/rule-words.ts";
import { Ago } from "../../components/when.tsx";
import { number } from "../../components/words.ts";
import type { Rules } from "./rules-card.tsx";

type Kind = Policy["kind"] | "channel";
type Typed = { kind: Kind; buffer: string; percentage: string; fixed: string; minimum: string; maximum: string };
type NumberField = Exclude<keyof Typed, "kind">;

const UNITS_MAX = 1_000_000;
const LIMITS: Readonly<Record<NumberField, number>> = {
	buffer: UNITS_MAX,
	percentage: 100,
	fixed: UNITS_MAX,
	minimum: UNITS_MAX,
	maximum: UNITS_MAX,
};

type RuleFormProps = { listing: ItemListing; asOf: string; edited: Rules[number]; onEdit: (edit: Rules[number]) => void };

/** The rule of one listing. What it does is shown while it is typed, and nothing is changed until it is saved. */
export function RuleForm({ listing, asOf, edited, onEdit }: RuleFormProps) {
	const [typed, setTyped] = useState<Typed>(() => toTyped(edited?.policy ?? listing.policy));
	const change = (next: Typed) => {
		setTyped(next);
		onEdit({ policy: toPolicy(next), wrong: errorsOf(next).length > 0 });
	};
	const errors = edited ? errorsOf(typed) : [];
	const field = (name: NumberField, label: string, helpText?: string) => (
		<TextField
			label={label}
			helpText={helpText}
			inputMode="numeric"
			autoComplete="off"
			value={typed[name]}
			error={errors.includes(name) && `A whole number from 0 to ${number(LIMITS[name])}`}
			onChange={(text) => change({ ...typed, [name]: text })}
		/>
	);
	const policy = edited ? edited.policy : listing.policy;
	const after = quantityToShow(policy ?? listing.channelPolicy, listing.sellable);
	return (
		<Box background="bg-surface-secondary" padding="400" borderRadius="200">
			<BlockStack gap="400">
				<FormLayout>
					<Select
						label="How much is shown"
						options={[
							{ value: "channel", label: `As on the whole channel (${sayRule(listing.channelPolicy)})` },
							{ value: "exact", label: "Everything" },
							{ value: "buffer", label: "All but some units held back" },
							{ value: "percentage", label: "A share of what is available" },
							{ value: "fixed", label: "Always the same number, as long as there are so many" },
						]}
						value={typed.kind}
						onChange={(kind) => change({ ...typed, kind: kind as Kind })}
					/>
					{typed.kind === "buffer" && field("buffer", "Units held back")}
					{typed.kind === "percentage" && field("percentage", "Share in %", "Rounded down")}
					{typed.kind === "fixed" && field("fixed", "Units shown")}
					{typed.kind !== "channel" && (
						<FormLayout.Group condensed>
							{field("minimum", "Minimum", "Below it, 0 is shown")}
							{field("maximum", "Maximum", "Never more than this")}
						</FormLayout.Group>
					)}
				</FormLayout>
				<div aria-live="polite">
					<Text as="p" fontWeight="medium">
						<span data-testid={`preview-${listing.id}`}>
							{listing.should === null
								? "No rule has an effect: Shopify does not count this product."
								: errors.length > 0
									? "Please correct the figures above."
									: `${number(Math.max(0, listing.sellable))} available: ${listing.channel} ${listing.paused ? "would show (it is paused)" : "shows"} ${number(after)}${edited && after !== listing.should ? ` instead of ${number(listing.should)}` : ""}`}
						</span>
					</Text>
				</div>
				{listing.former.length > 0 && (
					<BlockStack gap="100">
						<Text as="h4" variant="headingXs">
							Former rules
						</Text>
						{listing.former.map((former) => (
							<InlineStack key={former.at} gap="200" blockAlign="center" align="space-between">
								<Text as="span" variant="bodySm" tone="subdued">
									{former.policy === null ? "The channel's rule" : sayRule(former.policy)}, until <Ago at={former.at} now={asOf} /> (
									{former.who})
								</Text>
								<Button size="micro" onClick={() => change(toTyped(former.policy))}>
									Use again
								</Button>
							</InlineStack>
						))}
					</BlockStack>
				)}
			</BlockStack>
		</Box>
	);
}

const text = (value: number | undefined) => (value === undefined ? "" : String(value));

function toTyped(policy: Policy | null): Typed {
	const { kind = "channel", buffer, percentage, fixed, minimum, maximum } = policy ?? {};
	return {
		kind,
		buffer: text(buffer),
		percentage: text(percentage),
		fixed: text(fixed),
		minimum: text(minimum),
		maximum: text(maximum),
	};
}

/** Fields of the chosen kind that hold no number; bounds may be empty. */
function errorsOf(typed: Typed): NumberField[] {
	if (typed.kind === "channel") return [];
	const needed: NumberField[] = typed.kind === "exact" ? [] : [typed.kind];
	const isNumber = (name: NumberField) => /^\d{1,7}$/.test(typed[name].trim()) && Number(typed[name]) <= LIMITS[name];
	const bounds = (["minimum", "maximum"] as const).filter((name) => typed[name].trim() !== "");
	return [...needed, ...bounds].filter((name) => !isNumber(name));
}

function toPolicy(typed: Typed): Policy | null {
	if (typed.kind === "channel") return null;
	const read = (name: NumberField) => (typed[name].trim() === "" || errorsOf(typed).includes(name) ? {} : { [name]: Number(typed[name]) });
	return { kind: typed.kind, ...(typed.kind === "exact" ? {} : read(typed.kind)), ...read("minimum"), ...read("maximum") };
}
