import { randomUUID } from "node:crypto";
import { type ActionFunctionArgs, data, type HeadersFunction, type LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { BlockStack, Box, Card, Link, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import type { OrderLineView, OrderMove, OrderPage } from "#app/pages/orders/orders.ts";
import { readAgain } from "#app/pages/orders/read-again.ts";
import { readOrder } from "#app/pages/orders/read-order.ts";
import { askForOrder, runReplays } from "#app/replay/index.ts";
import { AppPage } from "../../components/app-page.tsx";
import { ORDER_WORDS, OrderBadges } from "../../components/order-words.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { Moment } from "../../components/when.tsx";
import { duration, number, plural } from "../../components/words.ts";
import { MessagesCard, SOURCES } from "./messages-card.tsx";

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const channelId = Number(params.channel);
	const order =
		Number.isSafeInteger(channelId) && params.order ? await readOrder(database(), shopId, { channelId, orderId: params.order }) : null;
	// Another shop's order and none at all are the same answer.
	if (!order) throw data(null, { status: 404 });
	return { order, press: randomUUID() };
}

const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("read-again") }),
	z.object({ intent: z.literal("count-again"), press: z.string().min(1).max(60), event: z.coerce.number().int().positive().optional() }),
]);

/** Both end in messages whose effect is the order's state: however often they come, it counts once. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const [channelId, orderId] = [Number(params.channel), params.order ?? ""];
		const order = Number.isSafeInteger(channelId) ? await readOrder(database(), shopId, { channelId, orderId }) : null;
		if (!order) throw data(null, { status: 404 });
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		if (wish.intent === "read-again") {
			const outcome = await readAgain(deps(), shopId, { channelId, orderId, actor });
			return outcome === "asked"
				? { ok: true, message: `Reading the order from ${order.channel} again` }
				: { ok: false, message: `${order.channel} is disconnected. Nothing was changed.` };
		}
		const run = { name: `Order ${order.name}`.slice(0, 100), reason: "From its own page", actor, press: `page-${wish.press}` };
		const begun = await askForOrder(deps(), shopId, { channelId, orderId, eventId: wish.event ?? null }, run);
		if (begun.outcome === "nothing") return { ok: false, message: "There is no such message any more. Nothing was changed." };
		await runReplays(deps(), shopId);
		return { ok: true, message: `${plural(begun.failures, "message")} counted again. What was counted already moves nothing.` };
	});

export default function OrderDetails() {
	const { order, press } = useLoaderData<typeof loader>();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	useSaid(fetcher);
	const busy = fetcher.state !== "idle";
	useFresh({ paused: busy });
	const send = (fields: Record<string, string>) => fetcher.submit(fields, { method: "post" });
	return (
		<AppPage
			title={`Order ${order.name}`}
			subtitle={order.channel}
			back={{ content: "Orders", url: "/app/orders" }}
			badge={<OrderBadges order={order} />}
			actions={
				mayOperate && order.canRead ? (
					<button type="button" disabled={busy} onClick={() => send({ intent: "read-again" })}>
						Read again
					</button>
				) : null
			}
		>
			<BlockStack gap="400">
				<TakenCard order={order} />
				<LinesCard order={order} />
				<MovesCard order={order} />
				<MessagesCard
					order={order}
					busy={busy}
					mayOperate={mayOperate && order.canRead}
					onCount={(event) => send({ intent: "count-again", press, ...(event === null ? {} : { event: String(event) }) })}
				/>
			</BlockStack>
		</AppPage>
	);
}

/** Most channels' clocks tell whole seconds. */
const SAME_SECOND_MS = 1_000;

