import { type ActionFunctionArgs, data, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Badge, Banner, BlockStack } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { type Confirmed, confirmBulk, decideBulk, lookAgain, putAway, readBulk, rollBackBulk } from "#app/backfill/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { bulkIdOf } from "#app/pages/bulk/bulk-id.ts";
import { readBulkPage } from "#app/pages/bulk/read-bulk.ts";
import { AppPage } from "../../components/app-page.tsx";
import { bulkBadge, bulkTitle } from "../../components/bulk-words.ts";
import { PageError } from "../../components/route-error.tsx";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useWorking } from "../../components/use-working.ts";
import { plural } from "../../components/words.ts";
import { LinesCard } from "./lines-card.tsx";
import { OrdersCard } from "./orders-card.tsx";
import { ProblemsCard } from "./problems-card.tsx";
import { ProgressCard } from "./progress-card.tsx";
import { ReadyCard } from "./ready-card.tsx";
import { RefusedBanner } from "./refused-banner.tsx";
import { ResultCard } from "./result-card.tsx";

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId, right } = await requireRight(request, "look");
	const id = bulkIdOf(params.id);
	const set = id === null ? null : await readBulkPage(database(), shopId, { changeId: id, right });
	// Another shop's and none at all are the same answer.
	if (!set) throw data(null, { status: 404 });
	return { set };
}

const asked = z.object({
	intent: z.enum(["confirm", "put-away", "pause", "resume", "cancel", "roll-back", "look-again"]),
	leaveOut: z.enum(["yes", "no"]).default("no"),
});

const DECIDED = {
	pause: "Paused. What is on its way comes to its end.",
	resume: "It goes on",
	cancel: "Cancelled. What is done stays, and can be rolled back.",
} as const;

/** Each word changes only a set that stands so that it can: a second press finds it as the first left it. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said | Response> => {
		const { shopId, userId: actor, right } = await requireRight(request, "operate");
		const changeId = bulkIdOf(params.id);
		if (changeId === null || !(await readBulk(database(), shopId, changeId))) throw data(null, { status: 404 });
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const { intent, leaveOut } = read.data;
		switch (intent) {
			case "confirm":
				return sayConfirmed(await confirmBulk(deps(), shopId, { changeId, leaveOut: leaveOut === "yes", actor, right }));
			case "put-away":
				return (await putAway(deps(), shopId, changeId)) ? redirect("/app/bulk-changes") : OVER;
			case "look-again":
				return (await lookAgain(deps(), shopId, changeId)) ? { ok: true, message: "" } : OVER;
			case "roll-back": {
				const undone = await rollBackBulk(deps(), shopId, { changeId, actor });
				if (undone.outcome === "ending") return { ok: true, message: "What is on its way comes to its end, then all of it is taken back." };
				if (undone.outcome === "busy") return BUSY;
				if (undone.outcome === "nothing") return { ok: false, message: "Nothing of it stands as it was left. Nothing was changed." };
				return redirect(`/app/bulk-changes/${undone.changeId}`);
			}
			case "pause":
			case "resume":
			case "cancel": {
				const decided = await decideBulk(deps(), shopId, { changeId, word: intent, actor });
				return decided === "over" ? OVER : { ok: true, message: DECIDED[intent] };
			}
		}
	});

const OVER: Said = { ok: false, message: "It is not so any more. Nothing was changed." };
const BUSY: Said = { ok: false, message: "Another bulk change is under way. Please wait until it is done." };

function sayConfirmed(confirmed: Confirmed): Said {
	switch (confirmed.outcome) {
		case "confirmed":
			return { ok: true, message: "" };
		case "busy":
			return BUSY;
		case "nothing":
			return { ok: false, message: "It would change nothing." };
		case "has-problems":
			return { ok: false, message: `${plural(confirmed.problems, "line")} with something wrong: say that they are left out.` };
		case "refused":
			return { ok: false, message: confirmed.reason };
		case "over":
			return OVER;
	}
}

export default function BulkChange() {
	const { set } = useLoaderData<typeof loader>();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	useSaid(fetcher);
	const busy = fetcher.state !== "idle";
	const { state } = set;
	const isBeingUndone = set.undoneBy !== null && set.undoneAt === null;
	useWorking(!busy && (isBeingUndone || state === "reading" || state === "running" || state === "cancelling"));
	const { label, ...tone } = bulkBadge(set);
	const press = (intent: string, fields: Record<string, string> = {}) => fetcher.submit({ intent, ...fields }, { method: "post" });
	const isUnderWay = state === "running" || state === "paused" || state === "cancelling";
	return (
		<AppPage
			title={bulkTitle(set)}
			subtitle={set.who}
			badge={<Badge {...tone}>{label}</Badge>}
			back={{ content: "Bulk changes", url: "/app/bulk-changes" }}
			actions={
				mayOperate && isUnderWay ? (
					<>
						{state !== "cancelling" && (
							<button type="button" disabled={busy} onClick={() => press(state === "running" ? "pause" : "resume")}>
								{state === "running" ? "Pause" : "Go on"}
							</button>
						)}
						{state !== "cancelling" && (
							<button type="button" disabled={busy} onClick={() => press("cancel")}>
								Cancel the rest
							</button>
						)}
						{set.canRollBack && (
							<button type="button" disabled={busy} onClick={() => press("roll-back")}>
								Roll back
							</button>
						)}
					</>
				) : null
			}
		>
			<BlockStack gap="400">
				{set.encoding === "windows-1252" && state !== "done" && (
					<Banner tone="warning" title="The file is not in UTF-8">
						<p>
							It was read as Windows-1252, the usual way of older spreadsheets. If letters with accents look wrong below, save it as “CSV
							UTF-8” and bring it again.
						</p>
					</Banner>
				)}
				{(state === "reading" || isUnderWay) && <ProgressCard set={set} />}
				{state === "refused" && (
					<RefusedBanner
						set={set}
						mayOperate={mayOperate}
						busy={busy}
						onLookAgain={() => press("look-again")}
						onPutAway={() => press("put-away")}
					/>
				)}
				{state === "ready" && (
					<ReadyCard
						set={set}
						mayOperate={mayOperate}
						busy={busy}
						onConfirm={(leaveOut) => press("confirm", { leaveOut: leaveOut ? "yes" : "no" })}
						onPutAway={() => press("put-away")}
						onLookAgain={() => press("look-again")}
					/>
				)}
				{(state === "done" || state === "cancelled") && (
					<ResultCard set={set} mayOperate={mayOperate} busy={busy} onRollBack={() => press("roll-back")} />
				)}
				{set.problemsShown.length > 0 && <ProblemsCard set={set} />}
				{(set.sample.length > 0 || set.problems > set.problemsShown.length) && <LinesCard set={set} />}
				{set.ordersShown.length > 0 && <OrdersCard set={set} />}
			</BlockStack>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Bulk change" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
