import type { Queryable } from "#app/db.server.ts";
import { type Channel, channels } from "#channels";
import { appSettingsOf, type Deps } from "#connections";
import { type ConnectForm, readConnectForm } from "./connect-form.ts";
import { type Consent, readConsent } from "./read-consent.ts";
import { readChannelName } from "./read-name.ts";

export type RenewalForm = {
	channel: string;
	/** The channel's own name, and what the merchant calls this one. */
	kind: string;
	name: string;
	account: string;
} & (
	| {
			way: "consent";
			consent: Consent;
			/** What was not chosen when it was connected: an account that was brought in by the operator. */
			choices: ConnectForm["choices"];
			isAvailable: boolean;
	  }
	| ({ way: "keys" } & Pick<ConnectForm, "fields" | "hasOneClick" | "steps">)
);

/** How the access to a channel is given anew. null: the shop has no such channel, or it is the shop itself. */
export async function readRenewalForm(
	db: Queryable,
	deps: Pick<Deps, "env">,
	shopId: number,
	connectionId: number,
): Promise<RenewalForm | null> {
	const named = await readChannelName(db, shopId, connectionId);
	const { rows } = await db.query<{ channel: string; account: string; chosen: Record<string, string> | null }>(
		"SELECT channel, account, settings->'chosen' AS chosen FROM connection WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected'",
		[shopId, connectionId],
	);
	const [row] = rows;
	const kind = channels().find(({ id }) => id === row?.channel);
	if (!row || !kind || !named || kind.role !== "guest") return null;
	const shared = { channel: kind.id, kind: kind.name, name: named.name, account: row.account };
	const consent = await readConsent(db, shopId, connectionId);
	if (consent) {
		return { ...shared, way: "consent", consent, choices: openChoices(kind, row.chosen), isAvailable: appSettingsOf(deps, kind) !== null };
	}
	const form = readConnectForm(deps, kind.id);
	if (!form) return null;
	return { ...shared, way: "keys", fields: form.fields.filter(({ secret }) => secret), hasOneClick: form.hasOneClick, steps: form.steps };
}

const openChoices = ({ authorization }: Channel, chosen: Record<string, string> | null): ConnectForm["choices"] =>
	(authorization?.choices ?? [])
		.filter(({ key, options }) => !options.some(({ value }) => value === chosen?.[key]))
		.map(({ key, label, options }) => ({ key, label, options: options.map((one) => ({ ...one })) }));
