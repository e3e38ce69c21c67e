import type { Queryable } from "#app/db.server.ts";
import { channels } from "#channels";

type Row = { id: number; channel: string; name: string; account: string; is_home: boolean };

/**
 * What a merchant calls each connection, disconnected ones too (their sales are still listed): the name they gave it, else the
 * channel's ("WooCommerce"), or the account where two of one channel would be called the same.
 */
export async function readNames(client: Queryable, shopId: number): Promise<Map<number, string>> {
	const { rows } = await client.query<Row>(`SELECT id, channel, name, account, is_home FROM connection WHERE shop_id = $1`, [shopId]);
	const kinds = new Map(channels().map(({ id, name }) => [id, name]));
	const isNamed = (row: Row) => !row.is_home && row.name !== row.account;
	return new Map(
		rows.map((row) => {
			const alike = rows.filter((other) => other.channel === row.channel && !isNamed(other));
			const plain = alike.length > 1 ? row.account : (kinds.get(row.channel) ?? row.channel);
			return [row.id, isNamed(row) ? row.name : plain];
		}),
	);
}
