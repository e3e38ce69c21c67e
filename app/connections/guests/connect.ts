import { channel } from "#channels";
import type { Credentials } from "../credentials.ts";
import type { Deps } from "../deps.ts";
import { type ConnectOutcome, saveConnection } from "./save-connection.ts";
import { tryKeys } from "./try-keys.ts";

export type { ConnectOutcome } from "./save-connection.ts";

/**
 * Connects a guest channel by what the merchant typed. The keys are accepted only after a call to that very account worked, so
 * only who holds them learns that it is taken. A store that was disconnected before gets a new connection; its orders from
 * before the new cut are baseline. Called twice, also at once, with the same account, the second is `taken`. Killed anywhere,
 * there is a connection with its audit entry, or nothing.
 */
export async function connectGuest(
	deps: Deps,
	shopId: number,
	input: { channel: string; account: string; name?: string; credentials: Credentials; actor: string },
): Promise<ConnectOutcome> {
	const kind = channel(input.channel);
	if (kind.role !== "guest") return { outcome: "refused", reason: `${kind.name} is connected by installing Lockstep in it.` };
	if (kind.authorization) return { outcome: "refused", reason: `${kind.name} is connected by agreeing on its own page.` };
	const read = kind.readAccount?.(input.account) ?? { outcome: "account" as const, account: input.account.trim() };
	if (read.outcome === "refused") return { outcome: "refused", reason: read.reason };
	const tried = await tryKeys(kind, read.account, input.credentials);
	if (tried.outcome === "refused") return tried;
	return saveConnection(deps, shopId, {
		channel: kind.id,
		account: read.account,
		name: input.name,
		credentials: tried.credentials,
		settings: tried.settings,
		actor: input.actor,
	});
}
