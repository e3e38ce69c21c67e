import { BlockStack, Box, Card, Link, Text } from "@shopify/polaris";
import type { ItemPage } from "#app/pages/item/item.ts";
import { number } from "../../components/words.ts";

/** What a bundle is made of, and the bundles that a part is in: a sale of one is a sale of the others. */
export function PartsCard({ item }: { item: ItemPage }) {
	if (item.parts.length === 0 && item.partOf.length === 0) return null;
	const isBundle = item.parts.length > 0;
	const fewest = Math.min(...item.parts.map(({ available, quantity }) => Math.floor(Math.max(0, available) / quantity)));
	return (
		<Card padding="0">
			<Box padding="400">
				<BlockStack gap="100">
					<Text as="h2" variant="headingSm">
						{isBundle ? "Made of" : "Part of"}
					</Text>
					<Text as="p" tone="subdued">
						{isBundle
							? "It has as many as its parts suffice for. What it is made of is edited in Shopify."
							: "A sale of these takes units of this product as well."}
					</Text>
				</BlockStack>
			</Box>
			<ul className="rows rows-topped">
				{isBundle
					? item.parts.map((part) => (
							<li key={part.itemId} className="row row-sale">
								<Named itemId={part.itemId} name={`${number(part.quantity)} × ${part.title || part.sku}`} sku={part.sku} />
								<Text
									as="p"
									numeric
									alignment="end"
									{...(Math.floor(Math.max(0, part.available) / part.quantity) === fewest ? { fontWeight: "semibold" as const } : {})}
								>
									{number(part.available)} there
								</Text>
							</li>
						))
					: item.partOf.map((bundle) => (
							<li key={bundle.itemId} className="row row-sale">
								<Named itemId={bundle.itemId} name={bundle.title || bundle.sku} sku={bundle.sku} />
								<Text as="p" numeric alignment="end">
									{number(bundle.quantity)} each
								</Text>
							</li>
						))}
			</ul>
		</Card>
	);
}

function Named({ itemId, name, sku }: { itemId: number; name: string; sku: string }) {
	return (
		<BlockStack gap="050">
			<Link monochrome url={`/app/items/${itemId}`}>
				{name}
			</Link>
			<Text as="p" variant="bodySm" tone="subdued">
				{sku}
			</Text>
		</BlockStack>
	);
}
