import { type ActionFunctionArgs, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { BlockStack, Button, Card, Checkbox, InlineStack, List, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { askForSetUp, disconnect, type FormerFigure, readFormerFigures, stopRestoring } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { hasEnded, readChannelName } from "#app/pages/channels/read-name.ts";
import { readSetUps } from "#app/pages/channels/read-set-up.ts";
import { AppPage } from "../../components/app-page.tsx";
import { download } from "../../components/download.ts";
import { PageError } from "../../components/route-error.tsx";
import { useSaid } from "../../components/use-said.ts";
import { useWorking } from "../../components/use-working.ts";
import { FormerCard, type FormerLook } from "./former-card.tsx";

/** Those that change most are shown; the file has them all. */
const SAMPLE_MAX = 10;

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "approve");
	const id = channelIdOf(params.id);
	const named = id === null ? null : await readChannelName(database(), shopId, id);
	// Its figures are back, while somebody looked on.
	if (id !== null && !named && (await hasEnded(database(), shopId, id))) throw redirect("/app/channels");
	if (id === null || !named) throw notThere();
	const { work, failed } = (await readSetUps(database(), shopId))(id);
	return {
		id,
		name: named.name,
		isLive: named.state === "live",
		look: lookAt(await readFormerFigures(database(), { shopId, connectionId: id })),
		progress: work?.what === "restore" ? { done: work.done, total: work.total } : null,
		otherWork: work !== null && work.what !== "restore",
		failed: failed?.what === "restore" ? failed.reason : null,
	};
}

function lookAt(figures: readonly FormerFigure[]): FormerLook {
	const changing = figures.filter(({ to, shows }) => to !== null && to !== Math.max(0, shows ?? -1));
	const byChange = [...figures].sort((a, b) => changeOf(b) - changeOf(a));
	return {
		listings: figures.length,
		changes: changing.length,
		toZero: changing.filter(({ to }) => to === 0).length,
		lower: figures.filter(({ to, original }) => to !== null && to < original).length,
		kept: figures.filter(({ to }) => to === null).length,
		sample: byChange.slice(0, SAMPLE_MAX).map(({ sku, title, original, sold, shows, to }) => ({ sku, title, original, sold, shows, to })),
	};
}
const changeOf = ({ to, shows }: FormerFigure) => (to === null ? -1 : Math.abs(to - (shows ?? 0)));

const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("disconnect") }),
	z.object({ intent: z.literal("restore") }),
	z.object({ intent: z.literal("stop") }),
]);

/** Twice, the second finds it disconnected and leads to the same page; putting back what is being put back is the same wish. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said | Response> => {
		const { shopId, userId: actor } = await requireRight(request, "approve");
		const id = channelIdOf(params.id);
		if (id === null || !(await readChannelName(database(), shopId, id))) throw notThere();
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		switch (read.data.intent) {
			case "disconnect":
				await disconnect(deps(), shopId, id, actor);
				return redirect("/app/channels");
			case "restore": {
				const outcome = await askForSetUp(deps(), shopId, id, { work: "restore", actor });
				if (outcome.outcome === "unknown") throw notThere();
				if (outcome.outcome === "asked") return { ok: true, message: "" };
				return {
					ok: false,
					message: outcome.outcome === "refused" ? outcome.reason : "Something else is under way. Please wait a moment.",
				};
			}
			case "stop": {
				const stopped = await stopRestoring(deps(), shopId, id);
				return stopped
					? { ok: true, message: "Stopped. The channel is kept in step by its rules again." }
					: { ok: false, message: "Nothing was being put back any more." };
			}
		}
	});

export default function DisconnectRoute() {
	const { id, name, isLive, look, progress, otherWork, failed } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Said>();
	const [understood, setUnderstood] = useState(false);
	const [exporting, setExporting] = useState(false);
	useSaid(fetcher);
	useWorking(progress !== null);
	const base = `/app/channels/${id}`;
	const send = (intent: string) => fetcher.submit({ intent }, { method: "post" });
	const busy = fetcher.state === "idle" ? null : String(fetcher.formData?.get("intent") ?? "");
	const exportCsv = async () => {
		setExporting(true);
		await download(`${base}/former`, "figures-before-lockstep.csv");
		setExporting(false);
	};
	const refusal = !isLive
		? "Figures can be put back while updates to this channel are on."
		: otherWork
			? "Something else is under way for this channel. Please wait a moment."
			: null;
	return (
		<AppPage title={`Disconnect ${name}`} back={{ content: name, url: base }}>
			<BlockStack gap="400">
				<Card>
					<BlockStack gap="300">
						<Text as="h2" variant="headingSm">
							What happens
						</Text>
						<List>
							<List.Item>
								No figure is sent to {name} any more. What it shows at this moment stays there, and goes down with its own sales only;
								unless you put its figures from before Lockstep back first.
							</List.Item>
							<List.Item>
								Its new orders are not counted any more. Those that were counted stay counted, so your stock in Shopify does not jump.
							</List.Item>
							<List.Item>Its keys are forgotten here, and the reports of sales that Lockstep had set up there are taken away.</List.Item>
							<List.Item>
								You can connect it again later. Links to products are then made anew; orders that were counted count no second time.
							</List.Item>
						</List>
					</BlockStack>
				</Card>
				<FormerCard
					name={name}
					look={look}
					progress={progress}
					failed={failed}
					refusal={refusal}
					busy={busy}
					exporting={exporting}
					onExport={() => void exportCsv()}
					send={send}
				/>
				<Card>
					<BlockStack gap="300">
						<Checkbox
							label={`I know that ${name} will sell on with the figures it shows now`}
							checked={understood}
							onChange={setUnderstood}
						/>
						<InlineStack>
							<Button
								variant="primary"
								tone="critical"
								disabled={!understood}
								loading={busy === "disconnect"}
								onClick={() => send("disconnect")}
							>
								{progress ? `Disconnect ${name} now` : `Disconnect ${name}`}
							</Button>
						</InlineStack>
					</BlockStack>
				</Card>
			</BlockStack>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Disconnect" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
