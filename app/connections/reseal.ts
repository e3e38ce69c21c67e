import { type KeyRing, needsReseal, open, type SealContext, SealError, seal } from "#app/crypto.server.ts";
import { credentialsContext } from "./credentials.ts";
import type { Deps } from "./deps.ts";
import { grantContext } from "./guests/one-click.ts";
import { sessionContext } from "./sealed-session.ts";
import { accessContext } from "./sql/access.ts";

/** `left`: sealed by a key that is not on the ring any more, or for another row; who owns it has to connect again. */
export type Resealed = { resealed: number; left: number };

/** Of one table and run; what is more is done an hour later. */
const ROWS_MAX = 10_000;

/**
 * Rotation (R36): put the new key in front of LOCKSTEP_KEYS, restart, and within an hour everything that an older key sealed is
 * sealed anew; after a run that resealed nothing the old key can go. (With several processes: first behind the old one everywhere,
 * so that all can open what the new one seals.) Online: a row is replaced only if it still holds what was
 * opened, so a token that is refreshed meanwhile wins. Twice, at once, or killed halfway: the next run does the rest.
 */
export async function resealCredentials({ pool, keyRing, log }: Pick<Deps, "pool" | "keyRing" | "log">): Promise<Resealed> {
	const total: Resealed = { resealed: 0, left: 0 };
	const newest = `v1.${keyRing[0]?.id}.`;
	for (const { find, replace, context } of PLACES) {
		const { rows } = await pool.query<SealedRow>(`${find} LIMIT ${ROWS_MAX}`, [newest]);
		for (const row of rows) {
			const anew = sealAnew(keyRing, context(row), row.sealed);
			if (anew === null) total.left++;
			else total.resealed += (await pool.query(replace, [anew, row.sealed, row.shop, row.id])).rowCount ?? 0;
		}
	}
	if (total.resealed + total.left > 0) log.info(total, "credentials.resealed");
	return total;
}

/** `shop`: id or domain, as the place's context names it. `id`: finds the row again. */
type SealedRow = { shop: string; id: string; sealed: string; channel: string; account: string };
type Place = { find: string; replace: string; context: (row: SealedRow) => SealContext };

/** Every column that holds something sealed. */
const PLACES: readonly Place[] = [
	{
		find: `SELECT shop_id::text AS shop, id::text, credentials AS sealed, channel, account FROM connection WHERE NOT starts_with(credentials, $1)`,
		replace: "UPDATE connection SET credentials = $1 WHERE credentials = $2 AND shop_id = $3 AND id = $4",
		context: ({ shop, channel, account }) => credentialsContext({ shopId: Number(shop), channel, account }),
	},
	{
		find: `SELECT shop_id::text AS shop, id::text, access_token AS sealed, channel, account FROM connection WHERE NOT starts_with(access_token, $1)`,
		replace: "UPDATE connection SET access_token = $1 WHERE access_token = $2 AND shop_id = $3 AND id = $4",
		context: ({ shop, channel, account }) => accessContext({ shopId: Number(shop), channel, account }),
	},
	{
		find: "SELECT shop_domain AS shop, id, sealed FROM session WHERE NOT starts_with(sealed, $1)",
		replace: "UPDATE session SET sealed = $1 WHERE sealed = $2 AND shop_domain = $3 AND id = $4",
		context: ({ shop }) => sessionContext(shop),
	},
	{
		find: "SELECT shop_id::text AS shop, nonce AS id, sealed FROM connect_request WHERE NOT starts_with(sealed, $1)",
		replace: "UPDATE connect_request SET sealed = $1 WHERE sealed = $2 AND shop_id = $3 AND nonce = $4",
		context: ({ shop, id }) => grantContext(Number(shop), id),
	},
];

/** null: no key of the ring opens it. */
function sealAnew(keyRing: KeyRing, context: SealContext, sealed: string): string | null {
	try {
		return needsReseal(keyRing, sealed) ? seal(keyRing, context, open(keyRing, context, sealed)) : sealed;
	} catch (error) {
		if (error instanceof SealError) return null;
		throw error;
	}
}
