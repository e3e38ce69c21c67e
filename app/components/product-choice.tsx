import { Badge, BlockStack, Box, Button, Card, Text, TextField } from "@shopify/polaris";
import type { Choosing } from "#app/pages/matching/read-choosing.ts";
import { Thing } from "./thing.tsx";
import { type UrlFilters, useTyped } from "./use-url-filters.ts";
import { plural } from "./words.ts";

type ProductChoiceProps = {
	choosing: { products: readonly (Choosing["products"][number] & { note?: string })[]; why: Choosing["why"] };
	filters: UrlFilters;
	mayLink: boolean;
	/** The product whose link is being saved. */
	busyWith: string | null;
	onLink: (itemId: number) => void;
	/** What is asked, what the button says, and what stands there when nothing is found, where it is no listing that is linked. */
	label?: string;
	verb?: string;
	nothing?: string;
};

/** Which product a listing is: those that its codes speak for, or what a search finds. Also for other choices of one product. */
export function ProductChoice({
	choosing: { products, why },
	filters,
	mayLink,
	busyWith,
	onLink,
	label = "Find your product",
	verb,
	nothing,
}: ProductChoiceProps) {
	const { typed, type } = useTyped(filters);
	return (
		<Card padding="0">
			<Box padding="400">
				<TextField
					label={label}
					placeholder="SKU, barcode or title"
					autoComplete="off"
					value={typed}
					onChange={type}
					clearButton
					onClearButtonClick={() => filters.set({ q: "" })}
				/>
			</Box>
			{products.length > 0 && (
				<ul className="rows rows-topped" data-testid="products">
					{products.map((product) => (
						<li key={product.itemId} className="row row-sale">
							<BlockStack gap="100" inlineAlign="start">
								<Thing sku={product.sku} title={product.title} barcode={product.barcode} />
								{product.note && <Badge>{product.note}</Badge>}
								{product.listings > 0 && <Badge>{`${plural(product.listings, "listing")} here already`}</Badge>}
							</BlockStack>
							{mayLink && (
								<Button
									loading={busyWith === String(product.itemId)}
									onClick={() => onLink(product.itemId)}
									accessibilityLabel={`${verb ?? "Link to"} ${product.sku || product.title}`}
								>
									{verb ?? "Link"}
								</Button>
							)}
						</li>
					))}
				</ul>
			)}
			{products.length === 0 && (
				<Box padding="400" paddingBlockStart="0">
					<Text as="p" tone="subdued">
						{nothing ?? (why === "nothing" ? "No product has a code like this one. Search for it by name." : "No product found.")}
					</Text>
				</Box>
			)}
		</Card>
	);
}
