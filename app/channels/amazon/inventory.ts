import { z } from "zod";
import type { ListingRef, StockReading, StockWrite, WriteResult } from "../channel.ts";
import { ChannelError, ChannelUnavailableError, ListingNotFoundError, RequestRejectedError } from "../errors.ts";
import { type AmazonClient, clockOf } from "./client.ts";
import { text } from "./faults.ts";
import { parse } from "./mapping.ts";
import { splitListingId } from "./regions.ts";

/** What one search answers for (model, `identifiers`: maxItems 20; `pageSize`: maximum 20). */
export const READ_MAX = 20;
/** Side by side within the budget of 5/s; the account's own limit of requests in flight stands above it. */
export const WRITES_AT_ONCE = 5;

/** Product types by listing: a write names one, and the read just before it told. Lives as long as the client. */
export type ProductTypes = Map<string, string>;

/** Current figures: one search per marketplace, by SKU. */
export async function readStock(
	client: AmazonClient,
	types: ProductTypes,
	refs: readonly ListingRef[],
): Promise<{ readings: (StockReading | null)[]; channelTime: string }> {
	const found = new Map<string, StockReading>();
	const times: string[] = [];
	const byMarketplace = new Map<string, Set<string>>();
	for (const { externalId } of refs) {
		const { marketplaceId, sku } = splitListingId(externalId);
		byMarketplace.set(marketplaceId, (byMarketplace.get(marketplaceId) ?? new Set()).add(sku));
	}
	const keep = (marketplaceId: string, item: unknown) => {
		const listing = parse(itemSchema, item, "listing");
		const externalId = `${marketplaceId}/${listing.sku}`;
		found.set(externalId, { externalId, ...stockOf(listing.fulfillmentAvailability) });
		const type = listing.summaries.find((summary) => summary.marketplaceId === marketplaceId)?.productType;
		if (type) types.set(externalId, type);
	};
	for (const [marketplaceId, skus] of byMarketplace) {
		// The list of SKUs is separated by commas, so one that holds a comma is asked for by its address.
		const listed = [...skus].filter((sku) => !sku.includes(","));
		for (let at = 0; at < listed.length; at += READ_MAX) {
			const { answer, value } = await client.exchange({
				operation: "searchListingsItems",
				method: "GET",
				path: `/listings/2021-08-01/items/${encodeURIComponent(client.account)}`,
				query: {
					marketplaceIds: [marketplaceId],
					identifiersType: "SKU",
					identifiers: listed.slice(at, at + READ_MAX),
					includedData: INCLUDED,
					pageSize: READ_MAX,
				},
			});
			times.push(clockOf(answer).asked);
			for (const item of parse(searchSchema, value, "list of listings").items) keep(marketplaceId, item);
		}
		for (const sku of skus) {
			if (!sku.includes(",")) continue;
			const read = await readOne(client, marketplaceId, sku);
			times.push(read.asked);
			if (read.item !== null) keep(marketplaceId, read.item);
		}
	}
	const earliest = times.sort()[0];
	if (earliest === undefined) throw new Error("Stock is read for one listing at least");
	return { readings: refs.map((ref) => found.get(ref.externalId) ?? null), channelTime: earliest };
}

const INCLUDED = ["summaries", "fulfillmentAvailability"] as const;

async function readOne(client: AmazonClient, marketplaceId: string, sku: string): Promise<{ asked: string; item: unknown }> {
	const askedAt = Date.now();
	try {
		const { answer, value } = await client.exchange({
			operation: "getListingsItem",
			method: "GET",
			path: itemPath(client, sku),
			query: { marketplaceIds: [marketplaceId], includedData: INCLUDED },
		});
		return { asked: clockOf(answer).asked, item: value };
	} catch (error) {
		// Our clock stands in for Amazon's: the refusal is kept without its headers, and nothing is concluded from a missing listing.
		if (error instanceof ListingNotFoundError) return { asked: new Date(askedAt).toISOString(), item: null };
		throw error;
	}
}

const itemPath = (client: AmazonClient, sku: string) =>
	`/listings/2021-08-01/items/${encodeURIComponent(client.account)}/${encodeURIComponent(sku)}`;

const availabilitySchema = z.array(
	z.object({ fulfillmentChannelCode: z.string().min(1).max(50), quantity: z.int().min(-1_000_000_000).max(1_000_000_000).optional() }),
);
const itemSchema = z.object({
	sku: z.string().min(1),
	summaries: z.array(z.object({ marketplaceId: z.string(), productType: z.string().max(200).optional() })).default([]),
	fulfillmentAvailability: availabilitySchema.default([]),
});
const searchSchema = z.object({ items: z.array(z.unknown()) });

