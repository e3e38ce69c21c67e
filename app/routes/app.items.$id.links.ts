import { data, type LoaderFunctionArgs } from "@remix-run/node";
import { z } from "zod";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { type FoundListing, findListingsToLink } from "#app/pages/item/find-listings.ts";
import { type LinkForetold, previewLinks } from "#app/pages/item/preview-links.ts";

/** More than anybody links by hand at once. */
export const LINKS_MAX = 100;
const ids = z
	.string()
	.transform((text) => (text === "" ? [] : text.split(",").map(Number)))
	.pipe(z.array(z.int().positive()).max(LINKS_MAX));
const asked = z.object({
	q: z.string().max(100).optional(),
	channel: z.coerce.number().int().positive().optional(),
	link: ids.optional(),
	unlink: ids.optional(),
});

export type LinksLook = { found: FoundListing[] | null; preview: LinkForetold[] | null };

/** What the form of a product's listings asks: listings of a channel to link (`channel`, `q`), and what linking and unlinking would do. */
export async function loader({ request, params }: LoaderFunctionArgs): Promise<LinksLook> {
	const { shopId } = await requireRight(request, "look");
	const itemId = z.coerce.number().int().positive().safeParse(params.id);
	const read = asked.safeParse(Object.fromEntries(new URL(request.url).searchParams));
	if (!itemId.success || !read.success) throw data(null, { status: 404 });
	const known = await database().query("SELECT FROM item WHERE shop_id = $1 AND id = $2", [shopId, itemId.data]);
	if (known.rowCount !== 1) throw data(null, { status: 404 });
	const { q, channel, link = [], unlink = [] } = read.data;
	const search = q === undefined || channel === undefined ? null : { itemId: itemId.data, connectionId: channel, query: q.trim() };
	return {
		found: search && (await findListingsToLink(database(), shopId, search)),
		preview: link.length + unlink.length > 0 ? await previewLinks(database(), shopId, { itemId: itemId.data, link, unlink }) : null,
	};
}
