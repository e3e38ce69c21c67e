import { BlockStack, Box, Text } from "@shopify/polaris";
import type { ItemPage } from "#app/pages/item/item.ts";
import type { Then, ThenListing } from "#app/pages/item/read-then.ts";
import { sayRule } from "../../components/rule-words.ts";
import { Moment } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

/** What there was at that moment, and what each channel had been told by then. */
export function ThenFigures({ then, item }: { then: Then; item: ItemPage }) {
	return (
		<Box padding="400" background="bg-surface-secondary">
			<BlockStack gap="200">
				<Text as="p" fontWeight="medium">
					<span data-testid="then">
						<Moment at={then.at} />: {then.figure === null ? "Lockstep did not know this product yet" : sayFigure(then.figure)}
						{then.places.length > 1 && ` (${then.places.map(({ name, figure }) => `${name} ${number(figure)}`).join(", ")})`}
					</span>
				</Text>
				{then.listings.map((listing) => {
					const now = item.listings.find(({ id }) => id === listing.id);
					return (
						<Text as="p" key={listing.id}>
							{now?.channel ?? "A channel"}
							{now?.sku && now.sku !== item.sku ? ` (${now.sku})` : ""}: <Told listing={listing} />{" "}
							<Text as="span" tone="subdued">
								Rule: {listing.policy === null ? "the channel's" : sayRule(listing.policy)}
							</Text>
						</Text>
					);
				})}
			</BlockStack>
		</Box>
	);
}

const sayFigure = (figure: number): string => (figure < 0 ? `${plural(-figure, "unit")} owed` : `${plural(figure, "unit")} there`);

function Told({ listing: { told, soldSince } }: { listing: ThenListing }) {
	if (told === null) return <>nothing that is still on record was sent to it before.</>;
	return (
		<>
			told {number(told.quantity)} {told.confirmed ? "and confirmed" : "and taken"}, <Moment at={told.at} />
			{soldSince > 0 && `; sold ${number(soldSince)} itself since, so it showed ${number(Math.max(0, told.quantity - soldSince))}`}.
		</>
	);
}