/**
 * The seller's own figure is the one under DEFAULT. A listing that has one of Amazon's networks (AMAZON_NA, AMAZON_EU …) is sold
 * from Amazon's shelves, and an old figure under DEFAULT may still stand beside it (models#2061): it is not the merchant's stock,
 * and writing DEFAULT would turn the offer back into one that the merchant ships.
 */
export function stockOf(availability: z.infer<typeof availabilitySchema>): { quantity: number | null; managed: boolean } {
	const own = availability.find(({ fulfillmentChannelCode }) => fulfillmentChannelCode === "DEFAULT");
	const byAmazon = availability.some(({ fulfillmentChannelCode }) => fulfillmentChannelCode.startsWith("AMAZON"));
	if (byAmazon || own?.quantity === undefined) return { quantity: null, managed: false };
	return { quantity: own.quantity, managed: true };
}

/**
 * Absolute writes, one request and one result each, side by side within the operation's budget. Once the connection is in
 * trouble, the rest is not sent and says so.
 */
export async function writeStock(client: AmazonClient, types: ProductTypes, writes: readonly StockWrite[]): Promise<WriteResult[]> {
	const results = new Map<StockWrite, WriteResult>();
	let trouble: ChannelError | null = null;
	const waiting = writes.map(checked);
	const worker = async () => {
		for (let write = waiting.shift(); write !== undefined; write = waiting.shift()) {
			if (trouble) {
				results.set(write, failed(notSent(trouble)));
				continue;
			}
			try {
				results.set(write, await writeOne(client, types, write));
			} catch (error) {
				if (!(error instanceof ChannelError)) throw error;
				results.set(write, failed(error));
				if (error.connectionWide) trouble ??= error;
			}
		}
	};
	await Promise.all(Array.from({ length: Math.min(WRITES_AT_ONCE, writes.length) }, worker));
	return writes.map((write) => results.get(write) ?? failed(new ChannelUnavailableError("The write was not begun", { code: "not-sent" })));
}

async function writeOne(client: AmazonClient, types: ProductTypes, write: StockWrite): Promise<WriteResult> {
	const { marketplaceId, sku } = splitListingId(write.externalId);
	const { request, answer, value } = await client.exchange({
		operation: "patchListingsItem",
		method: "PATCH",
		path: itemPath(client, sku),
		query: { marketplaceIds: [marketplaceId], includedData: ["issues"] },
		body: {
			// PRODUCT is taken where only a quantity changes (docs#2068); the real type is never wrong.
			productType: types.get(write.externalId) ?? "PRODUCT",
			// merge: replace would wipe handling time and restock date (docs "Merge a listing", docs#2395).
			patches: [
				{
					op: "merge",
					path: "/attributes/fulfillment_availability",
					value: [{ fulfillment_channel_code: "DEFAULT", quantity: write.quantity }],
				},
			],
		},
	});
	const detail = { httpStatus: answer.status, requestId: answer.requestId };
	const submission = submissionSchema.safeParse(value);
	if (!submission.success) {
		throw new ChannelUnavailableError(text(request, `the answer does not say what became of ${sku}`), { ...detail, outcomeUnknown: true });
	}
	const { status, submissionId, issues } = submission.data;
	if (status === "ACCEPTED") return { outcome: "accepted", acceptedAt: clockOf(answer).answered, receipt: submissionId };
	// VALID is the answer to a preview; we never ask for one, so nothing was written.
	const errors = issues.filter(({ severity }) => severity === "ERROR");
	const said = (errors.length > 0 ? errors : issues).map(({ code, message }) => `${message} [${code}]`).join("; ");
	const code = errors[0]?.code ?? issues[0]?.code ?? status.toLowerCase();
	return failed(new RequestRejectedError(text(request, said || `Amazon answers ${status}`), { ...detail, code }));
}

const submissionSchema = z.object({
	sku: z.string(),
	status: z.enum(["ACCEPTED", "INVALID", "VALID"]),
	submissionId: z.string().min(1).max(200),
	issues: z
		.array(
			z.object({ code: z.string().regex(/^[A-Za-z0-9_.-]{1,60}$/), message: z.string(), severity: z.enum(["ERROR", "WARNING", "INFO"]) }),
		)
		.default([]),
});

const failed = (error: ChannelError): WriteResult & { outcome: "failed" } => ({ outcome: "failed", error });

const notSent = (trouble: ChannelError): ChannelError =>
	new ChannelUnavailableError(`Not sent, because of another request: ${trouble.message}`, { cause: trouble, code: "not-sent" });

function checked(write: StockWrite): StockWrite {
	if (!Number.isSafeInteger(write.quantity) || write.quantity < 0) {
		throw new TypeError(`A listing shows whole units, none or more; ${String(write.quantity)} is not that`);
	}
	return write;
}
