import { z } from "zod";
import type { CatalogueRow } from "../channel.ts";
import { UnexpectedShapeError } from "../errors.ts";
import { download } from "../http.ts";
import { gidOf } from "./ids.ts";
import { inventoryItem, inventoryLevel, productVariant, toHomeItem, toReading } from "./items.ts";

/** A line is one object; Shopify's longest text fields are far below. */
const LINE_CHARS_MAX = 1024 * 1024;

/**
 * The export's file, read as it comes: memory holds one line, whatever the shop's size. Every line says what it is by its id,
 * so no order but "a parent before its children" is relied on (bulk-operations/queries: "all nested connections appear after
 * their parents in the file").
 */
export async function* catalogueRows(url: string, { askedAt, skip }: { askedAt: string; skip: number }): AsyncGenerator<CatalogueRow> {
	let line = 0;
	for await (const text of linesOf(url)) {
		line++;
		if (line > skip && text !== "") yield { line, ...rowOf(text, askedAt) };
	}
}

async function* linesOf(url: string): AsyncGenerator<string> {
	const decoder = new TextDecoder("utf-8", { fatal: true });
	let rest = "";
	// Google's storage, or wherever Shopify keeps the file: its address is Shopify's word, and it takes no token.
	for await (const chunk of download({ operation: "catalogue.download", url: new URL(url), host: "known" })) {
		const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
		rest = lines.pop() ?? "";
		if (rest.length > LINE_CHARS_MAX)
			throw new UnexpectedShapeError(`The export's file has a line of more than ${LINE_CHARS_MAX} characters`);
		yield* lines;
	}
	rest += decoder.decode();
	if (rest !== "") yield rest;
}

type Row = CatalogueRow extends infer R ? (R extends { line: number } ? Omit<R, "line"> : never) : never;

function rowOf(text: string, askedAt: string): Row {
	let payload: unknown = null;
	try {
		payload = JSON.parse(text);
		return readRow(payload, askedAt);
	} catch (cause) {
		const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
		return { kind: "unreadable", payload, error: new UnexpectedShapeError(`A line of the export cannot be read: ${reason}`, { cause }) };
	}
}

function readRow(payload: unknown, askedAt: string): Row {
	const { id } = z.object({ id: z.string() }).parse(payload);
	const [, type] = /^gid:\/\/shopify\/(\w+)\//.exec(id) ?? [];
	switch (type) {
		case "ProductVariant": {
			const variant = variantLine.parse(payload);
			return { kind: "item", item: toHomeItem(variant.inventoryItem, variant) };
		}
		case "InventoryLevel": {
			const reading = toReading(inventoryLevel.parse(payload), askedAt);
			if (reading === null) throw new Error(`the level ${id} says nothing of "available"`);
			return { kind: "reading", reading };
		}
		case "ProductVariantComponent": {
			const { __parentId, productVariant: part, quantity } = componentLine.parse(payload);
			return { kind: "component", bundleVariantExternalId: __parentId, itemExternalId: part.inventoryItem.id, quantity };
		}
		default:
			throw new Error(`nothing of type ${type} was asked for`);
	}
}

const variantLine = productVariant.extend({ inventoryItem });
const componentLine = z.object({
	quantity: z.int().positive(),
	productVariant: z.object({ inventoryItem: z.object({ id: gidOf("InventoryItem") }) }),
	__parentId: gidOf("ProductVariant"),
});
