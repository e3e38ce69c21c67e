import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { RemoteListing } from "../channel.ts";
import { ChannelUnavailableError, UnexpectedShapeError } from "../errors.ts";
import { download } from "../http.ts";
import { type AmazonClient, clockOf } from "./client.ts";
import { parse } from "./mapping.ts";
import { patience } from "./patience.ts";
import { marketplaceById } from "./regions.ts";
import { columnsOf, type ListingColumns } from "./report-columns.ts";
import { readLines } from "./report-lines.ts";

/**
 * The catalogue, from the report of all listings: search gives 1,000 of them at most (model, `numberOfResults`). One report per
 * marketplace, one after another; the file is read as it comes, so its size does not matter. Reports know no "changed since": all
 * listings come every time. What Amazon makes it from may be some hours old, so the figures are for showing and for finding what
 * differs; before a write the listing itself is read.
 */
export async function* listListings(client: AmazonClient): AsyncGenerator<RemoteListing[]> {
	const patiently = patience(WAIT_MAX_MS);
	let begun = false;
	for (const marketplaceId of client.marketplaceIds) {
		// Only what was begun is waited for: the first report is refused at once, and nothing is lost by it.
		const reportId = begun ? await patiently(() => order(client, marketplaceId)) : await order(client, marketplaceId);
		begun = true;
		const document = await wait(client, reportId, patiently);
		if (document !== null) yield* readReport(document, marketplaceId);
	}
}

const REPORT = "GET_MERCHANT_LISTINGS_ALL_DATA";
/** Small reports are done in seconds; large accounts wait for minutes. */
const FIRST_PAUSE_MS = 250;
const PAUSE_MAX_MS = 30_000;
/** A report that is not done by then is stuck in Amazon's queue; the import is tried again later. */
const REPORT_MAX_MS = 30 * 60_000;
/** Reports may be asked for once a minute, 15 at once: an account in all of Europe's marketplaces waits for its last one. */
const WAIT_MAX_MS = 5 * 60_000;
/** How many listings the caller gets at a time. */
const PAGE_SIZE = 500;

type Document = { url: URL; gzip: boolean; operation: string };

async function order(client: AmazonClient, marketplaceId: string): Promise<string> {
	const { value } = await client.exchange({
		operation: "createReport",
		method: "POST",
		path: "/reports/2021-06-30/reports",
		body: { reportType: REPORT, marketplaceIds: [marketplaceId] },
		// Twice gives two reports of the same: nothing of the merchant's changes.
		changesThings: false,
	});
	return parse(createdSchema, value, "report").reportId;
}

/** null: Amazon has nothing to put into the report. */
async function wait(client: AmazonClient, reportId: string, patiently: ReturnType<typeof patience>): Promise<Document | null> {
	const path = `/reports/2021-06-30/reports/${encodeURIComponent(reportId)}`;
	let pauseMs = FIRST_PAUSE_MS;
	for (let waitedMs = 0; waitedMs < REPORT_MAX_MS; waitedMs += pauseMs, pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
		await sleep(pauseMs);
		const { processingStatus, reportDocumentId } = parse(reportSchema, await patiently(() => client.get("getReport", path)), "report");
		switch (processingStatus) {
			case "IN_QUEUE":
			case "IN_PROGRESS":
				continue;
			case "CANCELLED":
				// "Or an automatic cancellation if there is no data to return" (model, processingStatus); nobody else cancels ours.
				return null;
			case "FATAL":
				throw new ChannelUnavailableError(`Amazon could not make the report of all listings (${reportId})`, { code: "report-fatal" });
			case "DONE":
				return openDocument(client, reportDocumentId, patiently);
		}
	}
	throw new ChannelUnavailableError(`Amazon's report of all listings is not done after ${REPORT_MAX_MS / 60_000} minutes`, {
		code: "report-late",
	});
}

async function openDocument(
	client: AmazonClient,
	documentId: string | undefined,
	patiently: ReturnType<typeof patience>,
): Promise<Document> {
	if (documentId === undefined) throw new UnexpectedShapeError("Amazon's report is done and names no document");
	const path = `/reports/2021-06-30/documents/${encodeURIComponent(documentId)}`;
	const { url, compressionAlgorithm } = parse(
		documentSchema,
		await patiently(() => client.get("getReportDocument", path)),
		"report document",
	);
	return { url: new URL(url), gzip: compressionAlgorithm === "GZIP", operation: "report.download" };
}

