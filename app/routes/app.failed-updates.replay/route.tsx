import { randomUUID } from "node:crypto";
import { type ActionFunctionArgs, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData, useSearchParams } from "@remix-run/react";
import { Banner, BlockStack, Button, Card, FormLayout, InlineStack, Text, TextField } from "@shopify/polaris";
import { CheckCircleIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { readChosen } from "#app/pages/failed/read-chosen.ts";
import { readShopMap } from "#app/pages/shop/read-channels.ts";
import { askForReplay, previewReplay, type ReplayPreview, runReplays } from "#app/replay/index.ts";
import { AppPage } from "../../components/app-page.tsx";
import { Empty } from "../../components/empty.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useSaid } from "../../components/use-said.ts";
import { listed, number, plural } from "../../components/words.ts";
import { SampleCard } from "./sample-card.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "operate");
	const { channels } = await readShopMap(database(), shopId);
	const preview = await previewReplay(deps(), shopId, readChosen(new URL(request.url).searchParams));
	return { preview, channels: channels.map(({ id, name }) => ({ id, name })), press: randomUUID() };
}

const asked = z.object({
	name: z.string().trim().min(1).max(100),
	reason: z.string().trim().min(1).max(500),
	press: z.string().min(1).max(60),
});

/** What the address means is frozen here. Pressed twice, it is one run: the press has a name of its own. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Said | Response> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "Give it a name and say why, please. Nothing was changed." };
		const { press, ...wish } = read.data;
		const begun = await askForReplay(deps(), shopId, readChosen(new URL(request.url).searchParams), {
			...wish,
			actor,
			press: `page-${press}`,
		});
		if (begun.outcome === "nothing") return { ok: false, message: "They were settled already. Nothing was changed." };
		// The first few begin at once: whoever tries one again need not wait for a worker.
		await runReplays(deps(), shopId);
		return redirect(`/app/failed-updates/runs/${begun.runId}`);
	});

const LIST = "/app/failed-updates";

export default function ReplayPage() {
	const { preview, channels, press: fresh } = useLoaderData<typeof loader>();
	const [search] = useSearchParams();
	const fetcher = useFetcher<Said>();
	// The page's data is read again after a press; the press stays the one that this page was opened with.
	const [press] = useState(fresh);
	const [name, setName] = useState(`Try ${plural(preview.failures, "failure")} again`);
	const [reason, setReason] = useState("");
	useSaid(fetcher);
	const back = { content: "Failed updates", url: `${LIST}${listQuery(search)}` };
	const nameOf = (id: number) => channels.find((channel) => channel.id === id)?.name ?? "a former channel";
	if (preview.failures === 0) {
		return (
			<AppPage title="Try again" back={back}>
				<Card>
					<Empty icon={CheckCircleIcon} heading="Nothing to try again" action={{ content: "Failed updates", url: LIST }}>
						They were settled already.
					</Empty>
				</Card>
			</AppPage>
		);
	}
	const canTry = preview.updates + preview.messages > 0;
	return (
		<AppPage title="Try again" back={back} subtitle={`${number(preview.failures)}${preview.more ? "+" : ""} failures as they stand now`}>
			<BlockStack gap="400">
				<Card>
					<BlockStack gap="300">
						<Text as="h2" variant="headingSm">
							What happens
						</Text>
						<Text as="p">
							<span data-testid="replay-preview">{sayPreview(preview, nameOf)}</span>
						</Text>
						<Text as="p" tone="subdued">
							Each product gets today's figure, not the one that failed, and an order counts once. It goes slowly, a few at a time, so that
							sales never wait for it; you can pause it or end it.
						</Text>
						{preview.cannot > 0 && (
							<Banner tone="warning">
								<p>
									{plural(preview.cannot, "failure")} cannot be tried again and {preview.cannot === 1 ? "stays" : "stay"} in the list: open{" "}
									{preview.cannot === 1 ? "it" : "them"} to see why.
								</p>
							</Banner>
						)}
					</BlockStack>
				</Card>
				<SampleCard sample={preview.sample} failures={preview.failures} nameOf={nameOf} />
				<Card>
					<BlockStack gap="300">
						<FormLayout>
							<TextField label="Name" value={name} onChange={setName} autoComplete="off" maxLength={100} />
							<TextField
								label="Why?"
								value={reason}
								onChange={setReason}
								autoComplete="off"
								maxLength={500}
								placeholder="Mended at the store"
								helpText="Whoever looks at it in a month finds this beside it."
							/>
						</FormLayout>
						<InlineStack gap="200">
							<Button
								variant="primary"
								disabled={!canTry || name.trim() === "" || reason.trim() === ""}
								loading={fetcher.state !== "idle"}
								onClick={() => fetcher.submit({ name, reason, press }, { method: "post", action: `/app/failed-updates/replay?${search}` })}
							>
								{`Try ${plural(preview.failures - preview.cannot, "failure")} again`}
							</Button>
							<Button url={back.url}>Back</Button>
						</InlineStack>
					</BlockStack>
				</Card>
			</BlockStack>
		</AppPage>
	);
}

function sayPreview({ updates, messages, channels }: ReplayPreview, nameOf: (id: number) => string): string {
	const parts = channels.map((channel) => `at most ${plural(channel.updates, "update")} to ${nameOf(channel.connectionId)}`);
	if (messages > 0) parts.push(`${plural(messages, "message")} counted anew`);
	return updates + messages === 0 ? "None of them can be tried again." : `${listed(parts)}.`.replace(/^a/, "A");
}

/** The list with the filters it had. */
function listQuery(search: URLSearchParams): string {
	const query = new URLSearchParams([...search].filter(([name]) => name !== "id" && name !== "through"));
	return query.size > 0 ? `?${query}` : "";
}

export const ErrorBoundary = () => <PageError title="Try again" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
