import { BlockStack, Card, FormLayout, List, Text, TextField } from "@shopify/polaris";

export type KeyField = { key: string; label: string; secret: boolean; help: string | null };

/** The keys that a channel asks for, as it names them. */
export function KeyFields({ fields, field }: { fields: readonly KeyField[]; field: (key: string) => KeyInput }) {
	return (
		<FormLayout>
			{fields.map(({ key, label, secret, help }) => (
				<TextField
					key={key}
					label={label}
					type={secret ? "password" : "text"}
					autoComplete="off"
					{...field(key)}
					{...(help ? { helpText: help } : {})}
				/>
			))}
		</FormLayout>
	);
}
type KeyInput = { value: string; onChange: (value: string) => void };

/** Where a merchant finds them; nothing for a channel whose fields say it all. */
export function KeySteps({ steps }: { steps: readonly string[] }) {
	if (steps.length === 0) return null;
	return (
		<Card>
			<BlockStack gap="200">
				<Text as="h2" variant="headingSm">
					Where to get the keys
				</Text>
				<List type="number">
					{steps.map((step) => (
						<List.Item key={step}>{step}</List.Item>
					))}
				</List>
			</BlockStack>
		</Card>
	);
}
