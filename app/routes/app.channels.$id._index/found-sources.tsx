import { BlockStack, Button, InlineStack, List, Spinner, Text } from "@shopify/polaris";
import type { OrderSource } from "#app/connections/guests/index.ts";
import type { SetUp } from "#app/pages/channels/read-set-up.ts";
import { ago, number, plural } from "../../components/words.ts";

type FoundProps = {
	/** What kind of channel it is, as merchants call it. */
	channel: string;
	found: SetUp["orderSources"];
	isLooking: boolean;
	sending: boolean;
	/** null: one may not, or something else is under way. */
	look: (() => void) | null;
	asOf: string;
};

/** What Shopify's own orders say of apps that write orders there: told before the question, which the merchant answers. */
export function FoundSources({ channel, found, isLooking, sending, look, asOf }: FoundProps) {
	if (isLooking)
		return (
			<InlineStack gap="200" blockAlign="center">
				<Spinner size="small" accessibilityLabel="Looking through the orders in Shopify" />
				<Text as="span" variant="bodySm" tone="subdued">
					Looking through Shopify's orders of the last 60 days
				</Text>
			</InlineStack>
		);
	return (
		<BlockStack gap="200" inlineAlign="start">
			<div data-testid="order-sources">
				<BlockStack gap="100">
					<Text as="p">{found === null ? "Shopify's orders have not been looked through yet." : sayLook(found, asOf)}</Text>
					{found?.outcome === "looked" && found.sources.length > 0 && (
						<List>
							{found.sources.map((source) => (
								<List.Item key={`${source.app} ${source.name}`}>{saySource(source, found.numbersKnown ? channel : null)}</List.Item>
							))}
						</List>
					)}
				</BlockStack>
			</div>
			{look && (
				<Button variant="plain" onClick={look} loading={sending}>
					{found === null ? "Look through Shopify's orders" : "Look again"}
				</Button>
			)}
		</BlockStack>
	);
}

function sayLook(found: NonNullable<SetUp["orderSources"]>, asOf: string): string {
	if (found.outcome === "failed") return `Shopify's orders could not be looked through: ${found.reason}`;
	const looked = found.complete
		? `Lockstep looked through ${plural(found.orders, "order")} of the last 60 days in Shopify, ${ago(found.at, asOf)}.`
		: `Lockstep looked through the newest ${plural(found.orders, "order")} of the last 60 days in Shopify, ${ago(found.at, asOf)}.`;
	return found.sources.length > 0 ? looked : `${looked} No other app has written any of them.`;
}

/** An app by its name, and by what it calls itself in its orders where that is another. */
export const sayMaker = ({ app, name }: Pick<OrderSource, "app" | "name">): string => {
	if (app === null) return name === null ? "an app that does not say its name" : `an app that calls itself ${name}`;
	return name === null || name === app ? `the app ${app}` : `the app ${app} (it calls itself ${name})`;
};

/** `channel` null: its order numbers look like any others. */
function saySource(source: OrderSource, channel: string | null): string {
	const { orders, numbered, numberedElsewhere, tags, newest } = source;
	const were = orders === 1 ? "was" : "were";
	const written = `${plural(orders, "order")} ${were} written into Shopify by ${sayMaker(source)}, the newest is ${newest}.`;
	const carry =
		numbered === 0
			? " None carries an order number by which a copy could be recognised."
			: ` ${numbered === orders ? (orders === 1 ? "It carries" : "All carry") : `${number(numbered)} of them ${numbered === 1 ? "carries" : "carry"}`} an order number of ${channel ?? "the system it comes from"}.`;
	const elsewhere =
		numberedElsewhere > 0
			? ` ${number(numberedElsewhere)} more ${numberedElsewhere === 1 ? "has one" : "have one"} in another place (name, tags): as copies these could not be recognised.`
			: "";
	return `${written}${carry}${elsewhere}${tags.length > 0 ? ` Tagged ${tags.join(", ")}.` : ""}`;
}
