import { Banner, BlockStack, Card, Text } from "@shopify/polaris";
import type { Choosing } from "#app/pages/matching/read-choosing.ts";
import { ProductChoice } from "../../components/product-choice.tsx";
import { Thing } from "../../components/thing.tsx";
import type { UrlFilters } from "../../components/use-url-filters.ts";
import { plural } from "../../components/words.ts";

type LinkCardProps = {
	choosing: Choosing;
	/** Of this failure that are linked to nothing as well. */
	others: number;
	channel: string;
	filters: UrlFilters;
	busyWith: string | null;
	onLink: (itemId: number) => void;
};

/** The way out of a sale that is linked to nothing: which product it is. What waited for it is tried again at once. */
export function LinkCard({ choosing, others, channel, filters, busyWith, onLink }: LinkCardProps) {
	const { listing, isPack } = choosing;
	return (
		<BlockStack gap="400">
			<Card>
				<BlockStack gap="300">
					<Text as="h2" variant="headingSm">
						Link it
					</Text>
					<Thing sku={listing.sku} title={listing.title} barcode={listing.barcode} />
					<Text as="p" tone="subdued">
						This listing on {channel} is linked to no product of yours. Choose which it is: then this failure, and every other that sells
						it, is tried again by itself.
						{others > 0 && ` ${plural(others, "other listing")} of this failure ${others === 1 ? "is" : "are"} next.`}
					</Text>
					{isPack && (
						<Banner tone="warning" title="This looks like a pack of several pieces">
							<p>Linked as it is, each sale of it takes one piece off your stock. Link it only if your product counts the same pack.</p>
						</Banner>
					)}
				</BlockStack>
			</Card>
			<ProductChoice choosing={choosing} filters={filters} mayLink busyWith={busyWith} onLink={onLink} />
		</BlockStack>
	);
}
