import { Banner, BlockStack, Link, List, Text } from "@shopify/polaris";
import type { OtherWriter } from "#app/pages/channels/read-other-writer.ts";
import { Ago } from "./when.tsx";
import { counted, number, plural } from "./words.ts";

/** How often, on which products, when last; that the channel does not say who; and what to do (R43). */
export function OtherWriterBanner({ writer }: { writer: OtherWriter }) {
	const { asOf, newest, lastAt } = writer;
	return (
		<Banner
			tone="warning"
			title={writer.isHome ? "Something else sets stock back in Shopify" : `Something else changes stock on ${writer.name}`}
		>
			<BlockStack gap="200">
				<Text as="p">
					<span data-testid="other-writer">{sayOtherWriter(writer)}</span> The last time was <Ago at={lastAt} now={asOf} />.
				</Text>
				<List>
					{newest.map(({ id, at, itemId, sku, title, expected, found }) => (
						<List.Item key={id}>
							{itemId === null ? (
								sku || title
							) : (
								<Link monochrome url={`/app/items/${itemId}`}>
									{sku || title}
								</Link>
							)}
							: {number(Math.max(0, expected))} → {number(Math.max(0, found))}, <Ago at={at} now={asOf} />
						</List.Item>
					))}
				</List>
				<Text as="p">{sayWhatToDo(writer)} This note goes away when nothing was changed there for 7 days.</Text>
			</BlockStack>
		</Banner>
	);
}

export function sayOtherWriter({ name, isHome, times, raised, lowered, products }: OtherWriter): string {
	if (isHome) {
		const often = times.count === 1 && !times.more ? "once" : `${counted(times)} times`;
		return `In the last 7 days stock in Shopify went back ${often} to what it was before units were sold on another channel, on ${plural(products, "product")}. Those units are for sale again.`;
	}
	const how = [raised > 0 && `${number(raised)} raised`, lowered > 0 && `${number(lowered)} lowered`].filter(Boolean).join(", ");
	const figures = times.count === 1 && !times.more ? "1 figure was" : `${counted(times)} figures were`;
	return `In the last 7 days ${figures} changed on ${name} neither by an order nor by Lockstep, on ${plural(products, "product")}: ${how}.`;
}

/** No channel tells us who wrote a figure. Shopify tells the merchant, in a product's history. */
export function sayWhatToDo({ kind, isHome, lookAt, isLive }: OtherWriter): string {
	if (isHome) {
		return "Most often this is an app or a feed that writes its own stock figures to Shopify and does not know of sales elsewhere. In Shopify, a product's inventory history says who made each change: switch off the stock updates of that app. If somebody counted the shelf, nothing is wrong. Lockstep takes Shopify's figure as it is, and does not write against it.";
	}
	const both = isLive
		? "While both write, Lockstep puts each figure right and the other changes it again: buyers may see a wrong one in between, and buy what is not there."
		: "Once this channel is live both would write, and buyers would see now one figure, now the other.";
	return `${kind} does not tell who it was: another app, a feed, or somebody by hand. ${lookAt} Switch off the other stock updates${isLive ? "" : " before you go live"}. ${both}`;
}
