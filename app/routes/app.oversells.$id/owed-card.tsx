import { BlockStack, Card, Link, Text } from "@shopify/polaris";
import type { OversellCard, OwedLine } from "#app/pages/oversells/oversells.ts";
import { sayEnd } from "../../components/oversell-words.tsx";
import { Moment } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

/** What is owed of one product, to whom, since when, and who gets the next stock. */
export function OwedCard({ card, line }: { card: OversellCard; line: OwedLine }) {
	const { wait } = line;
	const isOwed = line.owed > 0;
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					What is owed
				</Text>
				<dl className="figure-list">
					<dt>Product</dt>
					<dd>
						<Link monochrome url={`/app/items/${line.itemId}`}>
							{line.title || line.sku || "A product"}
						</Link>
						{line.sku && line.title && ` · ${line.sku}`}
					</dd>
					<dt>Order</dt>
					<dd>
						{card.order ? (
							<Link monochrome url={`/app/orders/${card.channelId}/${encodeURIComponent(card.order.id)}`}>
								{`${card.order.name} on ${card.channel}`}
							</Link>
						) : (
							"Shopify's own figure fell below zero, and no order was named"
						)}
					</dd>
					<dt>Ordered</dt>
					<dd>
						<Moment at={card.placedAt} />
					</dd>
					<dt>Sold, not there</dt>
					<dd>{`${plural(line.units, "unit")}, at ${line.location}`}</dd>
					<dt>Still owed</dt>
					<dd data-testid="owed">{number(line.owed)}</dd>
					{isOwed && (
						<>
							<dt>Place in line</dt>
							<dd data-testid="place">
								{wait.place === 1
									? "First: the next stock is for it"
									: `${number(wait.place)}, after ${plural(wait.unitsBefore, "unit")} for orders that wait longer`}
							</dd>
						</>
					)}
					{line.state !== "open" && line.state !== "dismissed" && (
						<>
							<dt>How it ended</dt>
							<dd>
								{sayEnd(line.state)}
								{line.endedBy && `, ${line.endedBy}`}
								{line.endedAt && (
									<>
										, <Moment at={line.endedAt} />
									</>
								)}
							</dd>
						</>
					)}
					{line.sendInstead && (
						<>
							<dt>Send instead</dt>
							<dd>{line.sendInstead}</dd>
						</>
					)}
				</dl>
			</BlockStack>
		</Card>
	);
}
