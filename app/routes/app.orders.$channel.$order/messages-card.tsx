import { Badge, type BadgeProps, BlockStack, Box, Button, Card, InlineStack, Text } from "@shopify/polaris";
import type { OrderMessage, OrderPage } from "#app/pages/orders/orders.ts";
import { Moment } from "../../components/when.tsx";

export const SOURCES: Readonly<Record<string, string>> = {
	webhook: "told by the channel",
	queue: "told by the channel",
	fetch: "read from the channel",
	poll: "found by the regular check",
	import: "read when the channel was connected",
	replay: "counted again by hand",
};

const STATES: Readonly<Record<OrderMessage["status"], { label: string; tone: BadgeProps["tone"] }>> = {
	pending: { label: "Waiting", tone: "info" },
	processed: { label: "Counted", tone: "success" },
	ignored: { label: "Nothing new", tone: undefined },
	parked: { label: "Not counted", tone: "warning" },
};

type MessagesCardProps = { order: OrderPage; busy: boolean; mayOperate: boolean; onCount: (event: number | null) => void };

/** Everything that came of this order, each of which can be counted once more: it says a state, so nothing is counted twice. */
export function MessagesCard({ order, busy, mayOperate, onCount }: MessagesCardProps) {
	const past = order.messages.filter(({ source, status }) => source !== "replay" && status !== "pending");
	return (
		<Card padding="0">
			<Box padding="400">
				<InlineStack align="space-between" blockAlign="center" gap="200">
					<Text as="h2" variant="headingSm">
						What came of it
					</Text>
					{mayOperate && past.length > 1 && (
						<Button size="slim" disabled={busy} onClick={() => onCount(null)}>
							Count all again
						</Button>
					)}
				</InlineStack>
			</Box>
			{order.messages.length === 0 ? (
				<Box padding="400" paddingBlockStart="0">
					<Text as="p" tone="subdued">
						Its messages are older than what is kept.
					</Text>
				</Box>
			) : (
				<ol className="rows rows-topped" data-testid="messages">
					{order.messages.map((message) => (
						<li key={message.id} className="row row-sale">
							<BlockStack gap="050">
								<InlineStack gap="200" blockAlign="center">
									<Text as="p">
										<Moment at={message.at} />
									</Text>
									<State status={message.status} />
								</InlineStack>
								<Text as="p" variant="bodySm" tone="subdued" breakWord>
									“{message.topic}”, {SOURCES[message.source] ?? message.source}
									{message.error && `: ${message.error}`}
								</Text>
							</BlockStack>
							{mayOperate && past.includes(message) && (
								<Button
									size="slim"
									disabled={busy}
									onClick={() => onCount(message.id)}
									accessibilityLabel={`Count again: ${message.topic}, ${message.at}`}
								>
									Count again
								</Button>
							)}
						</li>
					))}
				</ol>
			)}
		</Card>
	);
}

function State({ status }: Pick<OrderMessage, "status">) {
	const { label, tone } = STATES[status];
	return <Badge {...(tone ? { tone } : {})}>{label}</Badge>;
}
