import type { HeadersFunction, LinksFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { Banner, BlockStack, Box, Button, Card, InlineStack, Text } from "@shopify/polaris";
import { ViewIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readChannelName } from "#app/pages/channels/read-name.ts";
import { readWatch } from "#app/pages/channels/read-watch.ts";
import { AppPage } from "../../components/app-page.tsx";
import styles from "../../components/channels.css?url";
import { Empty } from "../../components/empty.tsx";
import { Figure } from "../../components/figure.tsx";
import { OtherWriterBanner } from "../../components/other-writer.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { Moment } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = channelIdOf(params.id);
	const named = id === null ? null : await readChannelName(database(), shopId, id);
	if (id === null || !named) throw notThere();
	return { id, ...named, watch: await readWatch(database(), shopId, id) };
}

/** What Lockstep saw and would have done while it only watched. */
export default function WatchRoute() {
	const { id, name, state, watch } = useLoaderData<typeof loader>();
	useFresh({ paused: false });
	const base = `/app/channels/${id}`;
	const { prediction } = watch;
	const changedElsewhere = prediction.raisedElsewhere + prediction.loweredElsewhere;
	return (
		<AppPage title="What Lockstep saw" back={{ content: name, url: base }} subtitle={name}>
			{watch.since === null ? (
				<Card>
					<Empty icon={ViewIcon} heading="Watching has not begun" action={{ content: `Go on with ${name}`, url: base }}>
						From then on Lockstep computes what it would send, and sends nothing.
					</Empty>
				</Card>
			) : (
				<BlockStack gap="400">
					<Banner
						tone="info"
						title={state === "watching" ? `Lockstep changed nothing on ${name}` : `What was seen before ${name} went live`}
					>
						<p>
							Since <Moment at={watch.since} />
							{state === "watching"
								? " its orders are counted and lower your stock in Shopify. What follows is what Lockstep would have done on the channel itself."
								: " its orders are counted. What was only computed, and not sent, stands below."}
						</p>
					</Banner>
					{watch.otherWriter && <OtherWriterBanner writer={watch.otherWriter} />}
					<Card>
						<div className="big-figures">
							<Figure
								testId="watch-orders"
								level="h2"
								label="Orders counted"
								value={number(watch.orders)}
								note={plural(watch.units, "unit")}
							/>
							<Figure
								testId="watch-updates"
								level="h2"
								label="Updates not sent"
								value={number(watch.updates)}
								note={`to ${plural(watch.listings, "listing")}`}
							/>
							<Figure
								testId="watch-would-change"
								level="h2"
								label="Would change now"
								value={number(watch.wouldChangeNow)}
								note={plural(watch.wouldChangeNow, "listing")}
							/>
							<Figure
								testId="watch-prevented"
								level="h2"
								label="Oversells prevented"
								value={number(watch.prevented.length)}
								note={watch.prevented.length > 0 ? "see below" : "none so far"}
							/>
						</div>
					</Card>
					<Card>
						<BlockStack gap="200">
							<Text as="h2" variant="headingSm">
								How well it was predicted
							</Text>
							<Text as="p">
								<span data-testid="prediction">
									{prediction.compared === 0
										? "No figure has been read yet."
										: `${number(prediction.met)} of ${plural(prediction.compared, "listing")} showed, when last read, exactly what Lockstep expected from the orders.`}
								</span>
							</Text>
							<Text as="p" tone="subdued">
								{prediction.unexplained > 0
									? `${plural(prediction.unexplained, "listing")} showed something else: a sale whose order has not arrived yet, or somebody who edits the stock there. `
									: ""}
								{changedElsewhere > 0
									? `Since watching began, a figure was changed there ${plural(changedElsewhere, "time")} by somebody or something else (${number(prediction.raisedElsewhere)} raised, ${number(prediction.loweredElsewhere)} lowered without an order).${watch.otherWriter ? "" : ` If another app writes stock to ${name}, switch that off before you go live.`}`
									: `Nobody else changed a figure on ${name}.`}
							</Text>
						</BlockStack>
					</Card>
					{watch.prevented.length > 0 && (
						<Card padding="0">
							<div className="card-head">
								<Text as="h2" variant="headingSm">
									Oversells that would not have happened
								</Text>
							</div>
							<ul className="rows" data-testid="prevented">
								{watch.prevented.map((one) => (
									<li key={one.id} className="row row-sale">
										<BlockStack gap="050">
											<Text as="p" fontWeight="medium">
												{one.title || one.sku}
											</Text>
											<Text as="p" variant="bodySm" tone="subdued">
												{one.title && one.sku ? `${one.sku} · ` : ""}
												{one.order} took {plural(one.units, "unit")} when {name} would have shown {number(one.wouldHaveShown)}
											</Text>
										</BlockStack>
										<Moment at={one.at} />
									</li>
								))}
							</ul>
						</Card>
					)}
					<Card padding="0">
						<div className="card-head">
							<InlineStack align="space-between">
								<Text as="h2" variant="headingSm">
									Newest updates that were not sent
								</Text>
								{state !== "live" && (
									<Button variant="plain" url={`${base}/go-live`}>
										Dry run
									</Button>
								)}
							</InlineStack>
						</div>
						{watch.newest.length === 0 ? (
							<Box padding="400" paddingBlockStart="0">
								<Text as="p" tone="subdued">
									{watch.wouldChangeNow > 0 && state === "watching"
										? "Nothing has been computed yet: its figures are being read."
										: "Nothing would have had to be sent: every figure was right."}
								</Text>
							</Box>
						) : (
							<ul className="rows" data-testid="updates">
								{watch.newest.map((update) => (
									<li key={update.id} className="row row-sale">
										<BlockStack gap="050">
											<Text as="p" fontWeight="medium">
												{update.title || update.sku}
											</Text>
											<Text as="p" variant="bodySm" tone="subdued">
												{update.sku} · <Moment at={update.at} />
											</Text>
										</BlockStack>
										<Text as="p" numeric>
											to {number(update.quantity)}
										</Text>
									</li>
								))}
							</ul>
						)}
					</Card>
				</BlockStack>
			)}
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="What Lockstep saw" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
