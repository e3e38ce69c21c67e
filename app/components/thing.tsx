import { BlockStack, Text } from "@shopify/polaris";

/** Something for sale, by its title and codes. */
export function Thing({ sku, title, barcode }: { sku: string; title: string; barcode: string }) {
	return (
		<BlockStack gap="0">
			<Text as="span" fontWeight="medium">
				{title || "Without a title"}
			</Text>
			<Text as="span" variant="bodySm" tone="subdued" breakWord>
				{[sku ? visible(sku) : "No SKU", barcode].filter(Boolean).join(" · ")}
			</Text>
		</BlockStack>
	);
}

/** A code with blanks at its end looks like one without: such blanks are made visible. */
const visible = (sku: string) => sku.replace(/^\s+|\s+$/g, (blanks) => "␣".repeat(blanks.length));