function TakenCard({ order }: { order: OrderPage }) {
	const delay = Date.parse(order.takenAt) - Date.parse(order.orderedAt);
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					Was it taken in?
				</Text>
				<dl className="figure-list">
					<dt>Ordered</dt>
					<dd>
						<Moment at={order.orderedAt} />
						<Text as="span" tone="subdued">
							{" by the channel's clock"}
						</Text>
					</dd>
					<dt>Taken in</dt>
					<dd>
						<Moment at={order.takenAt} />
						<Text as="span" tone="subdued">
							{`, ${SOURCES[order.source] ?? order.source}`}
							{order.state !== "before" && delay >= 0 && `, ${delay < SAME_SECOND_MS ? "within the second" : `${duration(delay)} later`}`}
						</Text>
					</dd>
					<dt>State</dt>
					<dd>
						{order.state === "counted" && order.lines.length === 0
							? "It holds nothing, so nothing was taken from stock."
							: ORDER_WORDS[order.state].means}
						{order.state === "oversold" &&
							(order.owed > 0
								? ` ${plural(order.owed, "unit")} ${order.owed === 1 ? "is" : "are"} still owed. `
								: " Nothing of it is open any more. ")}
						{order.oversellId !== null && <Link url={`/app/oversells/${order.oversellId}`}>See why, and what became of it</Link>}
						{order.cancelled && " It was cancelled on the channel; what it held came back."}
					</dd>
				</dl>
			</BlockStack>
		</Card>
	);
}

function LinesCard({ order }: { order: OrderPage }) {
	return (
		<Card padding="0">
			<Box padding="400">
				<Text as="h2" variant="headingSm">
					What each line holds
				</Text>
			</Box>
			{order.lines.length === 0 ? (
				<Box padding="400" paddingBlockStart="0">
					<Text as="p" tone="subdued">
						It holds nothing that is linked to a product.
					</Text>
				</Box>
			) : (
				<ul className="rows rows-topped" data-testid="lines">
					{order.lines.map((line) => (
						<li key={line.lineId} className="row row-sale">
							<Line line={line} />
						</li>
					))}
				</ul>
			)}
		</Card>
	);
}

function Line({ line }: { line: OrderLineView }) {
	const name = line.title || line.sku || "Something that is linked to no product";
	const sku = line.sku || "No SKU";
	return (
		<>
			<BlockStack gap="050">
				{line.itemId === null ? (
					<Text as="p">{name}</Text>
				) : (
					<Link monochrome url={`/app/items/${line.itemId}`}>
						{name}
					</Link>
				)}
				<Text as="p" variant="bodySm" tone="subdued">
					{[sku, ...line.takenFrom.map((from) => sayTaken(from, line.sku))].join(" · ")}
					{line.before > 0 && ` · ${plural(line.before, "unit")} from before the connection`}
				</Text>
			</BlockStack>
			<Text as="p" numeric alignment="end">
				{plural(line.held, "unit")}
			</Text>
		</>
	);
}

const sayTaken = ({ location, sku, units, owed }: OrderLineView["takenFrom"][number], own: string) =>
	`${number(units)} from ${location}${sku && sku !== own ? ` (${sku})` : ""}${owed > 0 ? `, ${number(owed)} of them not there` : ""}`;

const CAUSES: Readonly<Record<string, string>> = {
	sale: "Sold",
	"give-back": "Came back",
	home: "Changed in Shopify",
	"home-explained": "Shopify's change was this order: counted once",
	moved: "Taken from somewhere else",
};

function MovesCard({ order }: { order: OrderPage }) {
	return (
		<Card padding="0">
			<Box padding="400">
				<Text as="h2" variant="headingSm">
					What it did to stock
				</Text>
			</Box>
			{order.moves.length === 0 ? (
				<Box padding="400" paddingBlockStart="0">
					<Text as="p" tone="subdued">
						Nothing.
					</Text>
				</Box>
			) : (
				<ol className="rows rows-topped" data-testid="moves">
					{order.moves.map((move) => (
						<li key={move.id} className="row row-sale">
							<Move move={move} />
						</li>
					))}
				</ol>
			)}
		</Card>
	);
}

const Move = ({ move }: { move: OrderMove }) => (
	<>
		<BlockStack gap="050">
			<Text as="p">
				{CAUSES[move.cause] ?? move.cause}: {move.sku || "No SKU"} {move.change > 0 ? "+" : "−"}
				{number(Math.abs(move.change))}
			</Text>
			<Text as="p" variant="bodySm" tone="subdued">
				<Moment at={move.at} /> · {move.location}
			</Text>
		</BlockStack>
		<Text as="p" numeric alignment="end" {...(move.left < 0 ? { tone: "critical" as const } : {})}>
			{move.left < 0 ? `${number(-move.left)} owed` : `→ ${number(move.left)}`}
		</Text>
	</>
);

export const ErrorBoundary = () => <PageError title="Order" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
