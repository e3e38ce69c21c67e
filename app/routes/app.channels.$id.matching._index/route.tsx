import type { ActionFunctionArgs, HeadersFunction, LinksFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData, useNavigation, useParams } from "@remix-run/react";
import { Banner, BlockStack, Box, Button, Card, InlineStack, List, Text, useIndexResourceState } from "@shopify/polaris";
import { ProductListIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useRef, useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import {
	askForSetUp,
	FILE_BYTES_MAX,
	type FileImport,
	importMatches,
	linkListings,
	proposeMatching,
	undoLinks,
	unlinkListings,
} from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readChannelName } from "#app/pages/channels/read-name.ts";
import { type MatchingPage, readMatching, readMatchingRequest, type Tab } from "#app/pages/matching/read-matching.ts";
import { AppPage } from "../../components/app-page.tsx";
import styles from "../../components/channels.css?url";
import { download } from "../../components/download.ts";
import { Empty } from "../../components/empty.tsx";
import { IndexList } from "../../components/index-list.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { useWorking } from "../../components/use-working.ts";
import { number, plural } from "../../components/words.ts";
import { MatchRows } from "./rows.tsx";

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = channelIdOf(params.id);
	const named = id === null ? null : await readChannelName(database(), shopId, id);
	if (id === null || !named) throw notThere();
	const matching = await readMatching(database(), shopId, id, readMatchingRequest(new URL(request.url).searchParams));
	return { matching, ...named };
}

/** A page of the list is the most that can be chosen at once. */
const CHOSEN_MAX = 50;
const id = z.coerce.number().int().positive();
const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("link-exact") }),
	z.object({ intent: z.literal("link"), links: z.array(z.string()).min(1).max(CHOSEN_MAX) }),
	z.object({ intent: z.literal("unlink"), listings: z.array(id).min(1).max(CHOSEN_MAX) }),
	z.object({ intent: z.literal("undo"), auditId: id }),
	z.object({ intent: z.literal("import"), file: z.string().max(FILE_BYTES_MAX) }),
	z.object({ intent: z.literal("read") }),
]);
/** The file, and what a form puts around it. */
const BODY_BYTES_MAX = FILE_BYTES_MAX + 100_000;

type Answer = Said & { imported?: Extract<FileImport, { outcome: "imported" }> };

/** Linking what is linked, unlinking what is not, undoing what is undone: each changes nothing the second time. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Answer> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const channelId = channelIdOf(params.id);
		if (channelId === null || !(await readChannelName(database(), shopId, channelId))) throw notThere();
		const length = Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY);
		if (!(length <= BODY_BYTES_MAX)) return { ok: false, message: "The file is larger than 5 MB." };
		const form = await request.formData();
		const read = asked.safeParse({ ...Object.fromEntries(form), links: form.getAll("link"), listings: form.getAll("listing") });
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		switch (wish.intent) {
			case "link-exact":
			case "link": {
				const wanted =
					wish.intent === "link-exact"
						? (await proposeMatching(database(), shopId, channelId)).exact
						: wish.links.flatMap((pair) => {
								const [listingId, itemId] = pair.split(":").map(Number);
								return listingId && itemId ? [{ listingId, itemId }] : [];
							});
				const { linked, refused } = await linkListings(deps(), shopId, channelId, wanted, actor);
				const rest = refused.length > 0 ? ` ${plural(refused.length, "other")} could not be: ${refused[0]?.reason}` : "";
				return { ok: refused.length === 0, message: `${plural(linked, "listing")} linked.${rest}` };
			}
			case "unlink": {
				const unlinked = await unlinkListings(deps(), shopId, channelId, wish.listings, actor);
				return { ok: true, message: `${plural(unlinked, "link")} taken back. What the channel shows stays as it is.` };
			}
			case "undo": {
				const undone = await undoLinks(deps(), shopId, channelId, { auditId: wish.auditId, actor });
				if (undone.outcome === "unknown") return { ok: false, message: "There is nothing to undo." };
				const left = undone.left > 0 ? ` ${number(undone.left)} had changed since and were left.` : "";
				return { ok: true, message: `Undone for ${plural(undone.listings, "listing")}.${left}` };
			}
			case "import": {
				const outcome = await importMatches(deps(), shopId, channelId, { text: wish.file, actor });
				if (outcome.outcome === "refused") return { ok: false, message: outcome.reason };
				return { ok: true, message: `${plural(outcome.linked, "listing")} linked`, imported: outcome };
			}
			case "read": {
				const outcome = await askForSetUp(deps(), shopId, channelId, { work: "catalogue", actor });
				return outcome.outcome === "asked"
					? { ok: true, message: "" }
					: { ok: false, message: "Something else is under way. Please wait." };
			}
		}
	});

/** Per tab: what it is called, and what a merchant should know who looks at it. */
const TABS: readonly Tab[] = ["exact", "near", "several", "channel-only", "shopify-only", "linked"];
const TAB_WORDS: Readonly<Record<Tab, { name: (channel: string) => string; hint: (channel: string) => string }>> = {
	exact: { name: () => "Exact matches", hint: () => "SKU or barcode are the same, and stand on one product only." },
	near: {
		name: () => "Look-alikes",
		hint: () =>
			"The codes differ in blanks, letter case, leading zeros, separators or a pack size. Please look at each: nothing here is linked by itself.",
	},
	several: { name: () => "Several possible", hint: () => "More than one product has this code. Choose the right one." },
	"channel-only": {
		name: (channel) => `Only on ${channel}`,
		hint: () =>
			"No product in Shopify has this SKU or barcode. These listings are left alone; link them by hand or by file if they are yours.",
	},
	"shopify-only": {
		name: () => "Only in Shopify",
		hint: (channel) => `Products that ${channel} does not sell, as far as their codes tell.`,
	},
	linked: { name: () => "Linked", hint: () => "These follow your stock. Their orders lower it." },
};

