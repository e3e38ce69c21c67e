import { type AccountAccess, type Channel, type ChannelClient, channel as channelOf } from "#channels";
import { appSettingsOf } from "./app-settings.ts";
import { budgetHooks } from "./budget.ts";
import { ConnectionClosedError } from "./closed.ts";
import { type ConnectionRow, readConnection } from "./connection-row.ts";
import { consentedAccess } from "./consented-token.ts";
import { openCredentials } from "./credentials.ts";
import type { Deps } from "./deps.ts";
import { accessTokenFor } from "./tokens.ts";

export { ConnectionClosedError } from "./closed.ts";

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
	// Tokens live an hour or so: asked for at each request, kept sealed in the database, refreshed under a lease.
	const accessToken = connection.isHome
		? (refused?: string) => accessTokenFor(deps, connection.shopDomain, refused)
		: channel.authorization && ((refused?: string) => consentedAccess(deps, { shopId, connectionId }, refused));
	const app = channel.appSettings && appSettingsOf(deps, channel);
	const client = channel.connect({
		account: connection.account,
		credentials: sealed === null ? {} : openCredentials(deps.keyRing, connection, sealed),
		...(accessToken ? { accessToken } : {}),
		...(app ? { app } : {}),
		beforeCall: budget.beforeCall,
		onCall(call) {
			budget.onCall(call);
			options.onCall?.(call);
		},
	});
	return { connection, channel, client };
}
