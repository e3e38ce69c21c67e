import type { ActionFunctionArgs, HeadersFunction, LinksFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { BlockStack, Box, InlineGrid, Text } from "@shopify/polaris";
import { CheckCircleIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import { readChecks } from "#app/pages/checks/read-checks.ts";
import { readDifferencesRequest } from "#app/pages/checks/read-differences.ts";
import { setTolerance, TOLERANCE_MAX } from "#app/pages/checks/set-tolerance.ts";
import { readShopMap } from "#app/pages/shop/read-channels.ts";
import { askForCheck, readFoundByPoll, readTotals } from "#reconcile";
import { AppPage } from "../../components/app-page.tsx";
import styles from "../../components/channels.css?url";
import { Differences } from "../../components/difference-list.tsx";
import { Empty } from "../../components/empty.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { plural } from "../../components/words.ts";
import { ChannelsCard } from "./channels-card.tsx";
import { FoundCard } from "./found-card.tsx";
import { ReasonsCard } from "./reasons-card.tsx";
import { RunsCard } from "./runs-card.tsx";
import { ToleranceCard } from "./tolerance-card.tsx";
import { TotalsCard } from "./totals-card.tsx";

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

const TOTALS_WEEKS = 8;
const FOUND_DAYS = 14;

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	return {
		checks: await readChecks(database(), shopId, readDifferencesRequest(new URL(request.url).searchParams)),
		totals: await readTotals(database(), shopId, { weeks: TOTALS_WEEKS }),
		found: await readFoundByPoll(database(), shopId, { days: FOUND_DAYS }),
		names: Object.fromEntries(await readNames(database(), shopId)),
	};
}

const connection = z.coerce.number().int().positive();
const asked = z.discriminatedUnion("intent", [
	/** No channel: all of them. */
	z.object({ intent: z.literal("check"), channel: connection.optional() }),
	z.object({ intent: z.literal("tolerate"), channel: connection, units: z.coerce.number().int().min(0).max(TOLERANCE_MAX) }),
]);

/** A check that is under way is not begun a second time: a press that was sent twice does no harm. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		if (wish.intent === "tolerate")
			return sayTolerance(await setTolerance(database(), shopId, { connectionId: wish.channel, units: wish.units, actor }), wish.units);
		const ids = wish.channel === undefined ? (await readShopMap(database(), shopId)).channels.map(({ id }) => id) : [wish.channel];
		let begun = 0;
		for (const id of ids) if ((await askForCheck(deps(), shopId, id, actor)).outcome !== "closed") begun++;
		if (begun === 0) return { ok: false, message: "It is paused, or does not count yet. Nothing was begun." };
		return { ok: true, message: wish.channel === undefined ? `${plural(begun, "channel")} being checked` : "The check has begun" };
	});

function sayTolerance(saved: "changed" | "unchanged" | "unknown", units: number): Said {
	if (saved === "unknown") return { ok: false, message: "That channel is gone. Nothing was changed." };
	return {
		ok: true,
		message: units === 0 ? "Every difference is looked into" : `Differences of up to ${plural(units, "unit")} are only counted`,
	};
}

/** While one runs a person watches. */
const BUSY_MS = 2_000;
const QUIET_MS = 10_000;

export default function ChecksPage() {
	const { checks, totals, found, names } = useLoaderData<typeof loader>();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	useSaid(fetcher);
	const busy = fetcher.state !== "idle";
	const isMoving = checks.channels.some(({ run, waiting }) => waiting > 0 || run?.state === "running" || run?.state === "waits");
	useFresh({ paused: busy, everyMs: isMoving ? BUSY_MS : QUIET_MS });
	const send = (fields: Record<string, string>) => fetcher.submit(fields, { method: "post", action: "/app/checks?index" });
	const canCheck = checks.channels.some((channel) => channel.canCheck);
	return (
		<AppPage
			title="Checks"
			fullWidth
			actions={
				mayOperate && canCheck ? (
					<button type="button" variant="primary" disabled={busy} onClick={() => send({ intent: "check" })}>
						Check all now
					</button>
				) : null
			}
		>
			<BlockStack gap="400">
				<Box paddingInline={{ xs: "400", md: "0" }}>
					<Text as="p" tone="subdued">
						Every hour all figures of every channel are compared with what they should show. What differs is read once more by itself, and
						put right. Sales come first: a check takes what they leave of a channel's time.
					</Text>
				</Box>
				<ChannelsCard
					channels={checks.channels}
					asOf={checks.asOf}
					busy={busy}
					mayOperate={mayOperate}
					onCheck={(channel) => send({ intent: "check", channel: String(channel) })}
				/>
				<ReasonsCard sums={checks.sums} />
				<Differences
					list={checks.differences}
					asOf={checks.asOf}
					channels={checks.channels.map(({ id, name }) => ({ id, name }))}
					nothingYet={
						checks.isEmpty ? (
							<Empty icon={CheckCircleIcon} heading="Nothing has differed">
								What a check finds is listed here: what the channel showed, what it should have shown, why, and when it was put right.
							</Empty>
						) : undefined
					}
				/>
				<InlineGrid columns={{ xs: 1, lg: ["twoThirds", "oneThird"] }} gap="400" alignItems="start">
					<TotalsCard totals={totals} names={names} />
					<FoundCard found={found} names={names} />
				</InlineGrid>
				<RunsCard runs={checks.runs} asOf={checks.asOf} />
				{mayOperate && (
					<ToleranceCard
						channels={checks.channels}
						busy={busy}
						onSave={(channel, units) => send({ intent: "tolerate", channel: String(channel), units })}
					/>
				)}
			</BlockStack>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Checks" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
