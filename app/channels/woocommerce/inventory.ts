import { z } from "zod";
import type { ListingRef, StockReading, StockWrite, WriteResult } from "../channel.ts";
import { ChannelError, ChannelUnavailableError, RequestRejectedError, UnexpectedShapeError } from "../errors.ts";
import { clockOf, type Exchange, idOf, listIn, PAGE_SIZE, type WooClient } from "./client.ts";
import { entryError, saidIn, unreadableWrite } from "./faults.ts";
import { parse, productSchema, stockOf } from "./mapping.ts";

const FIELDS = "id,type,parent_id,manage_stock,stock_quantity";

/**
 * Current figures. Products by one request, variations by one per parent (`include` on /products does not find variations).
 * A variation whose stock is its parent's is not managed under its own id: its parent is the listing.
 */
export async function readStock(
	client: WooClient,
	refs: readonly ListingRef[],
): Promise<{ readings: (StockReading | null)[]; channelTime: string }> {
	const found = new Map<string, StockReading>();
	const times: string[] = [];
	for (const group of groupByParent(refs)) {
		for (const ids of chunks([...new Set(group.refs.map((ref) => ref.externalId))], PAGE_SIZE)) {
			const { answer, value } = await client.exchange({
				operation: "stock.read",
				method: "GET",
				path: group.parent === null ? "/products" : `/products/${group.parent}/variations`,
				query: { include: ids.join(","), per_page: PAGE_SIZE, orderby: "id", order: "asc", _fields: FIELDS },
			});
			times.push(clockOf(answer).asked);
			for (const item of listIn(value)) {
				const product = parse(productSchema, item, "product");
				found.set(String(product.id), { externalId: String(product.id), ...stockOf(product) });
			}
		}
	}
	const earliest = times.sort()[0];
	if (earliest === undefined) throw new Error("Stock is read for one listing at least");
	return { readings: refs.map((ref) => found.get(ref.externalId) ?? null), channelTime: earliest };
}

/**
 * Absolute writes, one result each. Requests go one after another: the store has few PHP workers and buyers use the same ones.
 * Once the connection is in trouble, the rest is not sent and says so.
 */
export async function writeStock(client: WooClient, writes: readonly StockWrite[]): Promise<WriteResult[]> {
	const results = new Map<StockWrite, WriteResult>();
	let trouble: ChannelError | null = null;
	for (const group of groupByParent(writes.map(checked))) {
		for (const part of chunks(group.refs, BATCH_MAX)) {
			if (trouble) {
				for (const write of part) results.set(write, failed(notSent(trouble)));
				continue;
			}
			try {
				await writeGroup(client, group.parent, part, results);
			} catch (error) {
				if (!(error instanceof ChannelError)) throw error;
				for (const write of part) if (!results.has(write)) results.set(write, failed(error));
				if (error.connectionWide || error.outcomeUnknown) trouble = error;
			}
		}
	}
	if (trouble && ![...results.values()].some((result) => result.outcome !== "failed" || result.error !== trouble)) throw trouble;
	return writes.map((write) => results.get(write) ?? failed(new UnexpectedShapeError("The write was not answered")));
}

/** The store refuses more, all of it (413, measured on 11.0.1). */
const BATCH_MAX = 100;

/**
 * A product is written with `manage_stock: true`: without it the store answers 200 and keeps nothing when it does not count the
 * product, and a listing that is live is to be counted. A variation is written without it first, for on a variation that
 * takes its parent's stock the same word would split it off with stock of its own: the same pieces would be for sale twice.
 * Its answer says which it is; one that merely was not counted is then switched on by a second write.
 */
async function writeGroup(client: WooClient, parent: string | null, writes: readonly StockWrite[], results: Map<StockWrite, WriteResult>) {
	const entries = await sendBatch(client, parent, writes, parent === null);
	const uncounted: StockWrite[] = [];
	for (const [write, result] of entries.results) {
		if (result.outcome === "unmanaged" && result.owner === null && parent !== null) uncounted.push(write);
		else results.set(write, toResult(result));
	}
	if (uncounted.length === 0) return;
	const again = await sendBatch(client, parent, uncounted, true);
	for (const [write, result] of again.results) results.set(write, toResult(result));
}

