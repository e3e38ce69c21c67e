import { data, type HeadersFunction, type LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { BlockStack, Card, ProgressBar, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import type { CheckRun } from "#app/pages/checks/checks.ts";
import { readCheckRun } from "#app/pages/checks/read-checks.ts";
import { readDifferencesRequest } from "#app/pages/checks/read-differences.ts";
import { AppPage } from "../../components/app-page.tsx";
import { progressOf, RunBadge, sayRun } from "../../components/check-words.tsx";
import { Differences } from "../../components/difference-list.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { Moment } from "../../components/when.tsx";
import { number } from "../../components/words.ts";

const idOf = (text: string | undefined): number | null => {
	const id = Number(text);
	return Number.isSafeInteger(id) && id > 0 ? id : null;
};

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = idOf(params.run);
	const check = id === null ? null : await readCheckRun(database(), shopId, id, readDifferencesRequest(new URL(request.url).searchParams));
	// Another shop's and none at all are the same answer.
	if (!check) throw data(null, { status: 404 });
	return { check };
}

/** A person watches it. */
const BUSY_MS = 2_000;
const QUIET_MS = 10_000;

export default function CheckDetails() {
	const { check } = useLoaderData<typeof loader>();
	const { run } = check;
	const isMoving = run.endedAt === null || check.differences.rows.some(({ state }) => state === "waiting");
	useFresh({ paused: false, everyMs: isMoving ? BUSY_MS : QUIET_MS });
	return (
		<AppPage
			title={`Check of ${run.channel}`}
			subtitle={run.who === null ? "The regular check of every hour" : `${run.who} asked for it`}
			badge={<RunBadge run={run} />}
			back={{ content: "Checks", url: "/app/checks" }}
			fullWidth
		>
			<BlockStack gap="400">
				<ResultCard run={run} />
				<Differences list={check.differences} asOf={check.asOf} channels={[]} />
			</BlockStack>
		</AppPage>
	);
}

function ResultCard({ run }: { run: CheckRun }) {
	const things = run.isHome ? "Figures" : "Listings";
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="p" id="check-progress">
					<span data-testid="check-progress">{sayRun(run)}.</span>
				</Text>
				{run.state === "running" && (
					<ProgressBar progress={progressOf(run)} size="small" animated={false} ariaLabelledBy="check-progress" />
				)}
				<dl className="figure-list">
					<dt>Begun</dt>
					<dd>
						<Moment at={run.beganAt ?? run.askedAt} />
					</dd>
					{run.endedAt && (
						<>
							<dt>Over</dt>
							<dd>
								<Moment at={run.endedAt} />
							</dd>
						</>
					)}
					<dt>{things} compared</dt>
					<dd>{number(run.compared)}</dd>
					<dt>Differed, and a sale or an update on its way says why</dt>
					<dd>{number(run.explained)}</dd>
					<dt>Found to differ</dt>
					<dd>{number(run.found)}</dd>
					<dt>Corrected</dt>
					<dd>{number(run.mended)}</dd>
				</dl>
				{run.state === "running" && (
					<Text as="p" variant="bodySm" tone="subdued">
						Sales go first, so a large channel takes a while. You can close this page.
					</Text>
				)}
			</BlockStack>
		</Card>
	);
}

export const ErrorBoundary = () => <PageError title="Check" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
