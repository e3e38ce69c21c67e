import { BlockStack, Box, Button, Card, InlineStack, Text, TextField } from "@shopify/polaris";
import { type ReactNode, useState } from "react";
import type { Substitute } from "#app/pages/oversells/find-substitutes.ts";
import type { CancelWay, OversellCard, OwedLine } from "#app/pages/oversells/oversells.ts";
import { ProductChoice } from "../../components/product-choice.tsx";
import type { UrlFilters } from "../../components/use-url-filters.ts";
import { Moment } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

type WaysCardProps = {
	card: OversellCard;
	line: OwedLine;
	found: readonly Substitute[];
	filters: UrlFilters;
	mayOperate: boolean;
	/** What is being sent, as one text of its values. */
	busyWith: string | null;
	press: string;
	onSend: (fields: Record<string, string>) => void;
	/** Somebody is typing: the page does not draw itself anew under it. */
	onWriting: (writing: boolean) => void;
};

/** The ways out of one product's owed units, each with what it costs. The first is what happens when nobody does anything. */
export function WaysCard(props: WaysCardProps) {
	return (
		<Card padding="0">
			<Box padding="400">
				<Text as="h2" variant="headingSm">
					Ways out
				</Text>
			</Box>
			<ul className="rows rows-topped" data-testid="ways">
				<Way title="Wait for stock">
					<Waiting line={props.line} />
				</Way>
				<Way title="Take it from another location">
					<Elsewhere {...props} />
				</Way>
				<Way title={`Cancel the order${props.card.isHome ? "" : ` on ${props.card.channel}`}`}>
					<Cancelling {...props} way={props.card.ways.cancel} />
				</Way>
				<Way title="Send something else">
					<Instead {...props} />
				</Way>
			</ul>
		</Card>
	);
}

const Way = ({ title, children }: { title: string; children: ReactNode }) => (
	<li className="row">
		<BlockStack gap="200">
			<Text as="h3" fontWeight="medium">
				{title}
			</Text>
			{children}
		</BlockStack>
	</li>
);

const Quiet = ({ children }: { children: ReactNode }) => (
	<Text as="p" variant="bodySm" tone="subdued">
		{children}
	</Text>
);

function Waiting({ line: { wait, location, owed } }: { line: OwedLine }) {
	const before = wait.place === 1 ? "" : ` ${plural(wait.unitsBefore, "unit")} for orders that wait longer come first.`;
	return (
		<Quiet>
			{`Happens by itself: as soon as ${plural(owed, "unit")} more ${owed === 1 ? "is" : "are"} in stock at ${location}, ${owed === 1 ? "it is" : "they are"} for this order.${before} `}
			{wait.onHand === null ? "" : `Shopify counts ${number(wait.onHand)} there now. `}
			It costs the buyer's time, and the product sells nowhere else until then.
		</Quiet>
	);
}

function Elsewhere({ line, mayOperate, busyWith, press, onSend }: WaysCardProps) {
	if (line.fixed) return <Quiet>{line.fixed}</Quiet>;
	if (line.elsewhere.length === 0) return <Quiet>No other location has any of it.</Quiet>;
	return (
		<BlockStack gap="200">
			{line.elsewhere.map(({ locationId, location, takes, leaves }) => {
				const fields = { intent: "take-from", oversell: String(line.oversellId), location: String(locationId) };
				return (
					<div key={locationId} className="row-sale-plain">
						<BlockStack gap="0">
							<Text as="p">{location}</Text>
							<Quiet>{`Leaves ${number(leaves)} at ${location}. Shopify is told of both places.`}</Quiet>
						</BlockStack>
						{mayOperate && (
							<Button
								loading={busyWith === Object.values(fields).join(":")}
								disabled={busyWith !== null}
								onClick={() => onSend({ ...fields, press: `${press}-${locationId}` })}
								accessibilityLabel={`Take ${number(takes)} from ${location}`}
							>
								{`Take ${number(takes)}`}
							</Button>
						)}
					</div>
				);
			})}
		</BlockStack>
	);
}

