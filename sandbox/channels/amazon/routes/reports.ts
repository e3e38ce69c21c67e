import { type Answer, BadRequest, CANNOT_PARSE, type Call, failure, ok, type Route, record } from "../api.ts";
import { isoSeconds } from "../realm.ts";
import { REPORT_TYPES, type Report, type Reports } from "../reports.ts";

export function reportRoutes(reports: Reports): readonly Route[] {
	return [
		{
			operation: "createReport",
			method: "POST",
			path: /^\/reports\/2021-06-30\/reports$/,
			caller: "seller",
			run: (call) => create(call, reports),
		},
		{
			operation: "getReport",
			method: "GET",
			path: /^\/reports\/2021-06-30\/reports\/([^/]+)$/,
			caller: "seller",
			run: ({ seller, path }) => {
				const found = reports.find(seller, path[0] ?? "");
				return found ? ok(view(found)) : failure(404, "NotFound", "Report not found", "");
			},
		},
		{
			operation: "getReportDocument",
			method: "GET",
			path: /^\/reports\/2021-06-30\/documents\/([^/]+)$/,
			caller: "seller",
			run: ({ seller, path }) => {
				const document = reports.open(seller, path[0] ?? "");
				if (!document) return failure(404, "NotFound", "Report document not found", "");
				return ok({ reportDocumentId: path[0], url: document.url, ...(document.gzip ? { compressionAlgorithm: "GZIP" } : {}) });
			},
		},
	];
}

/** One store per report, for the reports that are played here. */
function create({ seller, body }: Call, reports: Reports): Answer {
	const { reportType, marketplaceIds } = record(body) ?? {};
	if (typeof reportType !== "string" || !REPORT_TYPES.includes(reportType)) throw new BadRequest(CANNOT_PARSE, "reportType");
	if (!Array.isArray(marketplaceIds) || marketplaceIds.length !== 1) throw new BadRequest(CANNOT_PARSE, "marketplaceIds");
	const marketplace = seller.marketplaces.find((m) => m.id === marketplaceIds[0]);
	if (!marketplace) throw new BadRequest(CANNOT_PARSE, "marketplaceIds");
	return ok({ reportId: reports.request(seller, reportType, marketplace).id }, 202);
}

const view = (report: Report) => ({
	reportType: report.type,
	...(report.status === "DONE" ? { processingEndTime: isoSeconds(report.endedAt ?? report.createdAt) } : {}),
	processingStatus: report.status,
	marketplaceIds: [report.marketplace.id],
	...(report.documentId ? { reportDocumentId: report.documentId } : {}),
	reportId: report.id,
	dataStartTime: isoSeconds(report.createdAt),
	dataEndTime: isoSeconds(report.createdAt),
	createdTime: isoSeconds(report.createdAt),
	...(report.status === "IN_QUEUE" ? {} : { processingStartTime: isoSeconds(report.createdAt) }),
});
