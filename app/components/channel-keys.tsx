import { BlockStack, Button, Card, Divider, FormLayout, InlineStack, List, Text, TextField } from "@shopify/polaris";

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

type OneClickProps = { label: string; disabled?: boolean; loading: boolean; onPress: () => void };

/** The store makes the keys on a page of its own; what follows is the longer way. */
export const OneClick = ({ label, disabled = false, loading, onPress }: OneClickProps) => (
	<BlockStack gap="200">
		<InlineStack>
			<Button variant="primary" loading={loading} disabled={disabled} onClick={onPress}>
				{label}
			</Button>
		</InlineStack>
		<Text as="p" variant="bodySm" tone="subdued">
			You sign in to your store, agree there, and come back here. Or type in keys that you make yourself:
		</Text>
		<Divider />
	</BlockStack>
);

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
