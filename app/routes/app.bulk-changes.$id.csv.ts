import { Readable } from "node:stream";
import { createReadableStreamFromReadable, data, type LoaderFunctionArgs } from "@remix-run/node";
import { requireRight } from "#app/authenticate.server.ts";
import { readBulk } from "#app/backfill/index.ts";
import { database } from "#app/db.server.ts";
import { bulkIdOf } from "#app/pages/bulk/bulk-id.ts";
import { linesCsv } from "#app/pages/bulk/lines-csv.ts";
import { ordersCsv } from "#app/pages/bulk/orders-csv.ts";

/** The file of all lines of a set; fetched by the page (components/download.ts). */
export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const id = bulkIdOf(params.id);
	const set = id === null ? null : await readBulk(database(), shopId, id);
	if (!set) throw data(null, { status: 404 });
	const lines = set.source === "orders" ? ordersCsv(database(), shopId, set) : linesCsv(database(), shopId, set.id);
	return new Response(createReadableStreamFromReadable(Readable.from(lines, { objectMode: false })), {
		headers: {
			"content-type": "text/csv; charset=utf-8",
			"content-disposition": `attachment; filename="bulk-change-${id}.csv"`,
			"cache-control": "no-store",
		},
	});
}
