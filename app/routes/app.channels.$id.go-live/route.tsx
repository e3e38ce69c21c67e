import { type ActionFunctionArgs, type HeadersFunction, type LinksFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Banner, BlockStack, Button, Card, InlineStack, Spinner, Text, useIndexResourceState } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect, useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { askForSetUp, goLive } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readChannel } from "#app/pages/channels/read-channel.ts";
import { readDryRun, readDryRunRequest } from "#app/pages/channels/read-dry-run.ts";
import { readChannelName } from "#app/pages/channels/read-name.ts";
import { readOtherWriter } from "#app/pages/channels/read-other-writer.ts";
import { AppPage } from "../../components/app-page.tsx";
import styles from "../../components/channels.css?url";
import { download } from "../../components/download.ts";
import { IndexList } from "../../components/index-list.tsx";
import { OtherWriterBanner, sayOtherWriter, sayWhatToDo } from "../../components/other-writer.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { useWorking } from "../../components/use-working.ts";
import { number, plural } from "../../components/words.ts";
import { DryRunRows } from "./rows.tsx";
import { Summary } from "./summary.tsx";

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = channelIdOf(params.id);
	const page = id === null ? null : await readChannel(database(), shopId, id);
	if (id === null || !page || page.channel.isHome) throw notThere();
	const { setUp, channel, asOf, otherWriter } = page;
	return {
		...{ setUp, channel, asOf, otherWriter },
		lines: await readDryRun(database(), { shopId, connectionId: id }, readDryRunRequest(new URL(request.url).searchParams)),
	};
}

/** A page of the list is the most that can be chosen at once. */
const CHOSEN_MAX = 50;
/** The person was told that something else changes stock there, and goes live all the same (R43). */
const otherWriter = z.literal("known").optional();
const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("run") }),
	z.object({ intent: z.literal("all"), otherWriter }),
	z.object({ intent: z.literal("some"), otherWriter, listings: z.array(z.coerce.number().int().positive()).min(1).max(CHOSEN_MAX) }),
]);

