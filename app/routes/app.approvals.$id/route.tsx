import { type ActionFunctionArgs, data, type HeadersFunction, type LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData, useLocation } from "@remix-run/react";
import { BlockStack, useIndexResourceState } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { type Decided, decideChanges, keepFormer, readChangeSet } from "#app/guards/index.ts";
import type { ApprovalPage } from "#app/pages/approvals/approvals.ts";
import { readApproval, readApprovalRequest } from "#app/pages/approvals/read-approval.ts";
import { AppPage } from "../../components/app-page.tsx";
import { sayChanges, standingBadge } from "../../components/approval-words.tsx";
import { IndexList } from "../../components/index-list.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { plural } from "../../components/words.ts";
import { DecisionCard } from "./decision-card.tsx";
import { ApprovalRows } from "./rows.tsx";

const idOf = (text: string | undefined): number | null => {
	const id = Number(text);
	return Number.isSafeInteger(id) && id > 0 ? id : null;
};

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = idOf(params.id);
	const approval = id === null ? null : await readApproval(database(), shopId, id, readApprovalRequest(new URL(request.url).searchParams));
	// Another shop's and none at all are the same answer.
	if (!approval) throw data(null, { status: 404 });
	return { approval };
}

/** Of one page's rows at most. */
const CHOSEN_MAX = 200;
const asked = z.object({
	intent: z.enum(["approve", "write-back", "keep"]),
	/** Products; none: all that wait. */
	ids: z.array(z.coerce.number().int().positive()).max(CHOSEN_MAX),
});

/** What is decided already is not decided again: a press that was sent twice does no harm. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "approve");
		const setId = idOf(params.id);
		if (setId === null || !(await readChangeSet(database(), shopId, setId))) throw data(null, { status: 404 });
		const form = await request.formData();
		const read = asked.safeParse({ ...Object.fromEntries(form), ids: form.getAll("id") });
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const { intent, ids } = read.data;
		if (intent === "keep") return sayOutcome(await keepFormer(deps(), shopId, { setId, actor }), intent);
		const choice = ids.length > 0 ? { itemIds: ids } : ("all" as const);
		return sayOutcome(await decideChanges(deps(), shopId, { setId, choice, verdict: intent, actor }), intent);
	});

function sayOutcome(decided: Decided, intent: z.output<typeof asked>["intent"]): Said {
	switch (decided.outcome) {
		case "decided":
			return { ok: true, message: `${plural(decided.products, "product")}: ${DONE[intent]}` };
		case "nothing":
			return { ok: false, message: "That was decided already, or Shopify has mended it. Nothing was changed." };
		case "refused":
			return { ok: false, message: "Your right was changed in the meantime. Nothing was changed." };
	}
}
const DONE = {
	approve: "approved, the channels follow",
	"write-back": "Shopify is told the former figures",
	keep: "the channels keep the former figures",
} as const;

const VIEWS = [
	{ name: "All", query: "" },
	{ name: "Waiting", query: "state=waiting" },
	{ name: "Went out before", query: "state=passed" },
	{ name: "Decided or mended", query: "state=done" },
];
/** While it is being done a person watches. */
const BUSY_MS = 2_000;
const QUIET_MS = 10_000;

export default function Approval() {
	const { approval } = useLoaderData<typeof loader>();
	const { set, rows } = approval;
	const filters = useUrlFilters();
	const mayApprove = useAllowed("approve");
	const fetcher = useFetcher<Said>();
	const { search } = useLocation();
	const chosen = useIndexResourceState(rows.map(({ key }) => ({ id: key })));
	const { selectedResources, clearSelection } = chosen;
	// biome-ignore lint/correctness/useExhaustiveDependencies: the address is the reason, not a value that is read
	useEffect(() => clearSelection(), [search]);
	useSaid(fetcher, (said) => said.ok && clearSelection());
	const busy = fetcher.state !== "idle";
	useFresh({ paused: selectedResources.length > 0 || busy, everyMs: set.deciding > 0 ? BUSY_MS : QUIET_MS });
	const send = (intent: string, keys: readonly string[] = []) => {
		const form = new FormData();
		form.set("intent", intent);
		for (const id of itemsOf(approval, keys)) form.append("id", String(id));
		fetcher.submit(form, { method: "post" });
	};
	return (
		<AppPage
			title={sayChanges(set)}
			badge={standingBadge(set)}
			subtitle="Changed in Shopify, not by sales"
			back={{ content: "Overview", url: "/app" }}
			fullWidth
		>
			<BlockStack gap="400">
				<DecisionCard approval={approval} busy={busy} mayApprove={mayApprove} onDecide={send} />
				<IndexList
					isBelow
					names={{ singular: "product", plural: "products" }}
					filters={filters}
					searchHint="Title or SKU"
					views={VIEWS}
					filterNames={["q", "state"]}
					headings={[
						{ title: "Product" },
						{ title: "Before", alignment: "end" },
						{ title: "In Shopify now", alignment: "end" },
						{ title: "Channels show" },
						{ title: "State" },
					]}
					rowCount={rows.length}
					pages={approval.pages}
					{...(mayApprove && set.waiting > 0
						? {
								selection: {
									selectedItemsCount: selectedResources.length,
									onSelectionChange: chosen.handleSelectionChange,
									promotedBulkActions: [
										{ content: "Approve", onAction: () => send("approve", selectedResources) },
										{ content: "Write back to Shopify", onAction: () => send("write-back", selectedResources) },
									],
								},
							}
						: {})}
				>
					<ApprovalRows rows={rows} selected={selectedResources} />
				</IndexList>
			</BlockStack>
		</AppPage>
	);
}

const itemsOf = ({ rows }: ApprovalPage, keys: readonly string[]): number[] => [
	...new Set(rows.filter(({ key }) => keys.includes(key)).map(({ itemId }) => itemId)),
];

export const ErrorBoundary = () => <PageError title="Waiting for your approval" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
