import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { send } from "./http.ts";
import type { Marketplace, Region } from "./marketplaces.ts";
import { draw, type Realm } from "./realm.ts";
import { listingKey, newest, type Seller } from "./state.ts";
import { figureOf } from "./stock.ts";
import { channelCode } from "./views/listing.ts";

export const REPORT_TYPES = ["GET_MERCHANT_LISTINGS_ALL_DATA"];
/** A document's address works for five minutes (models/reports_2021-06-30.json, ReportDocument). */
const ADDRESS_MS = 5 * 60_000;

export type Report = {
	id: string;
	type: string;
	seller: Seller;
	marketplace: Marketplace;
	status: "IN_QUEUE" | "IN_PROGRESS" | "DONE";
	createdAt: number;
	endedAt: number | null;
	documentId: string | null;
};

export type Reports = {
	request(seller: Seller, type: string, marketplace: Marketplace): Report;
	find(seller: Seller, id: string): Report | undefined;
	/** A fresh address for the document. */
	open(seller: Seller, documentId: string): { url: string; gzip: boolean } | null;
	/** The documents' own host: no token, only an address that grows old. */
	serve(region: Region, response: ServerResponse, url: URL): void;
};

type Document = { seller: Seller; region: Region; bytes: Buffer; gzip: boolean };

export function createReports(realm: Realm): Reports {
	const reports = new Map<string, Report>();
	const documents = new Map<string, Document>();
	const addresses = new Map<string, { documentId: string; until: number }>();
	/** What was made last of each kind: asked for again soon, it is given again. */
	const made = new Map<string, { at: number; text: string }>();
	const { clock } = realm.world;

	const textFor = (seller: Seller, marketplace: Marketplace) => {
		const kind = listingKey(marketplace.id, seller.id);
		const last = made.get(kind);
		if (last && clock.now() - last.at < realm.settings.reportCacheMs) return last.text;
		const text = allListings(seller, marketplace);
		made.set(kind, { at: clock.now(), text });
		return text;
	};

	const finish = (report: Report) => {
		const { gzipReports: gzip } = realm.settings;
		const text = textFor(report.seller, report.marketplace);
		const documentId = `amzn1.spdoc.1.4.${report.seller.region.id}.${realm.uuid()}`;
		const bytes = gzip ? gzipSync(text) : Buffer.from(text);
		documents.set(documentId, { seller: report.seller, region: report.seller.region, bytes, gzip });
		Object.assign(report, { status: "DONE", endedAt: clock.now(), documentId });
		realm.notices.reportFinished(report.seller, { reportId: report.id, reportType: report.type, status: "DONE", documentId });
	};

	return {
		request(seller, type, marketplace) {
			const report: Report = {
				id: `${realm.digits(12)}`,
				type,
				seller,
				marketplace,
				status: "IN_QUEUE",
				createdAt: clock.now(),
				endedAt: null,
				documentId: null,
			};
			reports.set(report.id, report);
			const workMs = draw(realm, realm.settings.reportMs);
			clock.after(workMs / 2, () => {
				report.status = "IN_PROGRESS";
			});
			clock.after(workMs, () => finish(report));
			return report;
		},
		find(seller, id) {
			const found = reports.get(id);
			return found?.seller === seller ? found : undefined;
		},
		open(seller, documentId) {
			const document = documents.get(documentId);
			if (document?.seller !== seller) return null;
			const key = realm.letters(24);
			addresses.set(key, { documentId, until: clock.now() + ADDRESS_MS });
			const url = `https://${document.region.documentHost}/${documentId}.${key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=300`;
			return { url, gzip: document.gzip };
		},
		serve(region, response, url) {
			const address = addresses.get(url.pathname.split(".").at(-1) ?? "");
			const document = address ? documents.get(address.documentId) : undefined;
			const xml = (message: string) => {
				const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`;
				send(realm, response, { status: 403, headers: { "content-type": "application/xml" }, body });
			};
			if (!address || document?.region !== region) return xml("Access Denied");
			if (clock.now() > address.until) return xml("Request has expired");
			send(realm, response, { status: 200, headers: { "content-type": "text/plain;charset=UTF-8" }, body: document.bytes });
		},
	};
}

/** The columns of the docs' all-listings report (report-type-values-inventory; amzn/selling-partner-api-models issue 5216). */
const COLUMNS = [
	"item-name",
	"item-description",
	"listing-id",
	"seller-sku",
	"price",
	"quantity",
	"open-date",
	"image-url",
	"item-is-marketplace",
	"product-id-type",
	"zshop-shipping-fee",
	"item-note",
	"item-condition",
	"zshop-category1",
	"zshop-browse-path",
	"zshop-storefront-feature",
	"asin1",
	"asin2",
	"asin3",
	"will-ship-internationally",
	"expedited-shipping",
	"zshop-boldface",
	"product-id",
	"bid-for-featured-placement",
	"add-delete",
	"pending-quantity",
	"fulfillment-channel",
	"merchant-shipping-group",
	"status",
] as const;

function allListings(seller: Seller, marketplace: Marketplace): string {
	const rows = [...seller.listings.values()]
		.filter((listing) => listing.marketplace === marketplace)
		.map((listing) => {
			const cells: Partial<Record<(typeof COLUMNS)[number], string>> = {
				"item-name": listing.title,
				"listing-id": listing.listingId,
				"seller-sku": listing.sku,
				price: listing.price,
				// Of what Amazon ships the report gives no figure.
				quantity: listing.merchant ? String(Math.max(0, listing.merchant.quantity)) : "",
				"open-date": `${new Date(listing.createdAt).toISOString().slice(0, 19).replace("T", " ")} UTC`,
				"item-is-marketplace": "y",
				"product-id-type": "1",
				"item-condition": "11",
				asin1: listing.asin,
				"product-id": listing.asin,
				"pending-quantity": String(pendingOf(seller, marketplace, listing.sku)),
				"fulfillment-channel": listing.merchant ? channelCode(seller) : seller.region.fbaCode,
				"merchant-shipping-group": "Migrated Template",
				status: listing.buyable && figureOf(seller, listing) > 0 ? "Active" : "Inactive",
			};
			return COLUMNS.map((name) => (cells[name] ?? "").replace(/[\t\r\n]/g, " ")).join("\t");
		});
	return [COLUMNS.join("\t"), ...rows, ""].join("\n");
}

const pendingOf = (seller: Seller, marketplace: Marketplace, sku: string) =>
	[...seller.orders.values()]
		.filter((order) => order.marketplace === marketplace && newest(order).status === "PENDING")
		.flatMap((order) => newest(order).lines.filter((line) => line.sku === sku && !line.cancelled))
		.reduce((sum, line) => sum + line.quantity, 0);
