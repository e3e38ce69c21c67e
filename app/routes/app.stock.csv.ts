import { Readable } from "node:stream";
import { createReadableStreamFromReadable, type LoaderFunctionArgs } from "@remix-run/node";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { readStockRequest } from "#app/pages/stock/read-stock.ts";
import { stockCsv } from "#app/pages/stock/stock-csv.ts";

/** The file of what the stock page's filter shows; fetched by the page (components/download.ts). */
export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const lines = stockCsv(database(), shopId, readStockRequest(new URL(request.url).searchParams));
	return new Response(createReadableStreamFromReadable(Readable.from(lines, { objectMode: false })), {
		headers: {
			"content-type": "text/csv; charset=utf-8",
			"content-disposition": 'attachment; filename="stock.csv"',
			"cache-control": "no-store",
		},
	});
}
