import { BlockStack, Card, List, Text } from "@shopify/polaris";
import type { RulesPreview } from "#app/pages/channels/preview-rules.ts";
import { number, plural } from "../../components/words.ts";

type PreviewCardProps = {
	preview: RulesPreview | null;
	refused: string | null;
	isDirty: boolean;
	isLooking: boolean;
	isLive: boolean;
	name: string;
};

/** What saving would change, listing by listing. */
export function PreviewCard({ preview, refused, isDirty, isLooking, isLive, name }: PreviewCardProps) {
	return (
		<Card>
			<div aria-live="polite" aria-busy={isLooking} data-testid="preview">
				<BlockStack gap="300">
					<Text as="h2" variant="headingSm">
						What changes
					</Text>
					{!isDirty && (
						<Text as="p" tone="subdued">
							Change the rule or the locations, and see here what becomes of the figures before you save.
						</Text>
					)}
					{isDirty && !preview && (
						<Text as="p" tone="subdued">
							Looking…
						</Text>
					)}
					{preview && (
						<>
							<Text as="p" fontWeight="semibold">
								{preview.changes === 0
									? `No figure of ${plural(preview.listings, "listing")} changes`
									: `${plural(preview.changes, "listing")} of ${number(preview.listings)} change, ${number(preview.toZero)} to zero`}
							</Text>
							<Text as="p" variant="bodySm" tone="subdued">
								{number(preview.raised)} raised, {number(preview.lowered)} lowered; {plural(preview.heldBack, "unit")} held back then.{" "}
								{isLive ? `On saving, they are sent to ${name}.` : `Nothing is sent to ${name}: it is not live.`}
							</Text>
							{refused && <Text as="p">{refused}</Text>}
							{preview.sample.length > 0 && (
								<List>
									{preview.sample.map((one) => (
										<List.Item key={one.listingId}>
											<span className="figures">
												{one.sku || one.title}: {number(one.from)} → {number(one.to)}
											</span>
										</List.Item>
									))}
								</List>
							)}
							{preview.changes > preview.sample.length && (
								<Text as="p" variant="bodySm" tone="subdued">
									The {preview.sample.length} largest changes. And {number(preview.changes - preview.sample.length)} more.
								</Text>
							)}
						</>
					)}
				</BlockStack>
			</div>
		</Card>
	);
}
