import { data, type HeadersFunction, type LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { BlockStack, Card, InlineStack, Link, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import type { DifferencePage } from "#app/pages/checks/checks.ts";
import { readDifference } from "#app/pages/checks/read-checks.ts";
import { AppPage } from "../../components/app-page.tsx";
import { CAUSE_WORDS, DifferenceBadge, sayCause } from "../../components/check-words.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { Moment } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

const idOf = (text: string | undefined): number | null => {
	const id = Number(text);
	return Number.isSafeInteger(id) && id > 0 ? id : null;
};

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = idOf(params.id);
	const difference = id === null ? null : await readDifference(database(), shopId, id);
	// Another shop's and none at all are the same answer.
	if (!difference) throw data(null, { status: 404 });
	return { difference };
}

export default function DifferenceDetails() {
	const { difference } = useLoaderData<typeof loader>();
	useFresh({ paused: difference.settledAt !== null });
	return (
		<AppPage
			title={difference.title || difference.sku || "A product"}
			subtitle={difference.place ? `${difference.channel}, ${difference.place}` : difference.channel}
			badge={<DifferenceBadge state={difference.state} />}
			back={{ content: "Checks", url: "/app/checks" }}
		>
			<BlockStack gap="400">
				<FiguresCard difference={difference} />
				<WhyCard difference={difference} />
			</BlockStack>
		</AppPage>
	);
}

function FiguresCard({ difference }: { difference: DifferencePage }) {
	const { kind, sku, expected, found, foundAt, settledAt, figure, isHome, times, byUpdate, state } = difference;
	return (
		<Card>
			<dl className="figure-list" data-testid="difference">
				<dt>SKU</dt>
				<dd>{sku || "None"}</dd>
				{kind !== "item" && (
					<>
						<dt>{isHome ? "Lockstep held" : "Should have shown"}</dt>
						<dd>{expected === null ? "Nothing" : number(expected)}</dd>
						<dt>{isHome ? "Shopify said" : "Showed"}</dt>
						<dd>{found === null ? "Not found there" : number(found)}</dd>
					</>
				)}
				<dt>Found</dt>
				<dd>
					<Moment at={foundAt} />
					{byUpdate && ", when an update was about to be sent"}
					{times > 1 && `, and by ${plural(times - 1, "later check")}`}
				</dd>
				{settledAt && (
					<>
						<dt>{state === "mended" ? "Corrected" : "Explained"}</dt>
						<dd>
							<Moment at={settledAt} />
							{figure !== null && `, to ${number(figure)}`}
						</dd>
					</>
				)}
			</dl>
		</Card>
	);
}

function WhyCard({ difference }: { difference: DifferencePage }) {
	const { cause, state, itemId, channelId, failureId, runId, listingId, kind, expected, byUpdate } = difference;
	const words = CAUSE_WORDS[cause];
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					{sayCause(difference)}
				</Text>
				<Text as="p" breakWord>
					{sayWhy(difference) ?? words.means}
				</Text>
				{words.todo && state !== "explained" && (
					<Text as="p" tone="subdued">
						{words.todo}
					</Text>
				)}
				<InlineStack gap="400">
					{itemId !== null && !(kind === "listing" && expected === null) && (
						<Link url={`/app/items/${itemId}`}>Why is it so many? The product's story</Link>
					)}
					{cause === "rejected" && failureId !== null && <Link url={`/app/failed-updates/${failureId}`}>See the failed update</Link>}
					{cause === "unmapped" && listingId !== null && (
						<Link url={`/app/channels/${channelId}/matching/${listingId}`}>Choose its product</Link>
					)}
					<Link url={`/app/checks/${runId}`}>{byUpdate ? "The check after it" : "The check that found it"}</Link>
				</InlineStack>
			</BlockStack>
		</Card>
	);
}

/** What is said of this one beside its cause's own words; null: nothing. */
function sayWhy({ cause, state, kind, isHome, expected, found, channel }: DifferencePage): string | null {
	if (state === "waiting" && cause === "unknown") {
		return found !== null && expected !== null && found < expected
			? "It shows fewer than it should. Sales whose orders are still on their way would explain it: they are waited for before anything is written over them."
			: "It is being read once more by itself, so that nothing is written over a sale.";
	}
	if (kind === "item")
		return `Only ${state === "waiting" ? "one of Shopify and Lockstep" : "one side"} knew this product: a message of Shopify's never came. It was asked for by itself.`;
	if (isHome && state === "waiting") return "The change waits to be counted, or for somebody's approval if many products changed at once.";
	if (isHome) return "It was changed in Shopify, and Shopify's message of it never came. Shopify's figure counts.";
	if (cause === "unknown" && state === "explained")
		return `Read by itself, ${channel} showed what it should: the list was older than a change.`;
	if (cause === "late" && state === "explained")
		return "It was sold there, and the order came after the check. Nothing had to be corrected.";
	return null;
}

export const ErrorBoundary = () => <PageError title="Difference" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
