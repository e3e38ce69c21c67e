import { data, type HeadersFunction, type LinksFunction, type LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { Banner, BlockStack, Box, Card, Link, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import { readTotalsCheck, type TotalsDifference } from "#reconcile";
import { AppPage } from "../../components/app-page.tsx";
import styles from "../../components/channels.css?url";
import { PageError } from "../../components/route-error.tsx";
import { lastDayOf, TotalsFigures } from "../../components/totals-figures.tsx";
import { DayUtc } from "../../components/when.tsx";
import { number } from "../../components/words.ts";

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = Number(params.id);
	const found = Number.isSafeInteger(id) && id > 0 ? await readTotalsCheck(database(), shopId, id) : null;
	// Another shop's and none at all are the same answer.
	if (!found) throw data(null, { status: 404 });
	const name = (await readNames(database(), shopId)).get(found.check.connectionId) ?? "";
	return { ...found, name };
}

/** One week of one channel: the sums, and the orders that make the difference. */
export default function TotalsPage() {
	const { check, differences, name } = useLoaderData<typeof loader>();
	return (
		<AppPage title={`Totals of ${name}`} back={{ content: "Checks", url: "/app/checks" }}>
			<BlockStack gap="400">
				{check.state === "failed" && (
					<Banner tone="warning" title={`${name} could not be read to the end`}>
						<p>{check.error} It is tried again tonight; nothing is said of this week before.</p>
					</Banner>
				)}
				<Card padding="0">
					<div className="card-head">
						<Text as="h2" variant="headingSm">
							Orders placed from <DayUtc at={check.from} /> to <DayUtc at={lastDayOf(check)} />
						</Text>
					</div>
					<TotalsFigures check={check} name={name} />
				</Card>
				<Card padding="0">
					<Box padding="400" paddingBlockEnd="200">
						<BlockStack gap="050">
							<Text as="h2" variant="headingSm">
								Where they differ
							</Text>
							<Text as="p" tone="subdued">
								Each of these has been read from {name} again since. If the next night's totals agree, there is nothing left to do.
							</Text>
						</BlockStack>
					</Box>
					{differences.length === 0 ? (
						<Box padding="400" paddingBlockStart="200">
							<Text as="p">Every order is the same on both sides.</Text>
						</Box>
					) : (
						<ul className="rows" data-testid="totals-differences">
							{differences.map((difference) => (
								<li key={`${difference.orderId} ${difference.kind}`} className="row row-sale">
									<BlockStack gap="050">
										<Text as="p" fontWeight="medium">
											{difference.kind === "missing-here" ? (
												difference.name || difference.orderId
											) : (
												<Link monochrome url={`/app/orders/${check.connectionId}/${encodeURIComponent(difference.orderId)}`}>
													{difference.name || difference.orderId}
												</Link>
											)}
										</Text>
										<Text as="p" variant="bodySm" tone="subdued">
											{sayDifference(difference, name)}
										</Text>
									</BlockStack>
								</li>
							))}
						</ul>
					)}
				</Card>
			</BlockStack>
		</AppPage>
	);
}

function sayDifference({ kind, there, here }: TotalsDifference, name: string): string {
	switch (kind) {
		case "missing-here":
			return `${name} has it and Lockstep did not.`;
		case "missing-there":
			return `Lockstep has it and ${name} does not list it any more: most often it was deleted there.`;
		case "units":
			return `${number(Number(there))} units on ${name}, ${number(Number(here))} in Lockstep.`;
		case "total":
			return `It comes to ${there === null ? "nothing" : Number(there)} on ${name} and to ${here === null ? "nothing" : Number(here)} in Lockstep.`;
	}
}

export const ErrorBoundary = () => <PageError title="Totals" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
