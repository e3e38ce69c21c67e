import { type LastMail, lastMail, type MailRules, readMailRules } from "#alerts";
import type { Pool } from "#app/db.server.ts";
import { readShopGuards } from "#app/guards/index.ts";
import { type Afterwards, readAfterwards } from "#app/oversells/index.ts";
import { listMembers, type Member, newcomerRight, type Right } from "#app/rights/index.ts";
import { type ChannelDefaults, readChannelDefaults } from "#connections";
import type { Guards } from "#domain";
import { readShopMap, type ShopLocation } from "../shop/read-channels.ts";

export type SettingsPage = {
	/** The shop's Shopify address. */
	account: string;
	locations: ShopLocation[];
	defaults: ChannelDefaults;
	guards: Guards;
	newcomers: Right;
	afterOversell: Afterwards;
	members: (Member & { isReader: boolean })[];
	/** `available`: this server sends e-mails at all. `last`: whether they arrive. */
	mail: { available: boolean; rules: MailRules; last: LastMail | null };
	asOf: string;
};

export async function readSettings(
	pool: Pool,
	shopId: number,
	{ reader, sendsMail }: { reader: string; sendsMail: boolean },
): Promise<SettingsPage> {
	const shop = await pool.query<{ domain: string; as_of: Date }>("SELECT domain, now() AS as_of FROM shop WHERE id = $1", [shopId]);
	const { locations } = await readShopMap(pool, shopId);
	const members = await listMembers(pool, shopId);
	return {
		account: shop.rows[0]?.domain ?? "",
		locations: locations.filter(({ active }) => active),
		defaults: await readChannelDefaults(pool, shopId),
		guards: await readShopGuards(pool, shopId),
		newcomers: await newcomerRight(pool, shopId),
		afterOversell: await readAfterwards(pool, shopId),
		members: members.map((member) => ({ ...member, isReader: member.userId === reader })),
		mail: { available: sendsMail, rules: await readMailRules(pool, shopId), last: await lastMail(pool, shopId) },
		asOf: (shop.rows[0]?.as_of ?? new Date()).toISOString(),
	};
}
