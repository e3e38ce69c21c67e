import { type ActionFunctionArgs, data, type HeadersFunction, type LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Badge, BlockStack, Box, Card, Link, ProgressBar, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { type RunPage, readRun } from "#app/pages/failed/read-run.ts";
import { decideReplay } from "#app/replay/index.ts";
import { AppPage } from "../../components/app-page.tsx";
import { failureWords } from "../../components/failure-words.ts";
import { PageError } from "../../components/route-error.tsx";
import { endedOf, RUN_STATES, sayRun } from "../../components/run-words.ts";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { Moment } from "../../components/when.tsx";
import { plural } from "../../components/words.ts";

const idOf = (text: string | undefined): number | null => {
	const id = Number(text);
	return Number.isSafeInteger(id) && id > 0 ? id : null;
};

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = idOf(params.run);
	const run = id === null ? null : await readRun(database(), shopId, id);
	// Another shop's and none at all are the same answer.
	if (!run) throw data(null, { status: 404 });
	return { run };
}

const asked = z.object({ intent: z.enum(["pause", "resume", "cancel"]) });

const DECIDED = {
	pause: "Paused. What has begun comes to its end.",
	resume: "It goes on",
	cancel: "Cancelled. What has begun comes to its end, the rest stays in the list.",
} as const;

/** Each word changes only a run that is not over: a second press finds it as the first left it. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const runId = idOf(params.run);
		if (runId === null || !(await readRun(database(), shopId, runId))) throw data(null, { status: 404 });
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const decided = await decideReplay(deps(), shopId, { runId, word: read.data.intent, actor });
		return decided === "over"
			? { ok: false, message: "It is over already. Nothing was changed." }
			: { ok: true, message: DECIDED[read.data.intent] };
	});

/** A person watches it. */
const FRESH_MS = 2_000;

export default function RunDetails() {
	const { run } = useLoaderData<typeof loader>();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	useSaid(fetcher);
	const busy = fetcher.state !== "idle";
	useFresh({ paused: run.doneAt !== null || busy, everyMs: FRESH_MS });
	const { label, tone } = RUN_STATES[run.state];
	const button = (intent: string, words: string) => (
		<button type="button" disabled={busy} onClick={() => fetcher.submit({ intent }, { method: "post" })}>
			{words}
		</button>
	);
	return (
		<AppPage
			title={run.name}
			subtitle={`${run.who}: ${run.reason}`}
			badge={<Badge {...(tone ? { tone } : {})}>{label}</Badge>}
			back={{ content: "Failed updates", url: "/app/failed-updates" }}
			actions={
				mayOperate && run.doneAt === null && run.state !== "cancelling" ? (
					<>
						{run.state === "running" ? button("pause", "Pause") : button("resume", "Resume")}
						{button("cancel", "Cancel the rest")}
					</>
				) : null
			}
		>
			<BlockStack gap="400">
				<ProgressCard run={run} />
				<EndedCard run={run} />
			</BlockStack>
		</AppPage>
	);
}

function ProgressCard({ run }: { run: RunPage }) {
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="p" id="run-progress">
					<span data-testid="run-progress">{sayRun(run)}.</span>
				</Text>
				<ProgressBar
					progress={Math.round((100 * endedOf(run)) / Math.max(1, run.total))}
					size="small"
					animated={false}
					ariaLabelledBy="run-progress"
				/>
				<dl className="figure-list">
					<dt>Begun</dt>
					<dd>
						<Moment at={run.askedAt} />
					</dd>
					{run.doneAt && (
						<>
							<dt>Over</dt>
							<dd>
								<Moment at={run.doneAt} />
							</dd>
						</>
					)}
				</dl>
				{run.doneAt === null && (
					<Text as="p" variant="bodySm" tone="subdued">
						{run.state === "paused"
							? "Nothing more is begun until you resume it."
							: "A few at a time, so that sales never wait for it. You can close this page."}
					</Text>
				)}
			</BlockStack>
		</Card>
	);
}

/** Those that a person may have to look at; the others need nobody. */
function EndedCard({ run }: { run: RunPage }) {
	if (run.ended.length === 0) return null;
	const hidden = run.failed + run.leftAlone - run.ended.length;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					Not succeeded
				</Text>
			</Box>
			<ul className="rows" data-testid="run-ended">
				{run.ended.map((line) => (
					<li key={line.n} className="row row-sale">
						<BlockStack gap="050">
							<Text as="p" breakWord>
								{line.letterId === null ? (
									"A message"
								) : (
									<Link url={`/app/failed-updates/${line.letterId}`}>{line.sku || failureWords(line.errorClass).label}</Link>
								)}
							</Text>
							<Text as="p" variant="bodySm" tone="subdued" breakWord>
								{line.channel}
								{line.error && `: ${line.error}`}
							</Text>
						</BlockStack>
						<Badge {...(line.state === "failed" ? { tone: "warning" as const } : {})}>
							{line.state === "failed" ? "Failed again" : "Left as it is"}
						</Badge>
					</li>
				))}
			</ul>
			{hidden > 0 && (
				<Box padding="400" paddingBlockStart="200">
					<Text as="p" variant="bodySm" tone="subdued">
						And {plural(hidden, "other")}, in the list of failed updates.
					</Text>
				</Box>
			)}
		</Card>
	);
}

export const ErrorBoundary = () => <PageError title="Try again" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
