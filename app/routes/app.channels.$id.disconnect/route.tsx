import { type ActionFunctionArgs, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { BlockStack, Button, Card, Checkbox, InlineStack, List, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { disconnect } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readFormerFigures } from "#app/pages/channels/read-dry-run.ts";
import { readChannelName } from "#app/pages/channels/read-name.ts";
import { AppPage } from "../../components/app-page.tsx";
import { download } from "../../components/download.ts";
import { PageError } from "../../components/route-error.tsx";
import { useSaid } from "../../components/use-said.ts";
import { plural } from "../../components/words.ts";

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "approve");
	const id = channelIdOf(params.id);
	const named = id === null ? null : await readChannelName(database(), shopId, id);
	if (id === null || !named) throw notThere();
	return { id, name: named.name, former: (await readFormerFigures(database(), { shopId, connectionId: id })).length };
}

/** Twice, the second finds it disconnected and leads to the same page. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said | Response> => {
		const { shopId, userId } = await requireRight(request, "approve");
		const id = channelIdOf(params.id);
		if (id === null || !(await readChannelName(database(), shopId, id))) throw notThere();
		await disconnect(deps(), shopId, id, userId);
		return redirect("/app/channels");
	});

export default function DisconnectRoute() {
	const { id, name, former } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Said>();
	const [understood, setUnderstood] = useState(false);
	const [exporting, setExporting] = useState(false);
	useSaid(fetcher);
	const base = `/app/channels/${id}`;
	const exportCsv = async () => {
		setExporting(true);
		await download(`${base}/former`, "figures-before-lockstep.csv");
		setExporting(false);
	};
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
								No figure is sent to {name} any more. What it shows at this moment stays there, and goes down with its own sales only.
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
				<Card>
					<BlockStack gap="300" inlineAlign="start">
						<Text as="h2" variant="headingSm">
							Figures from before Lockstep
						</Text>
						<Text as="p">
							{former > 0
								? `For ${plural(former, "listing")} Lockstep has kept what ${name} showed before its first update. It does not write them back: sales since then would be offered again. Take them with you as a file while the channel is connected.`
								: `Lockstep has not changed any figure of ${name}, so there is nothing to go back to.`}
						</Text>
						{former > 0 && (
							<Button onClick={() => void exportCsv()} loading={exporting}>
								Export former figures
							</Button>
						)}
					</BlockStack>
				</Card>
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
								loading={fetcher.state !== "idle"}
								onClick={() => fetcher.submit({}, { method: "post" })}
							>
								{`Disconnect ${name}`}
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
