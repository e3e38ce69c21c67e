import type { ActionFunctionArgs, HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData, useLocation, useNavigate } from "@remix-run/react";
import { useIndexResourceState } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect, useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { pauseItems } from "#app/pages/stock/change-rules.ts";
import { readStock, readStockRequest } from "#app/pages/stock/read-stock.ts";
import { deleteView, readViews, saveView } from "#app/pages/views/saved-views.ts";
import { AppPage } from "../../components/app-page.tsx";
import { download } from "../../components/download.ts";
import { IndexList } from "../../components/index-list.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { plural } from "../../components/words.ts";
import { appliedOf, choicesOf, FILTER_NAMES, VIEWS } from "./filters.tsx";
import { headingsOf, NothingYet, StockRows } from "./rows.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const [stock, saved] = await Promise.all([
		readStock(database(), shopId, readStockRequest(new URL(request.url).searchParams)),
		readViews(database(), shopId, "stock"),
	]);
	return { stock, saved };
}

/** A page of the list is the most that can be chosen at once. */
const CHOSEN_MAX = 50;
const ids = z.array(z.coerce.number().int().positive()).min(1).max(CHOSEN_MAX);
const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.enum(["pause", "resume"]), items: ids, channel: z.coerce.number().int().positive().nullable() }),
	z.object({ intent: z.literal("save-view"), name: z.string(), query: z.string() }),
	z.object({ intent: z.literal("delete-view"), id: z.coerce.number().int().positive() }),
]);

/** Pausing what is paused, and saving a view again, change nothing: a press that was sent twice does no harm. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId } = await requireRight(request, "operate");
		const form = await request.formData();
		const read = asked.safeParse({
			...Object.fromEntries(form),
			items: form.getAll("item"),
			channel: form.get("channel") || null,
		});
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		switch (wish.intent) {
			case "pause":
			case "resume": {
				const paused = wish.intent === "pause";
				const change = { itemIds: wish.items, channelId: wish.channel, paused, reason: "by hand", actor: userId };
				const { listings } = await pauseItems(deps(), shopId, change);
				return { ok: true, message: `${plural(listings, "listing")} ${paused ? "paused" : "resumed"}` };
			}
			case "save-view": {
				const saved = await saveView(database(), shopId, { page: "stock", name: wish.name, query: wish.query, actor: userId });
				if (saved.outcome === "full") return { ok: false, message: `There are ${saved.max} views already. Delete one first.` };
				if (saved.outcome === "unnamed") return { ok: false, message: "A view needs a name." };
				return { ok: true, message: "View saved for everybody in this shop" };
			}
			case "delete-view":
				return (await deleteView(database(), shopId, { id: wish.id, actor: userId }))
					? { ok: true, message: "View deleted" }
					: { ok: false, message: "That view is gone already." };
		}
	});

export default function StockPage() {
	const { stock, saved } = useLoaderData<typeof loader>();
	const filters = useUrlFilters();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	const navigate = useNavigate();
	const [exporting, setExporting] = useState(false);
	const chosen = useIndexResourceState(stock.rows.map(({ itemId }) => ({ id: String(itemId) })));
	const { selectedResources, clearSelection } = chosen;
	// More than this page: then only what reaches all of them is offered.
	const allChosen = chosen.allResourcesSelected && stock.matching > stock.rows.length;
	// What was chosen on another page of the list, or under another filter, is not in sight any more.
	const { search } = useLocation();
	// biome-ignore lint/correctness/useExhaustiveDependencies: the address is the reason, not a value that is read
	useEffect(() => clearSelection(), [search]);
	useSaid(fetcher, (said) => said.ok && clearSelection());
	useFresh({ paused: selectedResources.length > 0 || fetcher.state !== "idle" });

	const send = (intent: string, fields: [string, string][]) => {
		const form = new FormData();
		form.set("intent", intent);
		for (const [name, value] of fields) form.append(name, value);
		fetcher.submit(form, { method: "post" });
	};
	const onChosen = (intent: string) =>
		send(intent, [...selectedResources.map((id): [string, string] => ["item", id]), ["channel", filters.get("channel")]]);
	const exportCsv = async () => {
		setExporting(true);
		await download(`/app/stock/csv${window.location.search}`, "stock.csv");
		setExporting(false);
	};
	const edit = () => {
		const query = new URLSearchParams(selectedResources.map((id) => ["item", id]));
		if (filters.get("channel")) query.set("channel", filters.get("channel"));
		navigate(`/app/stock/edit?${query}`);
	};
	/** All that the filter matches, on the page that says first what becomes of it. */
	const changeAll = (act: "rule" | "pause" | "resume") => {
		const filter = FILTER_NAMES.flatMap((name) => (filters.get(name) ? [[name, filters.get(name)]] : []));
		navigate(`/app/stock/bulk?${new URLSearchParams(act === "rule" ? filter : [...filter, ["act", act]])}`);
	};

	return (
		<AppPage
			title="Stock"
			fullWidth
			actions={
				<>
					<button
						type="button"
						disabled={exporting || !stock.hasProducts}
						{...(exporting ? { loading: "" } : {})}
						onClick={() => void exportCsv()}
					>
						Export
					</button>
					{mayOperate && (
						<button type="button" disabled={!stock.hasProducts} onClick={() => navigate("/app/bulk-changes/new")}>
							Import
						</button>
					)}
				</>
			}
		>
			<IndexList
				names={{ singular: "product", plural: "products" }}
				filters={filters}
				searchHint="Search by SKU, product or barcode"
				views={[...VIEWS, ...saved]}
				filterNames={FILTER_NAMES}
				choices={choicesOf(filters, stock.channels)}
				applied={appliedOf(filters, stock.channels)}
				headings={headingsOf(stock)}
				rowCount={stock.rows.length}
				pages={stock.pages}
				nothingYet={stock.hasProducts ? undefined : <NothingYet importing={stock.importing} />}
				{...(mayOperate
					? {
							selection: {
								selectedItemsCount: allChosen ? "All" : selectedResources.length,
								onSelectionChange: chosen.handleSelectionChange,
								hasMoreItems: stock.matching > stock.rows.length,
								paginatedSelectAllActionText: `Select all ${plural(stock.matching, "product")} that match`,
								paginatedSelectAllText: `All ${plural(stock.matching, "product")} that match are selected`,
								promotedBulkActions: allChosen
									? [
											{ content: "One rule for all", onAction: () => changeAll("rule") },
											{ content: "Pause all", onAction: () => changeAll("pause") },
											{ content: "Resume all", onAction: () => changeAll("resume") },
										]
									: [
											{ content: "Edit rules", onAction: edit },
											{ content: "Pause", onAction: () => onChosen("pause") },
											{ content: "Resume", onAction: () => onChosen("resume") },
										],
							},
							onSaveView: async (name: string, query: string) => {
								send("save-view", [
									["name", name],
									["query", query],
								]);
								return true;
							},
							onDeleteView: (view: { id?: number }) => send("delete-view", [["id", String(view.id)]]),
						}
					: {})}
			>
				<StockRows stock={stock} selected={selectedResources} />
			</IndexList>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Stock" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
