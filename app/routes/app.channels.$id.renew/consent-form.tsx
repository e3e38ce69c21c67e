import { BlockStack, Button, Card, InlineStack, Select, Text } from "@shopify/polaris";
import { useState } from "react";
import type { RenewalForm } from "#app/pages/channels/read-renewal.ts";
import { Day } from "../../components/when.tsx";

type ConsentFormProps = {
	form: Extract<RenewalForm, { way: "consent" }>;
	isLeaving: boolean;
	onContinue: (chosen: Record<string, string>) => void;
};

/** The account's owner agrees again on the channel's own page. */
export function ConsentForm({ form, isLeaving, onContinue }: ConsentFormProps) {
	const { consent } = form;
	const [values, setValues] = useState<Record<string, string>>(() =>
		Object.fromEntries(form.choices.map(({ key, options }) => [key, options[0]?.value ?? ""])),
	);
	return (
		<Card>
			<BlockStack gap="400">
				<Text as="p">
					{consent.endsAt && (
						<>
							Your consent {consent.hasEnded ? "ended" : "ends"} on <Day at={consent.endsAt} />.{" "}
						</>
					)}
					You agree again on {form.kind}'s own page, signed in to the account {form.account}, and come back here.
				</Text>
				<Text as="p" tone="subdued">
					Nothing else changes: orders go on being counted, and listings, rules and figures stay as they are.
				</Text>
				{form.choices.map(({ key, label, options }) => (
					<Select
						key={key}
						label={label}
						options={options}
						value={values[key] ?? ""}
						onChange={(value) => setValues({ ...values, [key]: value })}
					/>
				))}
				<InlineStack>
					<Button variant="primary" disabled={!form.isAvailable} loading={isLeaving} onClick={() => onContinue(values)}>
						{`Continue to ${form.kind}`}
					</Button>
				</InlineStack>
				{!form.isAvailable && (
					<Text as="p" variant="bodySm" tone="subdued">
						Whoever runs this server has not registered the app with {form.kind}.
					</Text>
				)}
			</BlockStack>
		</Card>
	);
}