function Cancelling({ way, card, mayOperate, busyWith, onSend }: WaysCardProps & { way: CancelWay }) {
	const [asking, setAsking] = useState(false);
	if (!way.can) return <Quiet>{way.why}</Quiet>;
	const wish = way.state;
	const underWay = wish !== null && wish.state !== "refused";
	return (
		<BlockStack gap="200" inlineAlign="start">
			<Quiet>{way.cost}</Quiet>
			{wish && (
				<Quiet>
					{sayWish(wish.state, card.channel)}
					{wish.reason && ` ${wish.reason}`} <Moment at={wish.at} />
				</Quiet>
			)}
			{mayOperate && !underWay && !asking && <Button onClick={() => setAsking(true)}>Cancel the order</Button>}
			{mayOperate && !underWay && asking && (
				<BlockStack gap="200">
					<Text as="p">{`Cancel order ${card.order?.name ?? ""} on ${card.channel}? This cannot be undone.`}</Text>
					<InlineStack gap="200">
						<Button variant="primary" tone="critical" loading={busyWith === "cancel"} onClick={() => onSend({ intent: "cancel" })}>
							Yes, cancel it
						</Button>
						<Button onClick={() => setAsking(false)}>Keep it</Button>
					</InlineStack>
				</BlockStack>
			)}
		</BlockStack>
	);
}

function sayWish(state: "asked" | "sent" | "taken" | "refused", channel: string): string {
	switch (state) {
		case "asked":
			return `${channel} is being asked.`;
		case "sent":
			return `${channel} was asked and has not answered yet; the order is being read.`;
		case "taken":
			return `${channel} has taken it; its own message frees the units.`;
		case "refused":
			return `${channel} did not cancel it.`;
	}
}

function Instead({ line, found, filters, mayOperate, busyWith, press, onSend, onWriting }: WaysCardProps) {
	const [text, setText] = useState<string | null>(null);
	const [choosing, setChoosing] = useState(filters.get("q") !== "");
	const type = (next: string | null) => {
		setText(next);
		onWriting(next !== null);
	};
	const noteFields = { intent: "send-instead", oversell: String(line.oversellId), text: text ?? "" };
	if (!mayOperate) return <Quiet>A note for whoever packs the order, or another product that is taken from stock in its place.</Quiet>;
	return (
		<BlockStack gap="300">
			<Quiet>
				Ask the buyer first. A note moves no stock; another product is taken from stock in its place, and comes back if the order is
				cancelled.
			</Quiet>
			<TextField
				label="Note for whoever packs it"
				value={text ?? line.sendInstead ?? ""}
				onChange={type}
				autoComplete="off"
				maxLength={500}
				connectedRight={
					<Button
						disabled={text === null || text.trim() === (line.sendInstead ?? "")}
						loading={busyWith === Object.values(noteFields).join(":")}
						onClick={() => {
							onSend(noteFields);
							setText(null);
						}}
					>
						Keep note
					</Button>
				}
			/>
			{line.fixed === null && !choosing && (
				<InlineStack>
					<Button
						onClick={() => {
							setChoosing(true);
							filters.set({ of: String(line.oversellId) });
						}}
					>
						Choose another product
					</Button>
				</InlineStack>
			)}
			{line.fixed === null && choosing && (
				<ProductChoice
					choosing={{
						products: found.map((one) => ({ ...one, listings: 0, note: `${number(one.free)} free` })),
						why: "searched",
					}}
					filters={filters}
					label="Which product?"
					verb="Send"
					nothing={filters.get("q") === "" ? "Search for what to send instead." : "No product with free stock found."}
					mayLink
					busyWith={busyWith?.startsWith(`substitute:${line.oversellId}:`) ? (busyWith.split(":")[2] ?? null) : null}
					onLink={(item) =>
						onSend({ intent: "substitute", oversell: String(line.oversellId), item: String(item), press: `${press}-${item}` })
					}
				/>
			)}
		</BlockStack>
	);
}
