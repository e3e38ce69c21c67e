import type { ActionFunctionArgs, HeadersFunction, LinksFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData, useSearchParams } from "@remix-run/react";
import { Banner, BlockStack, InlineGrid } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import {
	answerMirrored,
	askForSetUp,
	changePolling,
	MIRRORED,
	POLL_MINUTES,
	pauseConnection,
	resumeConnection,
	SET_UP_WORK,
	type StateChange,
} from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { env } from "#app/env.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readChannel } from "#app/pages/channels/read-channel.ts";
import { readChannelName } from "#app/pages/channels/read-name.ts";
import { AppPage } from "../../components/app-page.tsx";
import { ChannelState } from "../../components/channel-state.tsx";
import styles from "../../components/channels.css?url";
import { OtherWriterBanner } from "../../components/other-writer.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useWorking } from "../../components/use-working.ts";
import { ago } from "../../components/words.ts";
import { ConsentBanner } from "./consent-banner.tsx";
import { FiguresCard } from "./figures-card.tsx";
import { HealthCard } from "./health-card.tsx";
import { RulesCard } from "./rules-card.tsx";
import { SetUpCard } from "./set-up-card.tsx";

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = channelIdOf(params.id);
	const page = id === null ? null : await readChannel(database(), shopId, id);
	if (!page || page.channel.isHome) throw notThere();
	return { page, usualMinutes: Math.round(env().orderPollMs / 60_000) };
}

const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("set-up"), work: z.enum(SET_UP_WORK) }),
	z.object({ intent: z.literal("mirrored"), mirrored: z.enum(MIRRORED), sources: z.string().max(5_000).default("") }),
	z.object({
		intent: z.literal("polling"),
		/** Empty: as usual. */
		minutes: z
			.literal("")
			.transform(() => null)
			.or(z.coerce.number().refine((minutes) => POLL_MINUTES.some((choice) => choice === minutes))),
	}),
	z.object({ intent: z.literal("pause") }),
	z.object({ intent: z.literal("resume") }),
]);
const NEEDED = { catalogue: "operate", sources: "operate", "dry-run": "operate", watch: "approve", restore: "approve" } as const;

