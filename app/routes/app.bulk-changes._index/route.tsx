import type { HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData, useNavigate } from "@remix-run/react";
import { Badge, BlockStack, Button, Card, InlineStack, Link, ProgressBar, Text } from "@shopify/polaris";
import { EditIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import type { BulkView } from "#app/pages/bulk/bulk.ts";
import { readBulks } from "#app/pages/bulk/read-bulk.ts";
import { AppPage } from "../../components/app-page.tsx";
import { bulkBadge, bulkTitle, partDone, sayBulk } from "../../components/bulk-words.ts";
import { Empty } from "../../components/empty.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useAllowed } from "../../components/use-right.ts";
import { useWorking } from "../../components/use-working.ts";
import { Moment } from "../../components/when.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const before = Number(new URL(request.url).searchParams.get("before"));
	return { sets: await readBulks(database(), shopId, { before: Number.isSafeInteger(before) && before > 0 ? before : null }) };
}

/** A page of the list; older ones are asked for by the last one's number. */
const PAGE_ROWS = 50;

export default function BulkChanges() {
	const { sets } = useLoaderData<typeof loader>();
	const mayOperate = useAllowed("operate");
	const navigate = useNavigate();
	useWorking(sets.some(({ state }) => state === "reading" || state === "running" || state === "cancelling"));
	const last = sets.at(-1);
	return (
		<AppPage
			title="Bulk changes"
			actions={
				mayOperate ? (
					<button type="button" variant="primary" onClick={() => navigate("/app/bulk-changes/new")}>
						New bulk change
					</button>
				) : null
			}
		>
			{last ? (
				<BlockStack gap="400">
					<Card padding="0">
						<ul className="rows" data-testid="bulk-sets">
							{sets.map((set) => (
								<OneSet key={set.id} set={set} />
							))}
						</ul>
					</Card>
					{sets.length === PAGE_ROWS && (
						<InlineStack align="center">
							<Button url={`/app/bulk-changes?before=${last.id}`}>Older ones</Button>
						</InlineStack>
					)}
				</BlockStack>
			) : (
				<Card>
					<Empty
						icon={EditIcon}
						heading="Nothing has been changed in bulk yet"
						{...(mayOperate ? { action: { content: "New bulk change", url: "/app/bulk-changes/new" } } : {})}
					>
						Bring a file with quantities, rules or links, or look whether a channel has orders that are missing here. You see what it would
						change before anything is done.
					</Empty>
				</Card>
			)}
		</AppPage>
	);
}

function OneSet({ set }: { set: BulkView }) {
	const { label, ...tone } = bulkBadge(set);
	const isUnderWay = set.state === "running" || set.state === "paused" || set.state === "cancelling";
	return (
		<li className="row row-sale">
			<BlockStack gap="100">
				<Text as="p" breakWord>
					<Link url={`/app/bulk-changes/${set.id}`} monochrome>
						{bulkTitle(set)}
					</Link>
				</Text>
				<Text as="p" variant="bodySm" tone="subdued" breakWord>
					{sayBulk(set)} · {set.who}, <Moment at={set.askedAt} />
				</Text>
				{isUnderWay && set.total > 0 && (
					<ProgressBar progress={partDone(set)} size="small" animated={false} ariaLabelledBy={`bulk-state-${set.id}`} />
				)}
			</BlockStack>
			<span id={`bulk-state-${set.id}`}>
				<Badge {...tone}>{label}</Badge>
			</span>
		</li>
	);
}

export const ErrorBoundary = () => <PageError title="Bulk changes" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
