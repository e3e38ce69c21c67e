import { randomUUID } from "node:crypto";
import { type ActionFunctionArgs, data, type HeadersFunction, type LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Banner, BlockStack, InlineGrid, Link } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { cancelOrder, dismissOversells, reopenOversells, type Taken, takeFrom, writeSendInstead } from "#app/oversells/index.ts";
import { findSubstitutes } from "#app/pages/oversells/find-substitutes.ts";
import type { OversellCard, OwedLine } from "#app/pages/oversells/oversells.ts";
import { readIdsOfSame, readOversell } from "#app/pages/oversells/read-card.ts";
import { AppPage } from "../../components/app-page.tsx";
import { OversellBadge } from "../../components/oversell-words.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { plural } from "../../components/words.ts";
import { DismissCard } from "./dismiss-card.tsx";
import { HistoryCard } from "./history-card.tsx";
import { OwedCard } from "./owed-card.tsx";
import { WaysCard } from "./ways-card.tsx";
import { WhyCard } from "./why-card.tsx";

const idOf = (text: string | undefined): number | null => {
	const id = Number(text);
	return Number.isSafeInteger(id) && id > 0 ? id : null;
};

async function readOne(shopId: number, text: string | undefined, reader: string): Promise<OversellCard> {
	const id = idOf(text);
	const card = id === null ? null : await readOversell(database(), shopId, { id, reader });
	// Another shop's and none at all are the same answer.
	if (!card) throw data(null, { status: 404 });
	return card;
}

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId, userId } = await requireRight(request, "look");
	const card = await readOne(shopId, params.id, userId);
	const search = new URL(request.url).searchParams;
	const query = (search.get("q") ?? "").trim().slice(0, 100);
	const owed = card.lines.find(({ oversellId }) => oversellId === Number(search.get("of"))) ?? card.lines[0];
	return {
		card,
		found: owed ? await findSubstitutes(database(), shopId, { oversellId: owed.oversellId, query }) : [],
		press: randomUUID(),
	};
}

const number = z.coerce.number().int().positive();
const press = z.string().min(1).max(60);
const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("take-from"), oversell: number, location: number, press }),
	z.object({ intent: z.literal("substitute"), oversell: number, item: number, press }),
	z.object({ intent: z.literal("send-instead"), oversell: number, text: z.string().trim().max(500) }),
	z.object({ intent: z.literal("cancel") }),
	z.object({ intent: z.literal("dismiss"), reason: z.string().trim().min(1).max(500) }),
	z.object({ intent: z.literal("reopen") }),
]);

