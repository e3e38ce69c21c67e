import type { HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { Banner, BlockStack, Box, IndexTable, InlineStack, Link, Text } from "@shopify/polaris";
import { OrderIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { memo } from "react";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { ORDER_STATES, type OrderRow, type OrderState } from "#app/pages/orders/orders.ts";
import { readOrders, readOrdersRequest } from "#app/pages/orders/read-orders.ts";
import { AppPage } from "../../components/app-page.tsx";
import { channelFilter } from "../../components/choice-filter.tsx";
import { Empty } from "../../components/empty.tsx";
import { IndexList, rowKey } from "../../components/index-list.tsx";
import { ORDER_WORDS, OrderBadges } from "../../components/order-words.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { usePhone } from "../../components/use-phone.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { Ago } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	return { orders: await readOrders(database(), shopId, readOrdersRequest(new URL(request.url).searchParams)) };
}

const VIEWS = [{ name: "All", query: "" }, ...ORDER_STATES.map((state) => ({ name: ORDER_WORDS[state].label, query: `state=${state}` }))];

export default function OrdersPage() {
	const { orders } = useLoaderData<typeof loader>();
	const filters = useUrlFilters();
	const isPhone = usePhone();
	useFresh({ paused: false });
	const channel = orders.channels.find(({ id }) => String(id) === filters.get("channel"));
	const state = ORDER_STATES.find((known): known is OrderState => known === filters.get("state"));
	return (
		<AppPage title="Orders" fullWidth>
			<BlockStack gap="400">
				{orders.unreadable > 0 && (
					<Banner
						tone="warning"
						title={`${plural(orders.unreadable, "message")} could not be read`}
						action={{ content: "See what needs you", url: "/app" }}
					>
						<p>Orders in them are not counted yet. They are listed on the overview.</p>
					</Banner>
				)}
				{orders.onItsWay && (
					<Banner tone="info" title={`Order ${filters.get("q")} is being read`}>
						<p>The channel has announced it. It appears here within seconds.</p>
					</Banner>
				)}
				<IndexList
					names={{ singular: "order", plural: "orders" }}
					filters={filters}
					searchHint="The whole order number, as the marketplace shows it"
					views={VIEWS}
					filterNames={["q", "state", "channel"]}
					choices={[channelFilter(filters, orders.channels)]}
					applied={[
						...(state ? [{ key: "state", label: ORDER_WORDS[state].label }] : []),
						...(channel ? [{ key: "channel", label: `On ${channel.name}` }] : []),
					]}
					headings={[
						{ title: "Order" },
						{ title: "Sales channel" },
						{ title: "Ordered" },
						{ title: "Taken in" },
						{ title: "Units", alignment: "end" },
						{ title: "State" },
					]}
					rowCount={orders.rows.length}
					pages={orders.pages}
					nothingYet={
						orders.isEmpty ? (
							<Empty icon={OrderIcon} heading="No orders yet">
								The next order on any connected channel appears here within seconds, with what it did to your stock.
							</Empty>
						) : undefined
					}
				>
					{orders.rows.map((order, index) => (
						<OneRow
							key={rowKey(`${order.channelId}:${order.orderId}`, isPhone)}
							order={order}
							asOf={orders.asOf}
							position={index}
							isPhone={isPhone}
						/>
					))}
				</IndexList>
			</BlockStack>
		</AppPage>
	);
}

type OneRowProps = { order: OrderRow; asOf: string; position: number; isPhone: boolean };

/** Filters and views change while the same orders stay: they are not drawn again. */
const OneRow = memo(function OneRow({ order, asOf, position, isPhone }: OneRowProps) {
	return (
		<IndexTable.Row id={`${order.channelId}:${order.orderId}`} position={position}>
			{isPhone ? <PhoneRow order={order} asOf={asOf} /> : <Cells order={order} asOf={asOf} />}
		</IndexTable.Row>
	);
});

const addressOf = ({ channelId, orderId }: OrderRow) => `/app/orders/${channelId}/${encodeURIComponent(orderId)}`;

const Name = ({ order }: { order: OrderRow }) => (
	<Link dataPrimaryLink monochrome removeUnderline url={addressOf(order)}>
		<Text as="span" fontWeight="semibold">
			{order.name}
		</Text>
	</Link>
);

const Cells = ({ order, asOf }: { order: OrderRow; asOf: string }) => (
	<>
		<IndexTable.Cell>
			<Name order={order} />
		</IndexTable.Cell>
		<IndexTable.Cell>{order.channel}</IndexTable.Cell>
		<IndexTable.Cell>
			<Ago at={order.orderedAt} now={asOf} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<Ago at={order.takenAt} now={asOf} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<Text as="span" alignment="end" numeric>
				{number(order.units)}
			</Text>
		</IndexTable.Cell>
		<IndexTable.Cell>
			<OrderBadges order={order} />
		</IndexTable.Cell>
	</>
);

const PhoneRow = ({ order, asOf }: { order: OrderRow; asOf: string }) => (
	<Box padding="300" width="100%">
		<BlockStack gap="100">
			<InlineStack align="space-between" blockAlign="center">
				<Name order={order} />
				<OrderBadges order={order} />
			</InlineStack>
			<Text as="span" variant="bodySm" tone="subdued">
				{order.channel} · {plural(order.units, "unit")} · <Ago at={order.takenAt} now={asOf} />
			</Text>
		</BlockStack>
	</Box>
);

export const ErrorBoundary = () => <PageError title="Orders" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
