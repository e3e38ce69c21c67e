import type { HeadersFunction, LinksFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { BlockStack, InlineGrid, Page } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { authenticateAdmin } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { readLagHours, readOverview } from "#app/overview/index.ts";
import styles from "../../components/channels.css?url";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useLive } from "../../components/use-live.ts";
import { ChannelsCard } from "./channels-card.tsx";
import { FigureCards } from "./figure-cards.tsx";
import { GuideCard } from "./guide-card.tsx";
import { LagCard } from "./lag-card.tsx";
import { NeedsYouCard } from "./needs-you-card.tsx";
import { SalesCard } from "./sales-card.tsx";
import { VerdictCard } from "./verdict-card.tsx";

/** The hours' bars move slowly; everything else on the page is asked for by itself. */
const HOURS_EVERY_MS = 60_000;

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await authenticateAdmin(request);
	const [overview, lag] = await Promise.all([readOverview(database(), shopId), readLagHours(database(), shopId)]);
	return { overview, lag };
}

/** "Is everything in step?", answered at the top; what it is made of, below. */
export default function OverviewPage() {
	const loaded = useLoaderData<typeof loader>();
	const { data: overview, connected } = useLive("/app/live/overview", loaded.overview);
	useFresh({ paused: false, everyMs: HOURS_EVERY_MS });
	const selling = overview.firstImport.state === "done" && overview.channels.some((channel) => !channel.isHome);
	return (
		<Page>
			<ui-title-bar title="Overview" />
			<BlockStack gap="400">
				<VerdictCard overview={overview} connected={connected} />
				{selling && <FigureCards overview={overview} />}
				<NeedsYouCard overview={overview} />
				<GuideCard overview={overview} />
				<InlineGrid columns={{ xs: 1, lg: selling ? ["twoThirds", "oneThird"] : 1 }} gap="400" alignItems="start">
					<BlockStack gap="400">
						<ChannelsCard overview={overview} />
						{selling && <LagCard lag={loaded.lag} channels={overview.channels} />}
					</BlockStack>
					{selling && <SalesCard overview={overview} />}
				</InlineGrid>
			</BlockStack>
		</Page>
	);
}

export const ErrorBoundary = () => <PageError title="Overview" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
