import { type AccountAccess, type Channel, type ChannelClient, channel as channelOf } from "#channels";
import { budgetHooks } from "./budget.ts";
import { type ConnectionRow, readConnection } from "./connection-row.ts";
import { openCredentials } from "./credentials.ts";
import type { Deps } from "./deps.ts";
import { accessTokenFor } from "./tokens.ts";

/** The connection is not there, was disconnected, or its shop has uninstalled the app: nothing may be sent for it. */
export class ConnectionClosedError extends Error {
	override readonly name = "ConnectionClosedError";
}

/**
 * A client for one connection: credentials opened, every request paid from the connection's budget in the database, the
 * budget corrected by the channel's answers. Opening sends nothing. The caller closes the client.
 *
 * Throws ConnectionClosedError where nothing may be sent; callers stop, and the sweeper does not find the work again,
 * because it looks at live connections of installed shops only.
 */
export async function openClient(
	deps: Deps,
	shopId: number,
	connectionId: number,
	options: { onCall?: NonNullable<AccountAccess["onCall"]> } = {},
): Promise<{ connection: ConnectionRow; channel: Channel; client: ChannelClient }> {
	const found = await readConnection(deps.pool, shopId, connectionId);
	if (!found) throw new ConnectionClosedError(`Shop ${shopId} has no connection ${connectionId}`);
	const { sealed, ...connection } = found;
	if (connection.shopState !== "installed") throw new ConnectionClosedError(`Shop ${shopId} has uninstalled the app`);
	if (connection.state === "disconnected") throw new ConnectionClosedError(`Connection ${connectionId} is disconnected`);

	const channel = channelOf(connection.channel);
	const budget = budgetHooks(
		{ pool: deps.pool, warn: (error) => deps.log.warn({ err: error, shopId, connectionId }, "budget.not_corrected") },
		{ shopId, connectionId, limits: channel.limits },
	);
	const client = channel.connect({
		account: connection.account,
		credentials: sealed === null ? {} : openCredentials(deps.keyRing, connection, sealed),
		// Home's tokens live an hour: asked for at each request, from the sealed session, refreshed under a lease.
		...(connection.isHome ? { accessToken: (refused?: string) => accessTokenFor(deps, connection.shopDomain, refused) } : {}),
		beforeCall: budget.beforeCall,
		onCall(call) {
			budget.onCall(call);
			options.onCall?.(call);
		},
	});
	return { connection, channel, client };
}
