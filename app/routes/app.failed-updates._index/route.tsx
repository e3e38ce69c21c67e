import type { ActionFunctionArgs, HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData, useLocation, useNavigate } from "@remix-run/react";
import { BlockStack, useIndexResourceState } from "@shopify/polaris";
import { CheckCircleIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect, useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { decideProblem } from "#app/pages/failed/decide-problem.ts";
import { discard } from "#app/pages/failed/discard.ts";
import { type FailedPage, SIDES } from "#app/pages/failed/failed.ts";
import { CHOSEN_MAX } from "#app/pages/failed/read-chosen.ts";
import { readFailed, readFailedRequest } from "#app/pages/failed/read-failed.ts";
import { readRuns } from "#app/pages/failed/read-run.ts";
import type { Chosen } from "#app/replay/index.ts";
import { AppPage } from "../../components/app-page.tsx";
import { channelFilter, choiceFilter } from "../../components/choice-filter.tsx";
import { Empty } from "../../components/empty.tsx";
import { failureWords } from "../../components/failure-words.ts";
import { IndexList } from "../../components/index-list.tsx";
import { sayOperation } from "../../components/problem-words.ts";
import { PageError } from "../../components/route-error.tsx";
import { textFilter } from "../../components/text-filter.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { counted, number, plural } from "../../components/words.ts";
import { DiscardCard } from "./discard-card.tsx";
import { ProblemsCard } from "./problems-card.tsx";
import { FailedRows } from "./rows.tsx";
import { RunsCard } from "./runs-card.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const failed = await readFailed(database(), shopId, readFailedRequest(new URL(request.url).searchParams));
	return { failed, runs: await readRuns(database(), shopId) };
}

const common = {
	ids: z.array(z.coerce.number().int().positive()).max(CHOSEN_MAX),
	/** With no ids: all that match the address's filters, up to this one. */
	through: z.coerce.number().int().nonnegative(),
};
const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("discard"), reason: z.string().trim().min(1).max(500), ...common }),
	z.object({ intent: z.enum(["acknowledge", "ignore", "reopen"]), problem: z.coerce.number().int().positive() }),
]);

/** What was decided on already is not open any more: a press that was sent twice does no harm. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const form = await request.formData();
		const read = asked.safeParse({ ...Object.fromEntries(form), ids: form.getAll("id"), through: form.get("through") ?? 0 });
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		if ("problem" in wish) {
			const decided = await decideProblem(database(), shopId, { id: wish.problem, word: wish.intent, actor });
			return decided === "over" ? { ok: false, message: "That problem is over already." } : { ok: true, message: DECIDED[wish.intent] };
		}
		const filter = readFailedRequest(new URL(request.url).searchParams);
		const chosen: Chosen = wish.ids.length > 0 ? { ids: wish.ids } : { filter, throughId: wish.through };
		const { discarded, more } = await discard(deps(), shopId, chosen, { reason: wish.reason, actor });
		if (discarded === 0) return { ok: false, message: "They were settled already. Nothing was changed." };
		return { ok: true, message: `${plural(discarded, "failure")} discarded${more ? "; press again for the others" : ""}` };
	});

const DECIDED = {
	acknowledge: "Noted: you look after it",
	ignore: "Ignored until it is over. If it comes back after that, you hear of it again.",
	reopen: "Not ignored any more",
} as const;

const SIDE_LABELS = { updates: "Updates", messages: "Messages" } as const;
const VIEWS = [{ name: "All", query: "" }, ...SIDES.map((side) => ({ name: SIDE_LABELS[side], query: `side=${side}` }))];

export default function FailedUpdatesPage() {
	const { failed, runs } = useLoaderData<typeof loader>();
	const filters = useUrlFilters();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	/** null: the reason is not being asked for. Empty: of all that match. */
	const [discarding, setDiscarding] = useState<string[] | null>(null);
	const chosen = useIndexResourceState(failed.rows.map(({ id }) => ({ id: String(id) })));
	const { selectedResources, clearSelection } = chosen;
	const { search } = useLocation();
	const navigate = useNavigate();
	// biome-ignore lint/correctness/useExhaustiveDependencies: the address is the reason, not a value that is read
	useEffect(() => {
		clearSelection();
		setDiscarding(null);
	}, [search]);
	useSaid(fetcher, (said) => {
		if (!said.ok) return;
		clearSelection();
		setDiscarding(null);
	});
	const busy = fetcher.state !== "idle";
	useFresh({ paused: selectedResources.length > 0 || discarding !== null || busy });

	const send = (intent: string, ids: readonly string[], reason = "") => {
		const form = new FormData();
		form.set("intent", intent);
		form.set("reason", reason);
		form.set("through", String(failed.matching.throughId));
		for (const id of ids) form.append("id", id);
		fetcher.submit(form, { method: "post", action: `/app/failed-updates${search}${search ? "&" : "?"}index` });
	};
	/** The page on which one sees first what trying them again would do. */
	const lookAhead = (ids: readonly string[]) => {
		const query = new URLSearchParams(ids.length > 0 ? ids.map((id) => ["id", id]) : search);
		if (ids.length === 0) query.set("through", String(failed.matching.throughId));
		navigate(`/app/failed-updates/replay?${query}`);
	};
	const { matching } = failed;
	return (
		<AppPage
			title="Failed updates"
			fullWidth
			actions={
				mayOperate && matching.count > 0 ? (
					<>
						<button type="button" variant="primary" disabled={busy} onClick={() => lookAhead([])}>
							{`Try all ${counted(matching)} again`}
						</button>
						<button type="button" disabled={busy} onClick={() => setDiscarding([])}>
							{`Discard all ${counted(matching)}`}
						</button>
					</>
				) : null
			}
		>
			<BlockStack gap="400">
				{discarding && (
					<DiscardCard
						what={discarding.length > 0 ? plural(discarding.length, "failure") : `all ${counted(matching)} that the list shows`}
						busy={busy}
						onDiscard={(reason) => send("discard", discarding, reason)}
						onKeep={() => setDiscarding(null)}
					/>
				)}
				<ProblemsCard
					problems={failed.problems}
					asOf={failed.asOf}
					busy={busy}
					mayOperate={mayOperate}
					onSay={(intent, problem) =>
						fetcher.submit({ intent, problem: String(problem) }, { method: "post", action: "/app/failed-updates?index" })
					}
				/>
				<RunsCard runs={runs} asOf={failed.asOf} />
				<IndexList
					isBelow
					names={{ singular: "failure", plural: "failures" }}
					filters={filters}
					searchHint="The whole SKU"
					views={VIEWS}
					filterNames={["q", "side", "channel", "kind", "what", "order", "from", "until"]}
					choices={choicesOf(failed, filters)}
					applied={appliedOf(failed, filters)}
					headings={[
						{ title: "What" },
						{ title: "Sales channel" },
						{ title: "Why" },
						{ title: "Last tried" },
						{ title: "Tries", alignment: "end" },
					]}
					rowCount={failed.rows.length}
					pages={failed.pages}
					nothingYet={
						failed.isEmpty ? (
							<Empty icon={CheckCircleIcon} heading="Nothing has failed">
								Updates that a channel does not take after several tries are listed here, with the channel's own words, and can be tried
								again.
							</Empty>
						) : undefined
					}
					{...(mayOperate
						? {
								selection: {
									selectedItemsCount: selectedResources.length,
									onSelectionChange: chosen.handleSelectionChange,
									promotedBulkActions: [
										{ content: "Try again", onAction: () => lookAhead(selectedResources) },
										{ content: "Discard", onAction: () => setDiscarding(selectedResources) },
									],
								},
							}
						: {})}
				>
					<FailedRows rows={failed.rows} asOf={failed.asOf} selected={selectedResources} />
				</IndexList>
			</BlockStack>
		</AppPage>
	);
}

