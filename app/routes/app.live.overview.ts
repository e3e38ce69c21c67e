import { createHash } from "node:crypto";
import type { LoaderFunctionArgs } from "@remix-run/node";
import { authenticateAdmin } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { readOverview } from "#app/overview/index.ts";

/** What the open overview page asks for again and again; answered with 304 while nothing but the hour has changed. */
export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await authenticateAdmin(request);
	const overview = await readOverview(database(), shopId);
	const { asOf: _, ...content } = overview;
	const etag = `"${createHash("sha256").update(JSON.stringify(content)).digest("base64url").slice(0, 27)}"`;
	const headers = { etag, "cache-control": "private, no-cache" };
	if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
	return Response.json(overview, { headers });
}
