import { z } from "zod";
import type { CatalogueExport, CatalogueExportState } from "../channel.ts";
import { RequestRejectedError, UnexpectedShapeError } from "../errors.ts";
import { catalogueRows } from "./catalogue-rows.ts";
import type { GraphqlClient } from "./client.ts";
import { moment } from "./ids.ts";
import { CATALOGUE_QUERY, READ_EXPORT, START_EXPORT } from "./operations/export-catalogue.ts";
import { COUNT_VARIANTS } from "./operations/list-variants.ts";

/** Shopify's bulk operations: it runs one query over everything and leaves a file of JSON lines. */
export function createCatalogueExport(client: GraphqlClient): CatalogueExport {
	return {
		async start() {
			const count = await client.run({
				operation: "catalogue.count",
				document: COUNT_VARIANTS,
				variables: {},
				schema: countAnswer,
				cost: 2,
			});
			const { data, askedAt } = await client.run({
				operation: "catalogue.start",
				document: START_EXPORT,
				variables: { query: CATALOGUE_QUERY },
				schema: startAnswer,
				cost: 10,
				changesThings: true,
			});
			const { bulkOperation, userErrors } = data.bulkOperationRunQuery;
			const [error] = userErrors;
			if (error && BUSY.has(error.code ?? "")) return { outcome: "busy", reason: error.message };
			if (error) throw new RequestRejectedError(`catalogue.start: ${error.message}`, { code: error.code ?? undefined });
			if (bulkOperation === null) throw new UnexpectedShapeError("catalogue.start: neither an operation nor an error came back");
			return {
				outcome: "started",
				exportId: bulkOperation.id,
				startedAt: bulkOperation.createdAt,
				askedAt,
				items: count.data.productVariantsCount?.count ?? 0,
			};
		},
		async state(exportId) {
			const { data } = await client.run({
				operation: "catalogue.state",
				document: READ_EXPORT,
				variables: { id: exportId },
				schema: stateAnswer,
				cost: 1,
			});
			return data.bulkOperation === null ? gone : stateOf(data.bulkOperation);
		},
		rows: catalogueRows,
	};
}

/** Recorded (2026-04) for the sixth at a time: OPERATION_IN_PROGRESS, naming the five that run. */
const BUSY: ReadonlySet<string> = new Set(["OPERATION_IN_PROGRESS", "LIMIT_REACHED"]);

const gone: CatalogueExportState = { state: "failed", reason: "Shopify no longer knows the export.", again: true };

/** Partial data (`partialDataUrl`) is never used: a row that is missing in it would look like an item that does not exist. */
function stateOf({ status, errorCode, url, rootObjectCount }: Operation): CatalogueExportState {
	switch (status) {
		case "CREATED":
		case "RUNNING":
		case "CANCELING":
			return { state: "running", itemsDone: rootObjectCount };
		case "COMPLETED":
			return { state: "ready", url, items: rootObjectCount };
		case "CANCELED":
			return { state: "failed", reason: "The export was cancelled in Shopify.", again: true };
		case "EXPIRED":
			return { state: "failed", reason: "Shopify has deleted the export's file before it was read.", again: true };
		case "FAILED":
			return errorCode === "ACCESS_DENIED"
				? {
						state: "failed",
						reason: "Shopify does not allow Lockstep to read products and stock: an access scope is missing.",
						again: false,
					}
				: { state: "failed", reason: `Shopify could not finish the export (${errorCode ?? "no reason given"}).`, again: true };
	}
}

const operation = z.object({
	id: z.string().startsWith("gid://shopify/BulkOperation/"),
	status: z.enum(["CREATED", "RUNNING", "COMPLETED", "CANCELING", "CANCELED", "FAILED", "EXPIRED"]),
	errorCode: z.enum(["ACCESS_DENIED", "INTERNAL_SERVER_ERROR", "TIMEOUT"]).nullable(),
	createdAt: moment,
	/** UnsignedInt64: text. */
	rootObjectCount: z.coerce.number().int(),
	url: z.url().nullable(),
});
type Operation = z.infer<typeof operation>;
const countAnswer = z.object({ productVariantsCount: z.object({ count: z.int() }).nullable() });
const startAnswer = z.object({
	bulkOperationRunQuery: z.object({
		bulkOperation: operation.nullable(),
		userErrors: z.array(z.object({ message: z.string(), code: z.string().nullable() })),
	}),
});
const stateAnswer = z.object({ bulkOperation: operation.nullable() });