/** Going live with what is live already changes nothing; a dry run that is asked for twice is one. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said | Response> => {
		await requireRight(request, "operate");
		const form = await request.clone().formData();
		const { shopId, userId: actor } = await requireRight(request, form.get("intent") === "run" ? "operate" : "approve");
		const id = channelIdOf(params.id);
		if (id === null || !(await readChannelName(database(), shopId, id))) throw notThere();
		const read = asked.safeParse({ ...Object.fromEntries(form), listings: form.getAll("listing") });
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		if (wish.intent === "run") {
			const outcome = await askForSetUp(deps(), shopId, id, { work: "dry-run", actor });
			if (outcome.outcome === "unknown") throw notThere();
			if (outcome.outcome === "refused") return { ok: false, message: outcome.reason };
			return outcome.outcome === "asked" ? { ok: true, message: "" } : { ok: false, message: "Something else is under way. Please wait." };
		}
		if (wish.otherWriter !== "known" && (await readOtherWriter(database(), shopId, id)))
			return { ok: false, message: "Something else changes stock there. Nothing was sent: read the note, then go live again." };
		const first = wish.intent === "some" ? wish.listings : undefined;
		const outcome = await goLive(deps(), shopId, id, actor, { first });
		if (outcome.outcome === "unchanged") return { ok: false, message: outcome.reason };
		if (first) return { ok: true, message: `Live with ${plural(first.length, "listing")}. The others wait.` };
		return redirect(`/app/channels/${id}`);
	});

const CONFIRM = "go-live-confirm";

export default function GoLiveRoute() {
	const { setUp, channel, asOf, otherWriter, lines } = useLoaderData<typeof loader>();
	const base = `/app/channels/${channel.id}`;
	const filters = useUrlFilters();
	const [mayOperate, mayApprove] = [useAllowed("operate"), useAllowed("approve")];
	const fetcher = useFetcher<Said>();
	const [exporting, setExporting] = useState(false);
	const chosen = useIndexResourceState(lines.rows.map(({ id }) => ({ id: String(id) })));
	useSaid(fetcher, (said) => said.ok && chosen.clearSelection());
	const isRunning = setUp.work?.what === "dry-run";
	useWorking(setUp.work !== null);
	const { dryRun } = setUp;
	const isDone = channel.state === "live" && !setUp.isPartlyLive;
	const mayGoLive = mayApprove && dryRun !== null && !isRunning && !isDone;

	const send = (intent: string, listings: readonly string[] = [], known = false) => {
		const form = new FormData();
		form.set("intent", intent);
		if (known) form.set("otherWriter", "known");
		for (const one of listings) form.append("listing", one);
		fetcher.submit(form, { method: "post" });
	};
	const busy = fetcher.state === "idle" ? null : String(fetcher.formData?.get("intent"));
	const exportCsv = async () => {
		setExporting(true);
		await download(`${base}/dry-run`, "dry-run.csv");
		setExporting(false);
	};
	// What is asked about; none: all. The question is shown once it is drawn with these words.
	const [question, ask] = useState<readonly string[] | null>(null);
	useEffect(() => {
		if (question !== null) void shopify.modal.show(CONFIRM);
	}, [question]);
	const first = question ?? [];
	const go = () => {
		void shopify.modal.hide(CONFIRM);
		send(first.length > 0 ? "some" : "all", first, otherWriter !== null);
	};
	/** A few are asked for without a question; where something else writes there as well, that is said before. */
	const goSome = (listings: readonly string[]) => (otherWriter ? ask([...listings]) : send("some", listings));
	const others = setUp.isPartlyLive ? "all others" : "all";
	return (
		<AppPage
			title="Dry run and go live"
			back={{ content: channel.name, url: base }}
			fullWidth
			actions={
				<>
					{mayGoLive && (
						<button type="button" variant="primary" disabled={busy !== null} onClick={() => ask([])}>
							{`Go live with ${others}`}
						</button>
					)}
					{mayOperate && dryRun && !isDone && (
						<button
							type="button"
							disabled={busy !== null || setUp.work !== null || channel.state === "connecting"}
							onClick={() => send("run")}
						>
							Run again
						</button>
					)}
				</>
			}
		>
			<ui-modal id={CONFIRM}>
				<div style={{ padding: 16 }}>
					{otherWriter && <p style={{ margin: "0 0 12px" }}>{`${sayOtherWriter(otherWriter)} ${sayWhatToDo(otherWriter)}`}</p>}
					<p style={{ margin: 0 }}>
						{`Lockstep writes ${first.length > 0 || setUp.isPartlyLive || !dryRun ? "their figures" : plural(dryRun.changes, "figure")} to ${channel.name} now, and every change of your stock from then on. You can pause or disconnect at any time; what ${channel.name} showed before is kept as a file.`}
					</p>
				</div>
				<ui-title-bar
					title={
						first.length > 0
							? `Go live with ${plural(first.length, "listing")} of ${channel.name}?`
							: `Go live with ${setUp.isPartlyLive ? "all other" : "all"} listings of ${channel.name}?`
					}
				>
					<button type="button" variant="primary" onClick={go}>
						{otherWriter ? "Go live all the same" : "Go live"}
					</button>
					<button type="button" onClick={() => void shopify.modal.hide(CONFIRM)}>
						Cancel
					</button>
				</ui-title-bar>
			</ui-modal>
			<BlockStack gap="400">
				{otherWriter && <OtherWriterBanner writer={otherWriter} />}
				{isDone && (
					<Banner tone="success" title={`${channel.name} is live`}>
						<p>All linked listings follow your stock.</p>
					</Banner>
				)}
				{channel.state === "connecting" && (
					<Banner tone="info" title="Start watching first">
						<p>Before that, Lockstep does not know what the listings should show.</p>
					</Banner>
				)}
				{setUp.failed?.what === "dry-run" && (
					<Banner tone="critical" title="The dry run could not be finished">
						<p>{setUp.failed.reason} Nothing was written.</p>
					</Banner>
				)}
				{isRunning && (
					<Card>
						<InlineStack gap="300" blockAlign="center">
							<Spinner size="small" accessibilityLabel="Running" />
							<Text as="p">
								<span data-testid="working">
									Reading every figure on {channel.name}: {number(setUp.work?.done ?? 0)} of {number(channel.listings)}. Nothing is written.
									You can close this page.
								</span>
							</Text>
						</InlineStack>
					</Card>
				)}
				{!dryRun && !isRunning && !isDone && (
					<Card>
						<BlockStack gap="300" inlineAlign="start">
							<Text as="p">
								A dry run reads what {channel.name} shows now, and lists every figure that going live would change. Nothing is written.
							</Text>
							<Button
								variant="primary"
								disabled={!mayOperate || channel.state === "connecting" || setUp.work !== null}
								loading={busy === "run"}
								onClick={() => send("run")}
							>
								Start dry run
							</Button>
						</BlockStack>
					</Card>
				)}
				{dryRun && !isRunning && (
					<>
						<Summary
							dryRun={dryRun}
							channel={channel}
							asOf={asOf}
							isPartlyLive={setUp.isPartlyLive}
							exporting={exporting}
							onExport={() => void exportCsv()}
						/>
						<IndexList
							isBelow
							names={{ singular: "listing", plural: "listings" }}
							filters={filters}
							searchHint="Search by SKU or title"
							views={VIEWS}
							filterNames={["shown"]}
							headings={[
								{ title: "Listing" },
								{ title: "Shows now", alignment: "end" },
								{ title: "Would show", alignment: "end" },
								{ title: "" },
							]}
							rowCount={lines.rows.length}
							pages={lines.pages}
							{...(mayGoLive
								? {
										selection: {
											selectedItemsCount: chosen.allResourcesSelected ? "All" : chosen.selectedResources.length,
											onSelectionChange: chosen.handleSelectionChange,
											promotedBulkActions: [
												{
													content: setUp.isPartlyLive ? "Go live with these too" : "Go live with these first",
													onAction: () => goSome(chosen.selectedResources),
												},
											],
										},
									}
								: {})}
						>
							<DryRunRows
								rows={lines.rows}
								selected={chosen.selectedResources}
								isPartlyLive={setUp.isPartlyLive}
								onGoLive={mayGoLive ? (id) => goSome([id]) : undefined}
							/>
						</IndexList>
					</>
				)}
			</BlockStack>
		</AppPage>
	);
}

const VIEWS = [
	{ name: "All", query: "" },
	{ name: "To zero", query: "shown=to-zero" },
	{ name: "Lowered", query: "shown=lowered" },
	{ name: "Raised", query: "shown=raised" },
	{ name: "Cannot be updated", query: "shown=problems" },
];

export const ErrorBoundary = () => <PageError title="Dry run and go live" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
