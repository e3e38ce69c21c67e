import { UnexpectedShapeError } from "../errors.ts";

/** Where each thing stands in a line. Only what must be there is required. */
export type ListingColumns = {
	sku: number;
	title: number;
	quantity: number;
	channel: number;
	status?: number;
	productId?: number;
	productIdType?: number;
};

/**
 * Column names of GET_MERCHANT_LISTINGS_ALL_DATA (developer-docs.amazon.com/sp-api/docs/inventory-reports-attributes). Reports of
 * Amazon.co.jp name them in Japanese; seen in published readers of that report, not in Amazon's documentation.
 */
const NAMES: Readonly<Record<keyof ListingColumns, readonly string[]>> = {
	sku: ["seller-sku", "出品者SKU"],
	title: ["item-name", "商品名"],
	quantity: ["quantity", "数量"],
	channel: ["fulfillment-channel", "フルフィルメント・チャンネル", "フルフィルメントチャンネル"],
	status: ["status", "ステータス"],
	productId: ["product-id", "商品ID"],
	productIdType: ["product-id-type", "商品IDタイプ"],
};
const REQUIRED = ["sku", "title", "quantity", "channel"] as const;

/** Columns come in any order and new ones are added; a missing one fails by its name, since nobody may guess another for it. */
export function columnsOf(header: readonly string[]): ListingColumns {
	const found: Partial<Record<keyof ListingColumns, number>> = {};
	for (const [name, known] of Object.entries(NAMES) as [keyof ListingColumns, readonly string[]][]) {
		const at = header.findIndex((cell) => known.includes(cell.trim()));
		if (at >= 0) found[name] = at;
	}
	const missing = REQUIRED.filter((name) => found[name] === undefined).map((name) => NAMES[name][0]);
	if (missing.length > 0) {
		throw new UnexpectedShapeError(`Amazon's report of all listings has no column ${missing.join(", ")}`);
	}
	return found as ListingColumns;
}