/** Each of these is the same when it is done twice. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		await requireRight(request, "operate");
		const id = channelIdOf(params.id);
		const read = asked.safeParse(Object.fromEntries(await request.clone().formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		const { shopId, userId: actor } = await requireRight(
			request,
			wish.intent === "set-up" ? NEEDED[wish.work] : wish.intent === "mirrored" ? "approve" : "operate",
		);
		if (id === null || !(await readChannelName(database(), shopId, id))) throw notThere();
		switch (wish.intent) {
			case "set-up": {
				const outcome = await askForSetUp(deps(), shopId, id, { work: wish.work, actor });
				if (outcome.outcome === "unknown") throw notThere();
				if (outcome.outcome === "busy")
					return { ok: false, message: "Something else is under way for this channel. Please wait a moment." };
				return outcome.outcome === "refused" ? { ok: false, message: outcome.reason } : { ok: true, message: "" };
			}
			case "mirrored": {
				const sources = wish.sources.split("\n").filter((source) => source !== "");
				const outcome = await answerMirrored(deps(), shopId, id, { mirrored: wish.mirrored, sources, actor });
				if (outcome.outcome === "unknown") throw notThere();
				return { ok: true, message: "Answer saved" };
			}
			case "polling": {
				const { outcome } = await changePolling(deps(), shopId, id, { minutes: wish.minutes, actor });
				if (outcome === "unknown") throw notThere();
				return { ok: true, message: outcome === "changed" ? "Saved" : "" };
			}
			case "pause":
				return said(await pauseConnection(deps(), shopId, id, actor), "Paused. Nothing is sent to this channel.");
			case "resume":
				return said(await resumeConnection(deps(), shopId, id, actor), "Going on. What waited is being sent.");
		}
	});

const said = (change: StateChange, done: string): Said =>
	change.outcome === "changed" ? { ok: true, message: done } : { ok: false, message: change.reason };

export default function ChannelPage() {
	const { page, usualMinutes } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Said>();
	const [mayOperate, mayApprove] = [useAllowed("operate"), useAllowed("approve")];
	useSaid(fetcher);
	useRenewed();
	useWorking(page.setUp.work !== null);
	useFresh({ paused: page.setUp.work !== null || fetcher.state !== "idle" });
	const { channel, setUp, asOf } = page;
	const send = (fields: Record<string, string>) => fetcher.submit(fields, { method: "post" });
	const sending = fetcher.state === "idle" ? null : String(fetcher.formData?.get("intent") ?? "");
	const base = `/app/channels/${channel.id}`;
	return (
		<AppPage
			title={channel.name}
			back={{ content: "Channels", url: "/app/channels" }}
			subtitle={channel.account}
			badge={<ChannelState channel={channel} isPartlyLive={setUp.isPartlyLive} />}
			actions={
				<>
					{channel.state === "live" && mayOperate && (
						<button type="button" disabled={sending !== null} onClick={() => send({ intent: "pause" })}>
							Pause all updates
						</button>
					)}
					{channel.state === "paused" && mayOperate && (
						<button type="button" variant="primary" disabled={sending !== null} onClick={() => send({ intent: "resume" })}>
							Resume updates
						</button>
					)}
				</>
			}
		>
			<BlockStack gap="400">
				{channel.health.state !== "green" && (
					<Banner
						tone={channel.health.state === "red" ? "critical" : "warning"}
						title={channel.health.state === "red" ? `${channel.name} cannot be reached` : `${channel.name} has trouble answering`}
						{...(mayApprove && page.consent?.isRefused ? { action: { content: "Renew consent", url: `${base}/renew` } } : {})}
						{...(mayApprove && page.hasKeys && channel.health.state === "red"
							? { action: { content: "Enter new keys", url: `${base}/renew` } }
							: {})}
					>
						<p>
							{channel.health.reason} Since {ago(channel.health.since, asOf)}. What should be sent waits, newest figures first; nothing is
							lost.
						</p>
					</Banner>
				)}
				<ConsentBanner page={page} base={base} mayApprove={mayApprove} />
				{channel.state === "paused" && (
					<Banner tone="warning" title="Updates to this channel are paused">
						<p>
							It may sell what is sold out elsewhere: its figures are not changed, though its orders go on being counted. What waits is sent
							when you resume.
						</p>
					</Banner>
				)}
				{page.otherWriter && <OtherWriterBanner writer={page.otherWriter} />}
				<SetUpCard page={page} sending={sending} send={send} mayOperate={mayOperate} mayApprove={mayApprove} />
				<InlineGrid columns={{ xs: 1, lg: ["twoThirds", "oneThird"] }} gap="400" alignItems="start">
					<BlockStack gap="400">
						<FiguresCard page={page} base={base} />
						<HealthCard
							page={page}
							base={base}
							mayApprove={mayApprove}
							polling={{
								usualMinutes,
								disabled: !mayOperate || sending !== null,
								onChange: (minutes) => send({ intent: "polling", minutes }),
							}}
						/>
					</BlockStack>
					<RulesCard page={page} base={base} mayOperate={mayOperate} mayApprove={mayApprove} />
				</InlineGrid>
			</BlockStack>
		</AppPage>
	);
}

/** The access was given anew, here or on the channel's own page: said once, also if the page is loaded anew. */
function useRenewed(): void {
	const [params, setParams] = useSearchParams();
	const renewed = params.get("renewed");
	useEffect(() => {
		if (renewed === null) return;
		window.shopify?.toast.show(renewed === "keys" ? "New keys are in use" : "Consent renewed");
		setParams(
			(now) => {
				now.delete("renewed");
				return now;
			},
			{ replace: true, preventScrollReset: true },
		);
	}, [renewed, setParams]);
}

export const ErrorBoundary = () => <PageError title="Channel" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
