import { expect, test } from "vitest";
import { ownWords } from "./own-words.ts";

test.each([
	[
		"stock.write (POST outlet.example/wp-json/wc/v3/products/batch): This product is locked by its editor. [product_locked]",
		"This product is locked by its editor.",
	],
	["stock.read (GET outlet.example/wp-json/wc/v3/products): the server answers 502", "The server answers 502."],
	["listings.patch (PATCH api.example/listings/A [1]): too many requests", "Too many requests."],
	["The store does not know this API key; it may have been revoked.", "The store does not know this API key; it may have been revoked."],
	["not now", "not now"],
	["line_items.0.quantity: expected number", "line_items.0.quantity: expected number"],
	["Sorry! [woocommerce_rest_cannot_view]", "Sorry!"],
	["Is it (GET x): there?", "Is it (GET x): there?"],
	["[code]", "[code]"],
	["", ""],
])("%s", (text, words) => {
	expect(ownWords(text)).toBe(words);
});
