import { BlockStack, List, Text } from "@shopify/polaris";
import type { ItemPage } from "#app/pages/item/item.ts";
import type { PartsPreview } from "#app/pages/item/preview-parts.ts";
import { number } from "../../components/words.ts";
import type { PartDraft } from "./parts-form.tsx";

type PartsPreviewProps = { item: ItemPage; parts: readonly PartDraft[]; isWrong: boolean; preview: PartsPreview | null };

/** What saving makes of each channel's figure. */
export function PartsPreviewList({ item, parts, isWrong, preview }: PartsPreviewProps) {
	return (
		<BlockStack gap="200">
			<Text as="h3" variant="headingXs">
				What changes
			</Text>
			{isWrong ? (
				<Text as="p">Please correct the figures above.</Text>
			) : preview === null ? (
				<Text as="p" tone="subdued">
					Looking…
				</Text>
			) : (
				<>
					<Text as="p" fontWeight="medium">
						{`${number(item.available)} → ${number(preview.available)} available, ${parts.length === 0 ? "by Shopify's own figure" : "from its parts"}`}
					</Text>
					{preview.listings.length > 0 ? (
						<List>
							{preview.listings.map(({ listingId, channel, sku, from, to, isSent }) => (
								<List.Item key={listingId}>
									{channel}, {sku}: <span className="figures">{from === to ? `stays ${said(to)}` : `${said(from)} → ${said(to)}`}</span>
									{isSent ? "" : " (not sent: not live)"}
								</List.Item>
							))}
						</List>
					) : (
						<Text as="p" variant="bodySm" tone="subdued">
							It is linked to no listing: nothing is sent.
						</Text>
					)}
				</>
			)}
		</BlockStack>
	);
}

const said = (figure: number | null) => (figure === null ? "not counted" : number(figure));
