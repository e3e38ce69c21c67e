import { BlockStack, Box, Button, Card, InlineStack, Link, Text } from "@shopify/polaris";
import type { ItemPage } from "#app/pages/item/item.ts";
import { useAllowed } from "../../components/use-right.ts";
import { number } from "../../components/words.ts";
import { type PartDraft, PartsForm } from "./parts-form.tsx";

/** `locked`: its links are being changed, which is foretold by the parts that stand. */
type PartsCardProps = {
	item: ItemPage;
	parts: readonly PartDraft[] | null;
	onParts: (parts: readonly PartDraft[] | null) => void;
	locked: boolean;
};

/** What a bundle is made of, or the bundles that a part is in: a sale of one is a sale of the others. `parts`: as somebody edits them. */
export function PartsCard({ item, parts, onParts, locked }: PartsCardProps) {
	const mayEdit = useAllowed("operate") && item.partsFixed === null;
	const isPart = item.partOf.length > 0 && item.parts.length === 0;
	if (item.parts.length === 0 && !isPart && !mayEdit) return null;
	return (
		<Card padding="0">
			<Box padding="400">
				<BlockStack gap="100">
					<InlineStack align="space-between" blockAlign="center" gap="200">
						<Text as="h2" variant="headingSm">
							{isPart ? "Part of" : "Made of"}
						</Text>
						{mayEdit && parts === null && (
							<Button
								size="slim"
								disabled={locked}
								onClick={() => onParts(draftOf(item))}
								accessibilityLabel={item.parts.length > 0 ? "Edit what it is made of" : "Add parts"}
							>
								{item.parts.length > 0 ? "Edit" : "Add parts"}
							</Button>
						)}
					</InlineStack>
					<Text as="p" tone="subdued">
						{introOf(item, isPart)}
					</Text>
				</BlockStack>
			</Box>
			{parts !== null && mayEdit ? (
				<PartsForm item={item} parts={parts} onParts={onParts} />
			) : isPart ? (
				<PartOf item={item} />
			) : (
				item.parts.length > 0 && <Parts item={item} />
			)}
		</Card>
	);
}

/** What stands now, as the form edits it. */
export const draftOf = (item: ItemPage): PartDraft[] =>
	item.parts.map(({ itemId, sku, title, quantity }) => ({ itemId, sku, title, units: String(quantity) }));

function introOf(item: ItemPage, isPart: boolean): string {
	if (isPart) return "A sale of these takes units of this product as well.";
	if (item.parts.length === 0) return "Only of itself. A pack of six or a gift box can take its units from other products instead.";
	return `It has as many as its parts suffice for. ${item.partsFixed ?? "Shopify's own figure of it is not used."}`;
}

function Parts({ item }: { item: ItemPage }) {
	const fewest = Math.min(...item.parts.map(({ available, quantity }) => Math.floor(Math.max(0, available) / quantity)));
	return (
		<ul className="rows rows-topped">
			{item.parts.map((part) => (
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
			))}
		</ul>
	);
}

function PartOf({ item }: { item: ItemPage }) {
	return (
		<ul className="rows rows-topped">
			{item.partOf.map((bundle) => (
				<li key={bundle.itemId} className="row row-sale">
					<Named itemId={bundle.itemId} name={bundle.title || bundle.sku} sku={bundle.sku} />
					<Text as="p" numeric alignment="end">
						{number(bundle.quantity)} each
					</Text>
				</li>
			))}
		</ul>
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