/** Each is decided on what is owed at that moment: a second press finds nothing to do, and says so. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const card = await readOne(shopId, params.id, actor);
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		if ("oversell" in wish && !card.lines.some(({ oversellId }) => oversellId === wish.oversell))
			return { ok: false, message: "That is not owed to this order. Nothing was changed." };
		const ids = await readIdsOfSame(database(), shopId, card.id);
		const over = { ok: false, message: "It was settled already. Nothing was changed." };
		switch (wish.intent) {
			case "take-from":
				return sayTaken(
					await takeFrom(deps(), shopId, { oversellId: wish.oversell, locationId: wish.location, press: wish.press, actor }),
					"taken from there",
				);
			case "substitute":
				return sayTaken(
					await takeFrom(deps(), shopId, { oversellId: wish.oversell, substituteItemId: wish.item, press: wish.press, actor }),
					"of it taken instead",
				);
			case "send-instead": {
				const { oversell: id, text } = wish;
				return (await writeSendInstead(deps(), shopId, { id, text, actor })) === "decided"
					? { ok: true, message: "Note kept" }
					: { ok: true, message: "It said so already" };
			}
			case "cancel":
				return sayCancel(await cancelOrder(deps(), shopId, { oversellId: card.id, actor }), card.channel);
			case "dismiss":
				return (await dismissOversells(deps(), shopId, { ids, reason: wish.reason, actor })) === "decided"
					? { ok: true, message: "Dismissed" }
					: over;
			case "reopen":
				return (await reopenOversells(deps(), shopId, { ids, actor })) === "decided" ? { ok: true, message: "Opened again" } : over;
		}
	});

function sayTaken(taken: Taken, how: string): Said {
	switch (taken.outcome) {
		case "taken":
			return {
				ok: true,
				message: `${plural(taken.units, "unit")} ${how}${taken.left > 0 ? `; ${plural(taken.left, "unit")} still owed` : ""}`,
			};
		case "waiting":
			return { ok: true, message: "It will be done in a moment" };
		case "over":
			return {
				ok: false,
				message: "Nothing is owed there any more: it was covered, cancelled or taken a moment ago. Nothing was changed.",
			};
		case "gone":
			return { ok: false, message: "Nothing is free there any more. Nothing was changed." };
		case "unknown":
			return { ok: false, message: "That is gone. Nothing was changed." };
	}
}

function sayCancel(asked: Awaited<ReturnType<typeof cancelOrder>>, channel: string): Said {
	switch (asked) {
		case "asked":
			return { ok: true, message: `${channel} is being asked to cancel it` };
		case "unchanged":
			return { ok: true, message: "It is being asked already" };
		case "over":
			return { ok: false, message: "It is cancelled already. Nothing was changed." };
		case "impossible":
			return { ok: false, message: `It cannot be cancelled on ${channel} from here. Nothing was changed.` };
	}
}

export default function OversellPage() {
	const { card, found, press } = useLoaderData<typeof loader>();
	const mayOperate = useAllowed("operate");
	const filters = useUrlFilters();
	const fetcher = useFetcher<Said>();
	const [dismissing, setDismissing] = useState(false);
	const [writing, setWriting] = useState(false);
	useSaid(fetcher, (said) => {
		if (!said.ok) return;
		setDismissing(false);
		setWriting(false);
	});
	const busy = fetcher.state !== "idle";
	useFresh({ paused: busy || dismissing || writing });
	const send = (fields: Record<string, string>) => fetcher.submit(fields, { method: "post" });
	const busyWith =
		busy && fetcher.formData
			? [...fetcher.formData]
					.filter(([name]) => name !== "press")
					.map(([, value]) => String(value))
					.join(":")
			: null;
	return (
		<AppPage
			title={card.order ? `Order ${card.order.name}` : "Below zero in Shopify"}
			subtitle={`${card.channel} · ${plural(card.units, "unit")} sold that ${card.units === 1 ? "was" : "were"} not there`}
			badge={<OversellBadge card={card} />}
			back={{ content: "Oversells", url: "/app/oversells" }}
			actions={
				mayOperate && card.state !== "solved" ? (
					card.state === "dismissed" ? (
						<button type="button" disabled={busy} onClick={() => send({ intent: "reopen" })}>
							Open again
						</button>
					) : (
						<button type="button" disabled={busy} onClick={() => setDismissing(true)}>
							Dismiss
						</button>
					)
				) : null
			}
		>
			<BlockStack gap="400">
				{dismissing && (
					<DismissCard busy={busy} onDismiss={(reason) => send({ intent: "dismiss", reason })} onKeep={() => setDismissing(false)} />
				)}
				<StateBanner card={card} />
				{card.lines.map((line) => (
					<BlockStack key={line.oversellId} gap="400">
						<InlineGrid columns={{ xs: 1, lg: ["oneHalf", "oneHalf"] }} gap="400" alignItems="start">
							<BlockStack gap="400">
								<OwedCard card={card} line={line} />
								{line.state === "open" && (
									<WaysCard
										card={card}
										line={line}
										found={filters.get("of") === String(line.oversellId) || card.lines.length === 1 ? found : []}
										filters={filters}
										mayOperate={mayOperate}
										busyWith={busyWith}
										press={press}
										onSend={send}
										onWriting={setWriting}
									/>
								)}
							</BlockStack>
							<WhyCard line={line} />
						</InlineGrid>
					</BlockStack>
				))}
				<HistoryCard card={card} />
			</BlockStack>
		</AppPage>
	);
}

function StateBanner({ card }: { card: OversellCard }) {
	if (card.state === "dismissed") {
		const [first] = card.lines.flatMap(({ dismissed }) => dismissed ?? []);
		return (
			<Banner title="Dismissed">
				<p>
					{first ? `${first.by}: ${first.reason}` : "Somebody has closed this."} What is owed stays owed, and stock covers it all the same.
				</p>
			</Banner>
		);
	}
	if (card.state === "solved") {
		const others = card.lines.reduce((sum, { owedToOthers }) => sum + owedToOthers, 0);
		const again = card.lines.every(({ shownElsewhere }) => shownElsewhere.every(({ held }) => held));
		return (
			<Banner tone="success" title="Nothing is owed to this order any more">
				<p>
					{others > 0 ? (
						`${plural(others, "unit")} of the same ${others === 1 ? "is" : "are"} owed to other orders, so it is held at 0 for now.`
					) : again ? (
						"Its products follow their stock on all channels again."
					) : (
						<>
							Some of its listings are paused. <Link url="/app/stock?state=paused">See what is paused</Link>
						</>
					)}
				</p>
			</Banner>
		);
	}
	return (
		<Banner tone="warning" title={`${plural(card.owed, "unit")} ${card.owed === 1 ? "is" : "are"} owed to a buyer`}>
			<p>{sayHeld(card.lines)}</p>
			<p>
				{card.afterwards === "resume"
					? "When stock covers it, it sells again by itself."
					: "When stock covers it, its listings stay paused until somebody resumes them."}
			</p>
		</Banner>
	);
}

/** What the other channels show of it now. */
function sayHeld(lines: readonly OwedLine[]): string {
	const shown = lines.flatMap(({ shownElsewhere }) => shownElsewhere);
	if (shown.length === 0) return "It is sold on no other live channel.";
	const more = shown.filter(({ shows }) => shows === null || shows > 0);
	if (more.length === 0) return "It is held at 0 on the other channels until stock covers it.";
	return more
		.map(
			({ channel, shows }) =>
				`${channel} shows ${shows ?? "a figure not known yet"} of it${shows === null ? "" : ", from locations that still have some, or until it takes the 0"}.`,
		)
		.join(" ");
}

export const ErrorBoundary = () => <PageError title="Oversell" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
