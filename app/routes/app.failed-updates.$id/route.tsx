import { randomUUID } from "node:crypto";
import { type ActionFunctionArgs, data, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Badge, Banner, BlockStack, Box, Card, InlineGrid, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { correctMessage, readCorrectable } from "#app/pages/failed/correct-message.ts";
import { discard } from "#app/pages/failed/discard.ts";
import type { FailedDetail } from "#app/pages/failed/failed.ts";
import { linkFailure, readUnlinked } from "#app/pages/failed/link-failure.ts";
import { readFailure } from "#app/pages/failed/read-failure.ts";
import { readChoosing } from "#app/pages/matching/read-choosing.ts";
import { askForReplay, runReplays } from "#app/replay/index.ts";
import { AppPage } from "../../components/app-page.tsx";
import { failureWords, sideWords } from "../../components/failure-words.ts";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { Moment } from "../../components/when.tsx";
import { number } from "../../components/words.ts";
import { DiscardCard } from "../app.failed-updates._index/discard-card.tsx";
import { CorrectCard } from "./correct-card.tsx";
import { LinkCard } from "./link-card.tsx";
import { TriesCard } from "./tries-card.tsx";

const idOf = (text: string | undefined): number | null => {
	const id = Number(text);
	return Number.isSafeInteger(id) && id > 0 ? id : null;
};

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = idOf(params.id);
	const failure = id === null ? null : await readFailure(database(), shopId, id);
	// Another shop's and none at all are the same answer.
	if (!failure) throw data(null, { status: 404 });
	const unlinked = failure.state === "open" ? await readUnlinked(database(), shopId, failure.id) : [];
	const query = (new URL(request.url).searchParams.get("q") ?? "").trim().slice(0, 100);
	const [first] = unlinked;
	const choosing = first
		? await readChoosing(database(), shopId, { connectionId: failure.channelId, listingId: first.listingId, query })
		: null;
	const correctable =
		failure.state === "open" && failure.side === "messages" ? await readCorrectable(database(), shopId, failure.id) : null;
	return { failure, correctable, choosing, others: Math.max(0, unlinked.length - 1), press: randomUUID() };
}

const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("try-again"), name: z.string().trim().min(1).max(200), press: z.string().min(1).max(60) }),
	z.object({
		intent: z.literal("link"),
		listing: z.coerce.number().int().positive(),
		item: z.coerce.number().int().positive(),
		press: z.string().min(1).max(60),
	}),
	z.object({ intent: z.literal("correct"), text: z.string().max(30_000), press: z.string().min(1).max(60) }),
	z.object({ intent: z.literal("discard"), reason: z.string().trim().min(1).max(500) }),
]);

