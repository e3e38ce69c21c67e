import { BlockStack, Card, FormLayout, Select, Text, TextField } from "@shopify/polaris";
import type { TypedRule } from "../app.channels.$id.rules/typed-rule.ts";

type Field = Exclude<keyof TypedRule, "kind">;
type RuleCardProps = {
	rule: TypedRule;
	ofChannel: boolean;
	wrong: Field | null;
	onRule: (rule: TypedRule) => void;
	onOfChannel: (ofChannel: boolean) => void;
};

const OF_CHANNEL = "channel";

/** The one rule that all chosen listings get. */
export function RuleCard({ rule, ofChannel, wrong, onRule, onOfChannel }: RuleCardProps) {
	const field = (name: Field) => ({
		value: rule[name],
		onChange: (value: string) => onRule({ ...rule, [name]: value }),
		inputMode: "numeric" as const,
		autoComplete: "off",
		...(wrong === name ? { error: "A whole number of 0 or more" } : {}),
	});
	const choose = (kind: string) => {
		onOfChannel(kind === OF_CHANNEL);
		if (kind !== OF_CHANNEL) onRule({ ...rule, kind: kind as TypedRule["kind"] });
	};
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					Rule
				</Text>
				<FormLayout>
					<Select
						label="Shows"
						options={[
							{ value: "exact", label: "Everything that is available" },
							{ value: "buffer", label: "Everything but a buffer" },
							{ value: "percentage", label: "A part of it" },
							{ value: "fixed", label: "Always the same figure, as long as there are so many" },
							{ value: OF_CHANNEL, label: "What the rule of its channel says" },
						]}
						value={ofChannel ? OF_CHANNEL : rule.kind}
						onChange={choose}
					/>
					{!ofChannel && rule.kind === "buffer" && <TextField label="Buffer" suffix="units held back" {...field("buffer")} />}
					{!ofChannel && rule.kind === "percentage" && <TextField label="Part" suffix="%" {...field("percentage")} />}
					{!ofChannel && rule.kind === "fixed" && <TextField label="Figure" suffix="units" {...field("fixed")} />}
					{!ofChannel && (
						<FormLayout.Group>
							<TextField label="Minimum" helpText="Below it, 0 is shown: the last pieces stay with you" {...field("minimum")} />
							<TextField label="Maximum" helpText="Never more than this" {...field("maximum")} />
						</FormLayout.Group>
					)}
				</FormLayout>
			</BlockStack>
		</Card>
	);
}