type EntryResult = WriteResult | { outcome: "unmanaged"; owner: "parent" | null };

const toResult = (result: EntryResult): WriteResult =>
	result.outcome !== "unmanaged"
		? result
		: failed(
				new RequestRejectedError(
					result.owner === "parent"
						? "This variation's stock is counted at its product: the product is the listing to write to"
						: "The store does not count the stock of this product, and did not begin to when asked",
					{ code: result.owner === "parent" ? "stock-at-parent" : "stock-not-managed" },
				),
			);

async function sendBatch(client: WooClient, parent: string | null, writes: readonly StockWrite[], manage: boolean) {
	const exchange = await client.exchange({
		operation: "stock.write",
		method: "POST",
		path: parent === null ? "/products/batch" : `/products/${parent}/variations/batch`,
		body: {
			update: writes.map((write) => ({
				id: Number(write.externalId),
				...(manage ? { manage_stock: true } : {}),
				stock_quantity: write.quantity,
			})),
		},
	});
	const answers = entriesIn(exchange, writes.length);
	return { results: writes.map((write, index) => [write, readEntry(exchange, write, answers[index])] as const) };
}

const batchSchema = z.object({ update: z.array(z.unknown()) });

/** Entries come back in the order sent, one each (measured on 11.0.1). */
function entriesIn({ request, answer, value }: Exchange, count: number): unknown[] {
	const parsed = batchSchema.safeParse(value);
	if (parsed.success && parsed.data.update.length === count) return parsed.data.update;
	throw unreadableWrite(request, "the store does not say what became of each entry", answer.requestId);
}

function readEntry({ request, answer }: Exchange, write: StockWrite, entry: unknown): EntryResult {
	const said = typeof entry === "object" && entry !== null && "error" in entry ? saidIn(entry.error) : null;
	if (said) return failed(entryError(request, said, answer.requestId));
	try {
		if (String(idOf(entry)) !== write.externalId) throw new UnexpectedShapeError("it is another product's");
		const product = parse(productSchema, entry, "product");
		const { managed, quantity } = stockOf(product);
		if (!managed) return { outcome: "unmanaged", owner: product.manage_stock === "parent" ? "parent" : null };
		// The figure may be another writer's (measured on 11.0.1): it is what the store shows, not what we sent.
		return { outcome: "landed", writtenAt: clockOf(answer).answered, quantity };
	} catch (error) {
		if (!(error instanceof UnexpectedShapeError)) throw error;
		return failed(unreadableWrite(request, `the answer for ${write.externalId} cannot be used: ${error.message}`, answer.requestId));
	}
}

const failed = (error: ChannelError): WriteResult & { outcome: "failed" } => ({ outcome: "failed", error });

const notSent = (trouble: ChannelError): ChannelError =>
	new ChannelUnavailableError(`Not sent, because of the request before it: ${trouble.message}`, { cause: trouble, code: "not-sent" });

/** The batch endpoint checks nothing: a text becomes 0, 2.7 becomes 2, null is ignored (measured on 11.0.1). So it is done here. */
function checked(write: StockWrite): StockWrite {
	if (!Number.isSafeInteger(write.quantity) || write.quantity < 0) {
		throw new TypeError(`A listing shows whole units, none or more; ${String(write.quantity)} is not that`);
	}
	return write;
}

type Group<R> = { parent: string | null; refs: R[] };

function groupByParent<R extends ListingRef>(refs: readonly R[]): Group<R>[] {
	const groups = new Map<string | null, Group<R>>();
	for (const ref of refs) {
		const parent = ref.parentExternalId;
		if (!ID.test(ref.externalId) || (parent !== null && !ID.test(parent))) throw new TypeError(`${ref.externalId} is not a WooCommerce id`);
		const group = groups.get(parent) ?? { parent, refs: [] };
		group.refs.push(ref);
		groups.set(parent, group);
	}
	return [...groups.values()];
}
const ID = /^[1-9]\d{0,15}$/;

function* chunks<T>(list: readonly T[], size: number): Generator<T[]> {
	for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}
