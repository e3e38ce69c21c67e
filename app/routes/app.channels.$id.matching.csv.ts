import type { LoaderFunctionArgs } from "@remix-run/node";
import { requireRight } from "#app/authenticate.server.ts";
import { exportUnmatched } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readChannelName } from "#app/pages/channels/read-name.ts";

/** The listings without a match, as a file to fill in. Fetched by the page (components/download.ts). */
export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = channelIdOf(params.id);
	if (id === null || !(await readChannelName(database(), shopId, id))) throw notThere();
	const text = await exportUnmatched(database(), shopId, id);
	return new Response(text, { headers: { "content-type": "text/csv; charset=utf-8", "cache-control": "private, no-store" } });
}