export default function MatchingRoute() {
	const { matching, name, work } = useLoaderData<typeof loader>();
	const base = `/app/channels/${useParams().id}`;
	const filters = useUrlFilters();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Answer>();
	const [exporting, setExporting] = useState(false);
	const picker = useRef<HTMLInputElement>(null);
	const { tab, counts, rows, pages } = matching;
	const tabOnItsWay = useTabOnItsWay();
	const chosen = useIndexResourceState(rows.map((row) => ({ id: String(row.id) })));
	useSaid(fetcher, () => chosen.clearSelection());
	useWorking(work === "catalogue");

	const send = (intent: string, fields: [string, string][] = []) => {
		const form = new FormData();
		form.set("intent", intent);
		for (const [key, value] of fields) form.append(key, value);
		fetcher.submit(form, { method: "post", encType: "multipart/form-data" });
	};
	const busy = fetcher.state === "idle" ? null : String(fetcher.formData?.get("intent"));
	const pick = async (file: File | undefined) => {
		if (!file) return;
		if (file.size > FILE_MAX) shopify.toast.show("The file is larger than 5 MB.", { isError: true });
		else send("import", [["file", await file.text()]]);
		if (picker.current) picker.current.value = "";
	};
	const exportCsv = async () => {
		setExporting(true);
		await download(`${base}/matching/csv`, "unmatched-listings.csv");
		setExporting(false);
	};
	const single = rows.filter((row) => row.candidates.length === 1 && !row.why?.includes("pack size"));
	const linkChosen = () =>
		send(
			"link",
			single
				.filter(({ id }) => chosen.selectedResources.includes(String(id)))
				.map((row): [string, string] => ["link", `${row.id}:${row.candidates[0]?.itemId}`]),
		);
	const unlinkChosen = () =>
		send(
			"unlink",
			chosen.selectedResources.map((one): [string, string] => ["listing", one]),
		);
	const unmatched = counts.exact + counts.near + counts.several + counts["channel-only"];
	const bulk =
		tab === "linked"
			? { content: "Take the links back", onAction: unlinkChosen }
			: { content: "Link to the product shown", onAction: linkChosen };
	return (
		<AppPage
			title="Matching"
			back={{ content: name, url: base }}
			subtitle={`Which listing on ${name} is which of your products`}
			fullWidth
			actions={
				mayOperate && counts.exact > 0 ? (
					<button
						type="button"
						variant="primary"
						disabled={busy !== null}
						{...(busy === "link-exact" ? { loading: "" } : {})}
						onClick={() => send("link-exact")}
					>
						{`Link all ${plural(counts.exact, "exact match", "exact matches")}`}
					</button>
				) : null
			}
		>
			<BlockStack gap="400">
				{work === "catalogue" && (
					<Banner tone="info" title="The listings are being read">
						<p>More may appear here while that goes on. You can already begin.</p>
					</Banner>
				)}
				<Undo
					undo={matching.undo}
					mayOperate={mayOperate}
					busy={busy === "undo"}
					onUndo={(auditId) => send("undo", [["auditId", String(auditId)]])}
				/>
				{fetcher.data?.imported && fetcher.state === "idle" && <Imported imported={fetcher.data.imported} />}
				<Card>
					<div className="hint-and-actions">
						<Text as="p" tone="subdued">
							{TAB_WORDS[tabOnItsWay ?? tab].hint(name)}
						</Text>
						<InlineStack gap="200" align="start">
							<Button onClick={() => void exportCsv()} loading={exporting} disabled={unmatched === 0}>
								Export unmatched
							</Button>
							<Button onClick={() => picker.current?.click()} loading={busy === "import"} disabled={!mayOperate}>
								Import file
							</Button>
							<Button onClick={() => send("read")} loading={busy === "read"} disabled={!mayOperate || work !== null}>
								Read listings again
							</Button>
							<input
								ref={picker}
								type="file"
								accept=".csv,text/csv"
								hidden
								aria-label="File with matches"
								onChange={(event) => void pick(event.currentTarget.files?.[0])}
							/>
						</InlineStack>
					</div>
				</Card>
				<IndexList
					isBelow
					names={{ singular: "listing", plural: "listings" }}
					filters={filters}
					searchHint="Search by SKU, barcode or title"
					views={viewsOf(matching, name, filters.get("tab") === "")}
					filterNames={["tab"]}
					headings={
						tab === "shopify-only"
							? [{ title: "Product" }, { title: "Barcode" }]
							: [{ title: `On ${name}` }, { title: "In Shopify" }, { title: "" }]
					}
					rowCount={rows.length}
					nothingYet={TABS.every((one) => counts[one] === 0) && filters.get("q") === "" && <NoListings name={name} />}
					pages={pages}
					{...(mayOperate && tab !== "shopify-only" && tab !== "channel-only"
						? {
								selection: {
									selectedItemsCount: chosen.allResourcesSelected ? "All" : chosen.selectedResources.length,
									onSelectionChange: chosen.handleSelectionChange,
									promotedBulkActions: [bulk],
								},
							}
						: {})}
				>
					<MatchRows tab={tab} rows={rows} selected={chosen.selectedResources} base={base} mayOperate={mayOperate} />
				</IndexList>
			</BlockStack>
		</AppPage>
	);
}

