import type { Queryable } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import { type Policy, policySchema } from "#domain";

export type ChannelState = "connecting" | "watching" | "live" | "paused" | "disconnected";
export type ShopChannel = {
	id: number;
	name: string;
	isHome: boolean;
	state: ChannelState;
	policy: Policy;
	/** The locations that feed it, as apply counts them (apply/sql/catalogue.ts, loadShop): the chosen ones, else all that fulfil online orders. */
	locationIds: number[];
	/** false: it follows the shop's online locations, whichever they are. */
	locationsChosen: boolean;
};
export type ShopLocation = { id: number; name: string; active: boolean; online: boolean };
export type ShopMap = { channels: ShopChannel[]; locations: ShopLocation[] };

type Row = { id: number; is_home: boolean; state: ChannelState; policy: unknown; chosen: (string | number)[] };

/** The shop's channels, home first, disconnected ones last (their orders are still shown), and its locations in the merchant's order. */
export async function readShopMap(db: Queryable, shopId: number): Promise<ShopMap> {
	const names = await readNames(db, shopId);
	const found = await db.query<ShopLocation>(
		`SELECT id, name, active, active AND fulfills_online AND NOT fulfillment_service AS online
		   FROM location WHERE shop_id = $1 ORDER BY priority, id`,
		[shopId],
	);
	const { rows } = await db.query<Row>(
		`SELECT c.id, c.is_home, c.state, c.policy,
		        coalesce((SELECT array_agg(cl.location_id) FROM connection_location cl WHERE cl.shop_id = c.shop_id AND cl.connection_id = c.id), '{}') AS chosen
		   FROM connection c WHERE c.shop_id = $1 ORDER BY c.is_home DESC, c.state = 'disconnected', c.id`,
		[shopId],
	);
	const locations = found.rows;
	const channels = rows.map((row): ShopChannel => {
		const chosen = new Set(row.chosen.map(Number));
		return {
			id: row.id,
			name: names.get(row.id) ?? "",
			isHome: row.is_home,
			state: row.state,
			policy: policySchema.parse(row.policy),
			locationIds: locations.filter((location) => (chosen.size > 0 ? chosen.has(location.id) : location.online)).map(({ id }) => id),
			locationsChosen: chosen.size > 0,
		};
	});
	return { channels, locations };
}

export const guestsOf = ({ channels }: ShopMap) => channels.filter((channel) => !channel.isHome && channel.state !== "disconnected");
