import { data, type LoaderFunctionArgs } from "@remix-run/node";
import { z } from "zod";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { type FoundPart, findParts } from "#app/pages/item/find-parts.ts";
import { PARTS_MAX, UNITS_MAX } from "#app/pages/item/parts.ts";
import { type PartsPreview, previewParts } from "#app/pages/item/preview-parts.ts";

/** `PRODUCT:UNITS,PRODUCT:UNITS`, empty: of nothing but itself. */
const made = z
	.string()
	.transform((text) => (text === "" ? [] : text.split(",").map((part) => part.split(":").map(Number))))
	.pipe(
		z
			.array(z.tuple([z.int().positive(), z.int().min(1).max(UNITS_MAX)]))
			.max(PARTS_MAX)
			.transform((parts) => parts.map(([itemId, quantity]) => ({ itemId, quantity }))),
	);

export type PartsLook = { found: FoundPart[] | null; preview: PartsPreview | null };

/** What the form of a product's parts asks while somebody types: products to add (`q`), and what these parts would make of the figures. */
export async function loader({ request, params }: LoaderFunctionArgs): Promise<PartsLook> {
	const { shopId } = await requireRight(request, "look");
	const asked = new URL(request.url).searchParams;
	const itemId = z.coerce.number().int().positive().safeParse(params.id);
	const parts = made.safeParse(asked.get("made") ?? "");
	if (!itemId.success || !parts.success) throw data(null, { status: 404 });
	const known = await database().query("SELECT FROM item WHERE shop_id = $1 AND id = $2", [shopId, itemId.data]);
	if (known.rowCount !== 1) throw data(null, { status: 404 });
	const query = asked.get("q")?.trim().slice(0, 100);
	return {
		found: query === undefined ? null : await findParts(database(), shopId, { itemId: itemId.data, query }),
		preview: asked.has("made") ? await previewParts(database(), shopId, itemId.data, parts.data) : null,
	};
}
