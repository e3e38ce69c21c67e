import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { ALERT_KINDS, type AlertKind, KIND_FACTS } from "./kinds.ts";

export type AlertRule = { kind: AlertKind; enabled: boolean; threshold: number | null };
export type Recipient = { address: string; alerts: boolean; digest: boolean };
/** `digestHour` of the day in `timeZone` (IANA). */
export type MailRules = { rules: AlertRule[]; recipients: Recipient[]; digestHour: number; timeZone: string };

/** A shop's staff, and a list or two. */
export const RECIPIENTS_MAX = 20;

export async function readMailRules(db: Queryable, shopId: number): Promise<MailRules> {
	const rules = await db.query<{ kind: string; enabled: boolean; threshold: number | null }>(
		"SELECT kind, enabled, threshold FROM alert_rule WHERE shop_id = $1",
		[shopId],
	);
	const recipients = await db.query<Recipient>("SELECT address, alerts, digest FROM mail_recipient WHERE shop_id = $1 ORDER BY address", [
		shopId,
	]);
	const setting = await db.query<{ digest_hour: number; time_zone: string }>(
		"SELECT digest_hour, time_zone FROM mail_setting WHERE shop_id = $1",
		[shopId],
	);
	return {
		rules: ALERT_KINDS.map((kind) => {
			const own = rules.rows.find((rule) => rule.kind === kind);
			const usual = KIND_FACTS[kind].threshold?.default ?? null;
			return { kind, enabled: own?.enabled ?? true, threshold: usual === null ? null : (own?.threshold ?? usual) };
		}),
		recipients: recipients.rows,
		digestHour: setting.rows[0]?.digest_hour ?? 7,
		timeZone: setting.rows[0]?.time_zone ?? "UTC",
	};
}

export type MailRulesSaved = { outcome: "saved" } | { outcome: "refused"; reason: string };

/** The whole of it, as the page shows it: saved twice it is the same. With one entry on record, that names how many and not who. */
export async function saveMailRules(pool: Pool, shopId: number, next: MailRules, actor: string): Promise<MailRulesSaved> {
	const wrong = wrongIn(next);
	if (wrong) return { outcome: "refused", reason: wrong };
	const recipients = [...new Map(next.recipients.map((one) => [one.address.trim().toLowerCase(), one])).entries()].map(
		([address, one]) => ({ address, alerts: one.alerts, digest: one.digest }),
	);
	await transaction(pool, async (tx) => {
		// Two people who save at once: one after the other, and the second one's whole page stands.
		await tx.query("SELECT id FROM shop WHERE id = $1 FOR UPDATE", [shopId]);
		const before = await readMailRules(tx, shopId);
		await tx.query("DELETE FROM alert_rule WHERE shop_id = $1", [shopId]);
		await tx.query(
			"INSERT INTO alert_rule (shop_id, kind, enabled, threshold) SELECT $1, * FROM unnest($2::text[], $3::boolean[], $4::int[])",
			[shopId, next.rules.map(({ kind }) => kind), next.rules.map(({ enabled }) => enabled), next.rules.map(({ threshold }) => threshold)],
		);
		await tx.query("DELETE FROM mail_recipient WHERE shop_id = $1 AND address <> ALL($2::text[])", [
			shopId,
			recipients.map(({ address }) => address),
		]);
		await tx.query(
			`INSERT INTO mail_recipient (shop_id, address, alerts, digest) SELECT $1, * FROM unnest($2::text[], $3::boolean[], $4::boolean[])
			 ON CONFLICT (shop_id, address) DO UPDATE SET alerts = excluded.alerts, digest = excluded.digest`,
			[shopId, recipients.map(({ address }) => address), recipients.map(({ alerts }) => alerts), recipients.map(({ digest }) => digest)],
		);
		await tx.query(
			`INSERT INTO mail_setting (shop_id, digest_hour, time_zone) VALUES ($1, $2, $3)
			 ON CONFLICT (shop_id) DO UPDATE SET digest_hour = excluded.digest_hour, time_zone = excluded.time_zone`,
			[shopId, next.digestHour, next.timeZone],
		);
		const after = await readMailRules(tx, shopId);
		if (JSON.stringify(before) === JSON.stringify(after)) return;
		await recordAudit(tx, shopId, { actor, action: "emails.changed", before: onRecord(before), after: onRecord(after) });
	});
	return { outcome: "saved" };
}

/** Addresses are people's: what is on record for years says how many there were. */
const onRecord = ({ rules, recipients, digestHour, timeZone }: MailRules) => ({
	...{ recipients: recipients.length, digests: recipients.filter(({ digest }) => digest).length, digestHour, timeZone },
	rules,
});

/** Enough to catch a slip; whether it exists only the test e-mail shows. */
const ADDRESS = /^[^\s@<>,;"()]+@[^\s@<>,;"()]+\.[^\s@<>,;"()]+$/;

/** The first thing that is wrong, as a sentence for the merchant. */
function wrongIn({ rules, recipients, digestHour, timeZone }: MailRules): string | null {
	const address = recipients.find((one) => !ADDRESS.test(one.address.trim()) || one.address.length > 254)?.address;
	if (address !== undefined) return `“${address.slice(0, 100)}” is not an e-mail address.`;
	if (recipients.length > RECIPIENTS_MAX) return `At most ${RECIPIENTS_MAX} addresses can be told.`;
	for (const { kind, threshold } of rules) {
		const limits = KIND_FACTS[kind].threshold;
		if (limits === null) continue;
		if (threshold === null || !Number.isInteger(threshold) || threshold < limits.min || threshold > limits.max)
			return `A limit must be a whole number from ${limits.min} to ${limits.max}.`;
	}
	if (!Number.isInteger(digestHour) || digestHour < 0 || digestHour > 23) return "The hour must be from 0 to 23.";
	return isTimeZone(timeZone) ? null : `“${timeZone.slice(0, 50)}” is not a time zone.`;
}

function isTimeZone(name: string): boolean {
	try {
		new Intl.DateTimeFormat("en", { timeZone: name });
		return true;
	} catch {
		return false;
	}
}
