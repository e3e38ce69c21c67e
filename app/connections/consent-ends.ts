import type { Queryable } from "#app/db.server.ts";
import { type Channel, channels } from "#channels";

const DAY_MS = 86_400_000;
/** So long before a consent ends its merchant is told: a holiday fits in between. */
const TELL_AHEAD_DAYS = 30;

/** When the account's owner must agree again at the latest; null: never, or access by keys that were typed in. */
export function consentEndsAt(channel: Pick<Channel, "authorization">, consentedAt: Date | null): Date | null {
	const days = channel.authorization?.renewAfterDays ?? null;
	return days === null || consentedAt === null ? null : new Date(consentedAt.getTime() + days * DAY_MS);
}

export type EndingConsent = { connectionId: number; channel: string; name: string; endsAt: Date };

/** What ends in the next weeks, or has ended, soonest first: told before it hurts (R31). */
export async function findEndingConsents(db: Queryable, shopId: number, now = Date.now()): Promise<EndingConsent[]> {
	const ending = channels().filter(({ authorization }) => (authorization?.renewAfterDays ?? null) !== null);
	const { rows } = await db.query<{ connectionId: number; channel: string; name: string; consentedAt: Date }>(
		`SELECT id AS "connectionId", channel, name, consented_at AS "consentedAt" FROM connection
		 WHERE shop_id = $1 AND channel = ANY($2) AND state <> 'disconnected' AND consented_at IS NOT NULL ORDER BY consented_at`,
		[shopId, ending.map(({ id }) => id)],
	);
	return rows
		.flatMap(({ consentedAt, ...rest }) => {
			const kind = ending.find(({ id }) => id === rest.channel);
			const endsAt = kind ? consentEndsAt(kind, consentedAt) : null;
			return endsAt !== null && endsAt.getTime() < now + TELL_AHEAD_DAYS * DAY_MS ? [{ ...rest, endsAt }] : [];
		})
		.sort((a, b) => a.endsAt.getTime() - b.endsAt.getTime());
}
