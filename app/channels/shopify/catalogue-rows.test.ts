import { afterAll, beforeAll, expect, test } from "vitest";
import { leadOutside, serve } from "../../../tests/kit/outside.ts";
import type { CatalogueRow } from "../channel.ts";
import { catalogueRows } from "./catalogue-rows.ts";

const HOST = "storage.googleapis.com";
const stamp = "2026-11-20T10:00:00Z";
const askedAt = "2026-11-20T10:05:00.000Z";
const variant = {
	id: "gid://shopify/ProductVariant/7",
	title: "Blue – größe",
	barcode: "",
	inventoryPolicy: "CONTINUE",
	requiresComponents: true,
	updatedAt: stamp,
	product: { id: "gid://shopify/Product/5", title: "Mug", updatedAt: "2026-11-20T10:00:09Z" },
	inventoryItem: { id: "gid://shopify/InventoryItem/8", sku: "MUG", tracked: true, updatedAt: stamp },
};
const level = {
	id: "gid://shopify/InventoryLevel/3?inventory_item_id=8",
	isActive: true,
	updatedAt: stamp,
	item: { id: "gid://shopify/InventoryItem/8" },
	location: { id: "gid://shopify/Location/2" },
	quantities: [{ name: "available", quantity: -4, updatedAt: "2026-11-20T10:00:03Z" }],
	__parentId: "gid://shopify/ProductVariant/7",
};
const component = {
	id: "gid://shopify/ProductVariantComponent/1",
	quantity: 2,
	productVariant: { id: "gid://shopify/ProductVariant/9", inventoryItem: { id: "gid://shopify/InventoryItem/10" } },
	__parentId: "gid://shopify/ProductVariant/7",
};

let chunks: Buffer[] = [];
let breaksOff = false;
let server: Awaited<ReturnType<typeof serve>>;
let led: ReturnType<typeof leadOutside>;
beforeAll(async () => {
	server = await serve(async (request, response) => {
		if (request.url !== "/file.jsonl") return void response.writeHead(403).end("expired");
		response.writeHead(200);
		for (const chunk of chunks) {
			response.write(chunk);
			await new Promise((resolve) => setImmediate(resolve));
		}
		if (breaksOff) response.destroy();
		else response.end();
	});
	led = leadOutside({ [HOST]: server.origin });
});
afterAll(async () => {
	await led.restore();
	await server.close();
});

async function read(url = `https://${HOST}/file.jsonl`, skip = 0): Promise<CatalogueRow[]> {
	const rows: CatalogueRow[] = [];
	for await (const row of catalogueRows(url, { askedAt, skip })) rows.push(row);
	return rows;
}
const file = (...lines: unknown[]) => Buffer.from(lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
/** In pieces that respect neither lines nor characters. */
const pieces = (bytes: Buffer, size: number) =>
	Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));

test("R44 an export's lines become items, readings and parts, however the bytes are cut", async () => {
	chunks = pieces(file(variant, level, component), 7);
	expect(await read()).toEqual([
		{
			line: 1,
			kind: "item",
			item: {
				v: 1,
				type: "home.item",
				itemExternalId: "8",
				variantExternalId: "7",
				productExternalId: "5",
				sku: "MUG",
				barcode: null,
				title: "Mug – Blue – größe",
				tracked: true,
				sellsWhenOut: true,
				isHomeBundle: true,
				stamp: "2026-11-20T10:00:09.000Z",
			},
		},
		{
			line: 2,
			kind: "reading",
			reading: {
				v: 1,
				type: "home.reading",
				itemExternalId: "8",
				locationExternalId: "2",
				quantity: -4,
				readAt: "2026-11-20T10:00:03.000Z",
				via: "query",
				askedAt,
				stocked: true,
			},
		},
		{ line: 3, kind: "component", bundleVariantExternalId: "7", itemExternalId: "10", quantity: 2 },
	]);
});

test("lines that were kept before are passed over, and keep their numbers", async () => {
	chunks = [file(variant, level, component)];
	expect((await read(undefined, 2)).map(({ line, kind }) => [line, kind])).toEqual([[3, "component"]]);
});

test("R32 a line that cannot be read is told as such, and the others are read", async () => {
	chunks = [
		file(
			{ ...variant, inventoryPolicy: "PERHAPS" },
			"{broken",
			{ id: "gid://shopify/Metafield/1" },
			{ ...level, quantities: [] },
			"",
			level,
		),
	];
	const rows = await read();
	expect(rows.map(({ line, kind }) => [line, kind])).toEqual([
		[1, "unreadable"],
		[2, "unreadable"],
		[3, "unreadable"],
		[4, "unreadable"],
		[6, "reading"],
	]);
	expect(rows[0]).toMatchObject({ error: { errorClass: "unexpected-shape" }, payload: { id: variant.id } });
});

test("a file that breaks off or is not there is a failure to be tried again, never an end", async () => {
	chunks = [file(variant, level)];
	breaksOff = true;
	await expect(read()).rejects.toMatchObject({ retryable: true });
	breaksOff = false;
	await expect(read(`https://${HOST}/gone.jsonl`)).rejects.toMatchObject({ retryable: true, httpStatus: 403 });
});

test("an empty export has no rows", async () => {
	chunks = [];
	expect(await read()).toEqual([]);
});
