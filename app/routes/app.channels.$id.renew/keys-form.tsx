import { Button, Card, FormLayout, InlineStack, Text } from "@shopify/polaris";
import { useState } from "react";
import type { RenewalForm } from "#app/pages/channels/read-renewal.ts";
import { KeyFields, KeySteps, OneClick } from "../../components/channel-keys.tsx";

type KeysFormProps = {
	form: Extract<RenewalForm, { way: "keys" }>;
	/** What was pressed and is not answered yet. */
	busy: "keys" | "one-click" | null;
	onKeys: (keys: Record<string, string>) => void;
	onOneClick: () => void;
};

/** Keys were deleted or changed in the store: new ones are typed in, or the store makes them. */
export function KeysForm({ form, busy, onKeys, onOneClick }: KeysFormProps) {
	const [values, setValues] = useState<Record<string, string>>({});
	const field = (key: string) => ({ value: values[key] ?? "", onChange: (value: string) => setValues({ ...values, [key]: value }) });
	return (
		<>
			<Card>
				<form
					onSubmit={(event) => {
						event.preventDefault();
						onKeys(values);
					}}
				>
					<FormLayout>
						<Text as="p">
							For when the keys that Lockstep has of {form.account} were deleted or changed there. New keys are tried with one call before
							the old ones are forgotten.
						</Text>
						<Text as="p" tone="subdued">
							Nothing else changes: orders of the meantime are read and counted, and listings, rules and figures stay as they are.
						</Text>
						{form.hasOneClick && <OneClick label="Get new keys from the store" loading={busy === "one-click"} onPress={onOneClick} />}
						<KeyFields fields={form.fields} field={field} />
						<InlineStack gap="300" blockAlign="center">
							<Button submit loading={busy === "keys"} {...(form.hasOneClick ? {} : { variant: "primary" as const })}>
								Test and use these keys
							</Button>
							{busy === "keys" && (
								<Text as="span" tone="subdued">
									Calling the store…
								</Text>
							)}
						</InlineStack>
					</FormLayout>
				</form>
			</Card>
			<KeySteps steps={form.steps} />
		</>
	);
}