const createdSchema = z.object({ reportId: z.string().min(1).max(200) });
const reportSchema = z.object({
	processingStatus: z.enum(["CANCELLED", "DONE", "FATAL", "IN_PROGRESS", "IN_QUEUE"]),
	reportDocumentId: z.string().min(1).max(1000).optional(),
});
const documentSchema = z.object({ url: z.url({ protocol: /^https$/ }), compressionAlgorithm: z.enum(["GZIP"]).optional() });

async function* readReport({ url, gzip, operation }: Document, marketplaceId: string): AsyncGenerator<RemoteListing[]> {
	let contentType: string | undefined;
	// The address comes with Amazon's answer, not from our code: it must lead to a public host, like one that somebody typed.
	const bytes = download({
		operation,
		url,
		host: "merchant",
		onHeaders(headers) {
			contentType = headers["content-type"];
		},
	});
	const fallback = marketplaceById(marketplaceId)?.encoding ?? "windows-1252";
	let columns: ListingColumns | undefined;
	let page: RemoteListing[] = [];
	for await (const line of readLines(bytes, { gzip, charset: () => charsetOf(contentType), fallback })) {
		if (line === "") continue;
		const cells = line.split("\t");
		if (columns === undefined) {
			columns = columnsOf(cells);
			continue;
		}
		const listing = toListing(columns, cells, marketplaceId);
		if (listing !== null) page.push(listing);
		if (page.length >= PAGE_SIZE) {
			yield page;
			page = [];
		}
	}
	if (columns === undefined) throw new UnexpectedShapeError("Amazon's report of all listings is empty: it has no line of column names");
	if (page.length > 0) yield page;
}

const charsetOf = (contentType: string | undefined): string | undefined => /charset="?([^";\s]+)/i.exec(contentType ?? "")?.[1];

/** Product id types of the listings reports: 1 ASIN, 2 ISBN, 3 UPC, 4 EAN. An ASIN is Amazon's own and no barcode. */
const BARCODE_TYPES = new Set(["2", "3", "4"]);

/** null: begun and never finished, so there is nothing to sell. */
function toListing(columns: ListingColumns, cells: readonly string[], marketplaceId: string): RemoteListing | null {
	const cell = (name: keyof ListingColumns) => {
		const at = columns[name];
		return at === undefined ? "" : (cells[at] ?? "").trim();
	};
	const sku = cell("sku");
	if (sku === "") throw new UnexpectedShapeError("A line of Amazon's report of all listings has no SKU");
	if (cell("status") === "Incomplete") return null;
	const channel = cell("channel");
	const typed = cell("quantity");
	// A listing on one of Amazon's networks has no figure of the merchant's; one without a figure was never given any.
	const own = (channel === "" || channel.toUpperCase() === "DEFAULT") && typed !== "";
	const quantity = own ? Number(typed) : null;
	if (quantity !== null && !Number.isSafeInteger(quantity)) {
		throw new UnexpectedShapeError(`Amazon's report: the quantity of ${sku} is not a number of units`);
	}
	return {
		externalId: `${marketplaceId}/${sku}`,
		parentExternalId: null,
		sku,
		barcode: (BARCODE_TYPES.has(cell("productIdType")) && cell("productId")) || null,
		title: cell("title") || sku,
		quantity,
		managed: own,
	};
}

/** For the health check: does the seller's account answer for its listings at all? */
export async function canReadListings(client: AmazonClient, marketplaceId: string): Promise<{ clock: string; listings: number }> {
	const { answer, value } = await client.exchange({
		operation: "searchListingsItems",
		method: "GET",
		path: `/listings/2021-08-01/items/${encodeURIComponent(client.account)}`,
		query: { marketplaceIds: [marketplaceId], pageSize: 1 },
	});
	return { clock: clockOf(answer).answered, listings: parse(countSchema, value, "list of listings").numberOfResults };
}
const countSchema = z.object({ numberOfResults: z.int().nonnegative() });
