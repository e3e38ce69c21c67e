import { ChannelError, CredentialsRejectedError } from "#app/channels/errors.ts";
import { readHomeConnection } from "./connection-row.ts";
import type { Deps } from "./deps.ts";
import { openClient } from "./open-client.ts";

/** works: Shopify answers us for this shop. dead: it refuses. unknown: it does not say (down, busy, shop frozen). */
export type Access = "works" | "dead" | "unknown";

/** 402 and 423 say that the shop is frozen or locked, which is no uninstall. */
const SHOP_STOPPED = new Set([402, 423]);

/** Asks Shopify, with the token we hold, whether we are still installed. */
export async function probeAccess(deps: Deps, shopId: number): Promise<Access> {
	const home = await readHomeConnection(deps.pool, shopId);
	if (home === null) return "dead";
	const { client } = await openClient(deps, shopId, home.id);
	try {
		await client.home?.listLocations();
		return "works";
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		if (!(error instanceof CredentialsRejectedError) || SHOP_STOPPED.has(error.httpStatus ?? 0)) return "unknown";
		if (error.code === undefined) return "dead";
		// It knows us and lacks a scope.
		return error.code === "ACCESS_DENIED" ? "works" : "unknown";
	} finally {
		await client.close();
	}
}