/** Both change only what is still open: a second press finds nothing. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said | Response> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const id = idOf(params.id);
		if (id === null || !(await readFailure(database(), shopId, id))) throw data(null, { status: 404 });
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		if (read.data.intent === "try-again") {
			const { name, press } = read.data;
			const wish = { name: `Try ${name} again`.slice(0, 100), reason: "From its own page", actor, press: `page-${press}` };
			const begun = await askForReplay(deps(), shopId, { ids: [id] }, wish);
			if (begun.outcome === "nothing") return { ok: false, message: "It was settled already. Nothing was changed." };
			await runReplays(deps(), shopId);
			return { ok: true, message: "Trying it again" };
		}
		if (read.data.intent === "link") {
			const { listing: listingId, item: itemId, press } = read.data;
			const linked = await linkFailure(deps(), shopId, { failureId: id, listingId, itemId, actor, press: `page-${press}` });
			if (linked.outcome === "refused") return { ok: false, message: linked.reason };
			if (linked.outcome === "linked") return { ok: true, message: "Linked" };
			await runReplays(deps(), shopId);
			return redirect(`/app/failed-updates/runs/${linked.runId}`);
		}
		if (read.data.intent === "correct") {
			// What a message says moves stock: that is for those who may decide such things.
			await requireRight(request, "approve");
			const { text, press } = read.data;
			const corrected = await correctMessage(deps(), shopId, { failureId: id, text, actor, press: `page-${press}` });
			switch (corrected.outcome) {
				case "sent":
					return { ok: true, message: "Sent in corrected. It counts like any other message." };
				case "over":
					return { ok: false, message: "It was settled already. Nothing was changed." };
				case "refused":
					return { ok: false, message: corrected.reason };
			}
		}
		const { discarded } = await discard(deps(), shopId, { ids: [id] }, { reason: read.data.reason, actor });
		return discarded > 0 ? { ok: true, message: "Discarded" } : { ok: false, message: "It was settled already. Nothing was changed." };
	});

const STATES = {
	open: { label: "Needs you", tone: "warning" },
	replayed: { label: "Tried again", tone: "info" },
	resolved: { label: "Settled", tone: "success" },
	discarded: { label: "Discarded", tone: undefined },
} as const;

export default function FailurePage() {
	const { failure, correctable, choosing, others, press } = useLoaderData<typeof loader>();
	const filters = useUrlFilters();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	const mayApprove = useAllowed("approve");
	const [discarding, setDiscarding] = useState(false);
	const [correcting, setCorrecting] = useState(false);
	useSaid(fetcher, (said) => {
		if (!said.ok) return;
		setDiscarding(false);
		setCorrecting(false);
	});
	const busy = fetcher.state !== "idle";
	useFresh({ paused: discarding || correcting || busy });
	const send = (fields: Record<string, string>) => fetcher.submit(fields, { method: "post" });
	const { label, tone } = STATES[failure.state];
	const words = failureWords(failure.errorClass);
	return (
		<AppPage
			title={failure.subject}
			subtitle={`${failure.channel} · ${words.label}`}
			badge={<Badge {...(tone ? { tone } : {})}>{label}</Badge>}
			back={{ content: "Failed updates", url: "/app/failed-updates" }}
			actions={
				mayOperate && failure.state === "open" ? (
					<>
						{failure.canTryAgain && (
							<button
								type="button"
								variant="primary"
								disabled={busy}
								onClick={() => send({ intent: "try-again", name: failure.subject, press })}
							>
								Try again
							</button>
						)}
						{correctable && mayApprove && (
							<button type="button" disabled={busy} onClick={() => setCorrecting(true)}>
								Correct
							</button>
						)}
						<button type="button" disabled={busy} onClick={() => setDiscarding(true)}>
							Discard
						</button>
					</>
				) : null
			}
		>
			<BlockStack gap="400">
				{discarding && (
					<DiscardCard
						what="this"
						busy={busy}
						onDiscard={(reason) => send({ intent: "discard", reason })}
						onKeep={() => setDiscarding(false)}
					/>
				)}
				{failure.state === "open" && (
					<Banner tone="warning" title={words.label}>
						<p>{words.help}</p>
					</Banner>
				)}
				{correcting && correctable && (
					<CorrectCard
						text={correctable}
						channel={failure.channel}
						busy={busy}
						onSend={(text) => send({ intent: "correct", text, press })}
						onKeep={() => setCorrecting(false)}
					/>
				)}
				{choosing && mayOperate && (
					<LinkCard
						choosing={choosing}
						others={others}
						channel={failure.channel}
						filters={filters}
						busyWith={busy ? String(fetcher.formData?.get("item") ?? "") : null}
						onLink={(item) => send({ intent: "link", listing: String(choosing.listing.id), item: String(item), press })}
					/>
				)}
				<InlineGrid columns={{ xs: 1, lg: ["twoThirds", "oneThird"] }} gap="400" alignItems="start">
					<BlockStack gap="400">
						<FactsCard failure={failure} />
						<TriesCard failure={failure} />
					</BlockStack>
					{failure.payload && <KeptCard failure={failure} payload={failure.payload} />}
				</InlineGrid>
			</BlockStack>
		</AppPage>
	);
}

function FactsCard({ failure }: { failure: FailedDetail }) {
	const { figures, decided } = failure;
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					{sideWords(failure.side)}
				</Text>
				<dl className="figure-list">
					<dt>The channel said</dt>
					<dd>{failure.error}</dd>
					{figures && (
						<>
							<dt>Should show now</dt>
							<dd data-testid="now">{figures.now === null ? "not known yet" : number(figures.now)}</dd>
							<dt>The channel shows</dt>
							<dd data-testid="shows">{figures.shows === null ? "not known" : number(figures.shows)}</dd>
						</>
					)}
					<dt>First failed</dt>
					<dd>
						<Moment at={failure.firstAt} />
					</dd>
					<dt>Last tried</dt>
					<dd>
						<Moment at={failure.lastAt} />
					</dd>
					<dt>Tries</dt>
					<dd>{number(failure.attempts)}</dd>
					{decided && (
						<>
							<dt>Last decided</dt>
							<dd>
								{decided.who}, <Moment at={decided.at} />
								{decided.reason && `: ${decided.reason}`}
							</dd>
						</>
					)}
				</dl>
			</BlockStack>
		</Card>
	);
}

/** For whoever asks the channel's support, or ours. */
const KeptCard = ({ failure, payload }: { failure: FailedDetail; payload: string }) => (
	<Card>
		<BlockStack gap="300">
			<Text as="h2" variant="headingSm">
				For support
			</Text>
			<Text as="p" variant="bodySm" tone="subdued">
				What was sent or received, without anything personal. Our number of it: {failure.correlationId}
			</Text>
			<Box background="bg-surface-secondary" borderRadius="200" padding="300">
				{/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1) */}
				<section className="kept" tabIndex={0} aria-label="What was sent or received">
					{payload}
				</section>
			</Box>
		</BlockStack>
	</Card>
);

export const ErrorBoundary = () => <PageError title="Failed update" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
