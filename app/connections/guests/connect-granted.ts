import { CredentialsRejectedError } from "#app/channels/errors.ts";
import { type Client, transaction } from "#app/db.server.ts";
import { type Channel, channel, type HealthReport } from "#channels";
import { appSettingsOf } from "../app-settings.ts";
import type { Credentials } from "../credentials.ts";
import type { Deps } from "../deps.ts";
import { renewAccess } from "./renew-access.ts";
import { type ConnectOutcome, saveConnection } from "./save-connection.ts";

export type GrantedOutcome =
	| ConnectOutcome
	/** It was connected to this shop already, and has its access anew; its orders and listings go on where they were. */
	| { outcome: "renewed"; connectionId: number };

export type Grant = {
	channel: string;
	account: string;
	name?: string | undefined;
	credentials: Credentials;
	chosen?: Readonly<Record<string, string>>;
	actor: string;
	/** The connection that is to be renewed: no other account may take its place. */
	renews?: number | null;
};

/**
 * Connects an account of which we hold what its owner granted (by consent, or given by the operator), or renews its connection.
 * Taken only after a call with it worked and the channel itself said that it is this very account: the address that brings a
 * consent back can be written by anybody. `alongside` is done in the same transaction.
 */
export async function connectGranted(
	deps: Deps,
	shopId: number,
	grant: Grant,
	alongside: (tx: Client, connectionId: number) => Promise<void> = async () => {},
): Promise<GrantedOutcome> {
	const kind = channel(grant.channel);
	const tried = await tryAccount(deps, kind, grant);
	if (tried.health.health === "red") return { outcome: "refused", reason: tried.health.reason };
	if (tried.health.account !== grant.account) {
		return {
			outcome: "refused",
			reason: `${kind.name} gave access to ${tried.health.account}, not to ${grant.account}. Please start again.`,
		};
	}
	const settings = { account: tried.health.detail, chosen: grant.chosen ?? {} };
	const found = await findLive(deps, shopId, grant);
	if (grant.renews && found?.id !== grant.renews) {
		return {
			outcome: "refused",
			reason: `${grant.account} is another account than the one of this connection. Agree with that one, or connect this as a new one.`,
		};
	}
	const ready = { ...grant, credentials: tried.credentials, settings };
	if (!found) return saveConnection(deps, shopId, { ...ready, consented: true }, alongside);
	const renewed = await transaction(deps.pool, async (tx) => {
		const done = await renewAccess(tx, deps, { shopId, connectionId: found.id, ...ready, consented: true });
		if (done) await alongside(tx, found.id);
		return done;
	});
	if (!renewed) return { outcome: "refused", reason: "The connection was closed meanwhile. Please start again." };
	return { outcome: "renewed", connectionId: found.id };
}

/** One call of the account's own, with a token of the moment; what the channel rotates on the way replaces what we were given. */
async function tryAccount(
	deps: Deps,
	kind: Channel,
	{ account, credentials }: Grant,
): Promise<{ health: HealthReport; credentials: Credentials }> {
	const app = appSettingsOf(deps, kind);
	let kept = credentials;
	const accessToken = async (refused?: string) => {
		if (!kind.authorization || app === null) throw new CredentialsRejectedError(`${kind.name} is not available on this server.`);
		const answer = await kind.authorization.refresh({ app, credentials: kept });
		kept = { ...kept, ...answer.credentials };
		if (answer.accessToken === refused) throw new CredentialsRejectedError(`${kind.name} refuses the access that it gives.`);
		return answer.accessToken;
	};
	let given: string | undefined;
	const client = kind.connect({
		account,
		credentials,
		...(app ? { app } : {}),
		accessToken: async (refused) => {
			if (given === undefined || given === refused) given = await accessToken(refused);
			return given;
		},
	});
	const health = await client.check().finally(() => client.close());
	return { health, credentials: kept };
}

async function findLive(deps: Deps, shopId: number, { channel: id, account }: Grant): Promise<{ id: number } | undefined> {
	const { rows } = await deps.pool.query<{ id: number }>(
		"SELECT id FROM connection WHERE shop_id = $1 AND channel = $2 AND account = $3 AND state <> 'disconnected'",
		[shopId, id, account],
	);
	return rows[0];
}
