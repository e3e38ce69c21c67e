import { Badge, type BadgeProps, InlineStack } from "@shopify/polaris";
import type { OrderRow, OrderState } from "#app/pages/orders/orders.ts";
import { number } from "./words.ts";

type Word = { label: string; tone?: BadgeProps["tone"]; means: string };

export const ORDER_WORDS: Readonly<Record<OrderState, Word>> = {
	counted: { label: "Counted", tone: "success", means: "Its units were taken from stock, and the other channels were told." },
	oversold: { label: "Oversold", tone: "critical", means: "More was sold than was there when it came in." },
	unlinked: {
		label: "Not fully counted",
		tone: "warning",
		means: "It sells something that is linked to no product here. Link it on the channel's page, and it is counted.",
	},
	before: { label: "Before connecting", means: "It is older than the connection: Shopify's figures held it already, so it moved nothing." },
};

export function OrderBadges({ order }: { order: OrderRow }) {
	const { label, tone } = ORDER_WORDS[order.state];
	const covered = order.state === "oversold" && order.owed === 0;
	return (
		<InlineStack gap="100">
			<Badge {...(covered ? {} : tone ? { tone } : {})}>
				{order.state !== "oversold" ? label : covered ? "Oversold, settled since" : `Oversold, ${number(order.owed)} owed`}
			</Badge>
			{order.cancelled && <Badge>Cancelled</Badge>}
		</InlineStack>
	);
}
