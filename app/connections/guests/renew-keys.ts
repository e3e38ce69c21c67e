import { transaction } from "#app/db.server.ts";
import { channel } from "#channels";
import { readConnection } from "../connection-row.ts";
import type { Credentials } from "../credentials.ts";
import type { Deps } from "../deps.ts";
import { renewAccess } from "./renew-access.ts";
import { tryKeys } from "./try-keys.ts";

export type KeysOutcome =
	| { outcome: "renewed"; connectionId: number }
	/** The keys do not do, or there is no such connection; `reason` is for the merchant. Nothing has changed. */
	| { outcome: "refused"; reason: string };

/**
 * New keys for a connection whose old ones the account's owner has deleted or changed. They are taken only after a call to the
 * same account worked. Sent twice, also at once, the connection has the later ones, and both worked.
 */
export async function renewKeys(
	deps: Deps,
	shopId: number,
	input: { connectionId: number; credentials: Credentials; actor: string },
): Promise<KeysOutcome> {
	const found = await readConnection(deps.pool, shopId, input.connectionId);
	const kind = found && found.state !== "disconnected" ? channel(found.channel) : null;
	if (!found || kind?.role !== "guest" || kind.authorization)
		return { outcome: "refused", reason: "There is no such connection any more." };
	const tried = await tryKeys(kind, found.account, input.credentials);
	if (tried.outcome === "refused") return tried;
	const renewal = { ...tried, shopId, connectionId: found.id, channel: kind.id, account: found.account, actor: input.actor };
	const renewed = await transaction(deps.pool, (tx) => renewAccess(tx, deps, { ...renewal, consented: false }));
	if (!renewed) return { outcome: "refused", reason: "The connection was closed meanwhile." };
	return { outcome: "renewed", connectionId: found.id };
}
