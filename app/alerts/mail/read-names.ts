import type { Queryable } from "#app/db.server.ts";
import type { AlertKind } from "../kinds.ts";

type About = { kind: AlertKind; subject: string };
export type Names = {
	domain: string /** The shop as its people call it: the first part of its address. */;
	shop: string;
	nameOf(about: About): string;
};

/** What the products and channels are called that e-mails speak of. */
export async function readNames(db: Queryable, shopId: number, abouts: readonly About[]): Promise<Names> {
	const idsOf = (wanted: (kind: AlertKind) => boolean) => [
		...new Set(abouts.filter(({ kind, subject }) => wanted(kind) && subject !== "").map(({ subject }) => Number(subject))),
	];
	const shop = await db.query<{ domain: string }>("SELECT domain FROM shop WHERE id = $1", [shopId]);
	const items = await db.query<{ id: number; name: string }>(
		"SELECT id, coalesce(nullif(concat_ws(', ', nullif(title, ''), nullif(sku, '')), ''), 'A product') AS name FROM item WHERE shop_id = $1 AND id = ANY($2::bigint[])",
		[shopId, idsOf((kind) => kind === "oversell")],
	);
	const connections = await db.query<{ id: number; name: string }>(
		"SELECT id, name FROM connection WHERE shop_id = $1 AND id = ANY($2::bigint[])",
		[shopId, idsOf((kind) => kind !== "oversell" && kind !== "approval")],
	);
	const itemNames = new Map(items.rows.map(({ id, name }) => [String(id), name]));
	const channelNames = new Map(connections.rows.map(({ id, name }) => [String(id), name]));
	const domain = shop.rows[0]?.domain ?? "";
	return {
		domain,
		shop: domain.replace(/\.myshopify\.com$/, ""),
		nameOf: ({ kind, subject }) => (kind === "oversell" ? itemNames.get(subject) : channelNames.get(subject)) ?? "a former channel",
	};
}
