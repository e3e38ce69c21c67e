import type { LoaderFunctionArgs } from "@remix-run/node";
import { requireRight } from "#app/authenticate.server.ts";
import { readFormerFigures, toCsv } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readChannelName } from "#app/pages/channels/read-name.ts";

/** What the channel showed before Lockstep's first update, as a file. Fetched by the page (components/download.ts). */
export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = channelIdOf(params.id);
	if (id === null || !(await readChannelName(database(), shopId, id))) throw notThere();
	const rows = await readFormerFigures(database(), { shopId, connectionId: id });
	const text = toCsv([
		["Listing ID", "SKU", "Title", "Before Lockstep", "Sold there since", "Shows now", "Would be put back to"],
		...rows.map(({ externalId, sku, title, original, sold, shows, to }) => [externalId, sku, title, original, sold, shows ?? "", to ?? ""]),
	]);
	return new Response(text, { headers: { "content-type": "text/csv; charset=utf-8", "cache-control": "private, no-store" } });
}
