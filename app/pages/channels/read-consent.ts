import type { Queryable } from "#app/db.server.ts";
import { channels } from "#channels";
import { consentEndsAt, findEndingConsents, isOperatorsTrouble } from "#connections";

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