type Filters = ReturnType<typeof useUrlFilters>;

const choicesOf = (failed: FailedPage, filters: Filters) => [
	choiceFilter(filters, {
		key: "kind",
		label: "Why",
		choices: kindsOf(failed).map(({ errorClass, count }) => ({
			value: errorClass,
			label: `${failureWords(errorClass).label} (${number(count)})`,
		})),
	}),
	choiceFilter(filters, {
		key: "what",
		label: "What was tried",
		choices: [...new Set(failed.problems.map(({ operation }) => operation))].map((operation) => ({
			value: operation,
			label: sayOperation(operation),
		})),
	}),
	channelFilter(filters, failed.channels),
	textFilter(filters, { key: "order", label: "Order", hint: "Its number" }),
	textFilter(filters, { key: "from", label: "Last tried from", type: "date" }),
	textFilter(filters, { key: "until", label: "Last tried until", type: "date" }),
];

/** One kind over all channels, the most first. */
function kindsOf({ problems }: FailedPage): { errorClass: string; count: number }[] {
	const counts = new Map<string, number>();
	for (const { errorClass, count } of problems) counts.set(errorClass, (counts.get(errorClass) ?? 0) + count);
	return [...counts].map(([errorClass, count]) => ({ errorClass, count })).sort((a, b) => b.count - a.count);
}

function appliedOf(failed: FailedPage, filters: Filters) {
	const channel = failed.channels.find(({ id }) => String(id) === filters.get("channel"));
	const kind = filters.get("kind");
	const what = filters.get("what");
	return [
		...(kind ? [{ key: "kind", label: failureWords(kind).label }] : []),
		...(what ? [{ key: "what", label: sayOperation(what) }] : []),
		...(filters.get("order") ? [{ key: "order", label: `Order ${filters.get("order")}` }] : []),
		...(filters.get("from") ? [{ key: "from", label: `From ${filters.get("from")}` }] : []),
		...(filters.get("until") ? [{ key: "until", label: `Until ${filters.get("until")}` }] : []),
		...(channel ? [{ key: "channel", label: `On ${channel.name}` }] : []),
	];
}

export const ErrorBoundary = () => <PageError title="Failed updates" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
