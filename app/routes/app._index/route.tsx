import type { HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { BlockStack, InlineGrid, Page } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { authenticateAdmin } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { readOverview } from "#app/overview/index.ts";
import { PageError } from "../../components/route-error.tsx";
import { useLive } from "../../components/use-live.ts";
import { AttentionCard } from "./attention-card.tsx";
import { ChannelsCard } from "./channels-card.tsx";
import { FigureCards } from "./figure-cards.tsx";
import { SalesCard } from "./sales-card.tsx";
import { VerdictCard } from "./verdict-card.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await authenticateAdmin(request);
	return { overview: await readOverview(database(), shopId) };
}

/** "Is everything in step?", answered at the top; what it is made of, below. */
export default function OverviewPage() {
	const { data: overview, connected } = useLive("/app/live/overview", useLoaderData<typeof loader>().overview);
	const selling = overview.firstImport.state === "done" && overview.channels.some((channel) => !channel.isHome);
	return (
		<Page>
			<ui-title-bar title="Overview" />
			<BlockStack gap="400">
				<VerdictCard overview={overview} connected={connected} />
				{selling && <FigureCards overview={overview} />}
				<AttentionCard overview={overview} />
				<InlineGrid columns={{ xs: 1, lg: selling ? ["twoThirds", "oneThird"] : 1 }} gap="400" alignItems="start">
					<ChannelsCard overview={overview} />
					{selling && <SalesCard overview={overview} />}
				</InlineGrid>
			</BlockStack>
		</Page>
	);
}

export const ErrorBoundary = () => <PageError title="Overview" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