/** What a pressed tab is about is said at once, not when its listings are here. */
function useTabOnItsWay(): Tab | undefined {
	const asked = new URLSearchParams(useNavigation().location?.search).get("tab");
	return TABS.find((tab) => tab === asked);
}

/** As the server has it (FILE_BYTES_MAX, matching-file.ts). */
const FILE_MAX = 5_000_000;

/** With a bare address the first tab that has something is open: its view is the bare one then. */
function viewsOf({ tab, counts }: MatchingPage, name: string, isBare: boolean) {
	return TABS.map((one) => ({
		name: `${TAB_WORDS[one].name(name)} (${number(counts[one])})`,
		query: isBare && one === tab ? "" : `tab=${one}`,
	}));
}

/** Neither the channel nor Shopify has anything to match. */
const NoListings = ({ name }: { name: string }) => (
	<Empty icon={ProductListIcon} heading={`${name} has no listings yet`}>
		{`Add products on ${name}, then read its listings again.`}
	</Empty>
);

type UndoProps = { undo: MatchingPage["undo"]; mayOperate: boolean; busy: boolean; onUndo: (auditId: number) => void };

function Undo({ undo, mayOperate, busy, onUndo }: UndoProps) {
	if (!undo || !mayOperate) return null;
	return (
		<Box paddingInline={{ xs: "400", sm: "0" }}>
			<InlineStack gap="200" blockAlign="center">
				<Text as="span" tone="subdued">
					{undo.linked ? `Last: ${plural(undo.listings, "listing")} linked.` : `Last: ${plural(undo.listings, "link")} taken back.`}
				</Text>
				<Button variant="plain" loading={busy} onClick={() => onUndo(undo.auditId)}>
					Undo
				</Button>
			</InlineStack>
		</Box>
	);
}

function Imported({ imported }: { imported: NonNullable<Answer["imported"]> }) {
	const { linked, empty, complaints, moreComplaints } = imported;
	const wrong = complaints.length + moreComplaints;
	return (
		<Banner
			tone={wrong > 0 ? "warning" : "success"}
			title={`${plural(linked, "listing")} linked${wrong > 0 ? `, ${plural(wrong, "line")} could not be used` : ""}`}
		>
			<BlockStack gap="200">
				{empty > 0 && <p>{plural(empty, "line")} without a Shopify SKU passed over.</p>}
				{complaints.length > 0 && (
					<List>
						{complaints.slice(0, 20).map(({ line, reason }) => (
							<List.Item key={`${line} ${reason}`}>
								Line {line}: {reason}
							</List.Item>
						))}
					</List>
				)}
				{wrong > 20 && <p>And {number(wrong - 20)} more.</p>}
			</BlockStack>
		</Banner>
	);
}

export const ErrorBoundary = () => <PageError title="Matching" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
