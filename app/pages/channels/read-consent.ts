import type { Queryable } from "#app/db.server.ts";
import { type Channel, channels } from "#channels";
import { appSettingsOf, consentEndsAt, type Deps, findEndingConsents, isOperatorsTrouble } from "#connections";
import type { ConnectForm } from "./connect-form.ts";
import { readChannelName } from "./read-name.ts";

/** How the access to an account stands that its owner agreed to on the channel's own page. */
export type Consent = {
	/** null: it lasts until it is taken back. */
	endsAt: string | null;
	/** In the next weeks, or it has ended: the merchant is told without being asked. */
	isEnding: boolean;
	hasEnded: boolean;
	/** The channel refuses it: nobody but the account's owner can mend that. */
	isRefused: boolean;
};
type Row = { channel: string; consented_at: Date | null; access_problem: string | null };

/** null: keys were typed in, and there is nothing to renew. */
export async function readConsent(db: Queryable, shopId: number, connectionId: number, now = Date.now()): Promise<Consent | null> {
	const { rows } = await db.query<Row>(
		"SELECT channel, consented_at, access_problem FROM connection WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected'",
		[shopId, connectionId],
	);
	const [row] = rows;
	const kind = channels().find(({ id }) => id === row?.channel);
	if (!row || !kind?.authorization) return null;
	const endsAt = consentEndsAt(kind, row.consented_at);
	const ending = await findEndingConsents(db, shopId, now);
	return {
		endsAt: endsAt?.toISOString() ?? null,
		isEnding: ending.some((one) => one.connectionId === connectionId),
		hasEnded: endsAt !== null && endsAt.getTime() <= now,
		isRefused: row.access_problem !== null && !isOperatorsTrouble(kind, row.access_problem),
	};
}

export type RenewalForm = Consent & {
	channel: string;
	/** The channel's own name, and what the merchant calls this one. */
	kind: string;
	name: string;
	account: string;
	/** What was not chosen when it was connected: an account that was brought in by the operator. */
	choices: ConnectForm["choices"];
	isAvailable: boolean;
};

/** null: the shop has no such channel, or none that is opened by consent. */
export async function readRenewalForm(
	db: Queryable,
	deps: Pick<Deps, "env">,
	shopId: number,
	connectionId: number,
): Promise<RenewalForm | null> {
	const consent = await readConsent(db, shopId, connectionId);
	if (!consent) return null;
	const named = await readChannelName(db, shopId, connectionId);
	const { rows } = await db.query<{ channel: string; account: string; chosen: Record<string, string> | null }>(
		"SELECT channel, account, settings->'chosen' AS chosen FROM connection WHERE shop_id = $1 AND id = $2",
		[shopId, connectionId],
	);
	const [row] = rows;
	const kind = channels().find(({ id }) => id === row?.channel);
	if (!row || !kind || !named) return null;
	const isAvailable = appSettingsOf(deps, kind) !== null;
	return {
		...consent,
		channel: kind.id,
		kind: kind.name,
		name: named.name,
		account: row.account,
		choices: openChoices(kind, row.chosen),
		isAvailable,
	};
}

const openChoices = ({ authorization }: Channel, chosen: Record<string, string> | null): ConnectForm["choices"] =>
	(authorization?.choices ?? [])
		.filter(({ key, options }) => !options.some(({ value }) => value === chosen?.[key]))
		.map(({ key, label, options }) => ({ key, label, options: options.map((one) => ({ ...one })) }));
