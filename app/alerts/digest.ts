import { type Pool, transaction } from "#app/db.server.ts";
import { composeDigest } from "./mail/compose-digest.ts";
import { queueMail } from "./mail/queue-mail.ts";

const SHOPS_PER_PAGE = 200;
const HOUR_MS = 3_600_000;

type Options = { appUrlOf: (domain: string) => string; now?: Date; perPage?: number };
/** `newest`: the key of the last summary that was written. */
type Subscribed = { id: number; hour: number | null; zone: string | null; first_added_at: Date; newest: string | null };

/**
 * Writes the day's summary of every shop where it is time for it, once per day of the shop's own calendar, also when the workers
 * were away at that hour. Who was added since that hour gets tomorrow's first. Every worker may run it, at once: the e-mail of a day
 * has a key of its own. Returns how many shops were written to.
 */
export async function queueDigests(pool: Pool, { appUrlOf, now = new Date(), perPage = SHOPS_PER_PAGE }: Options): Promise<number> {
	let written = 0;
	for (let after = 0; ; ) {
		const { rows } = await pool.query<Subscribed>(subscribedStatement, [after, perPage]);
		for (const shop of rows) {
			const day = dayToWrite(shop, now);
			if (day === null || (shop.newest !== null && shop.newest >= `digest:${day}`)) continue;
			const mails = await transaction(pool, async (tx) =>
				queueMail(tx, shop.id, { of: "digest", ...(await composeDigest(tx, shop.id, { day, appUrlOf })) }),
			);
			if (mails > 0) written++;
		}
		const last = rows.at(-1);
		if (!last || rows.length < perPage) return written;
		after = last.id;
	}
}

const subscribedStatement = `
SELECT s.id, m.digest_hour AS hour, m.time_zone AS zone, min(r.added_at) AS first_added_at,
  (SELECT max(d.source_key COLLATE "C") FROM mail d WHERE d.shop_id = s.id AND d.source_key LIKE 'digest:%') AS newest
FROM shop s JOIN mail_recipient r ON r.shop_id = s.id AND r.digest LEFT JOIN mail_setting m ON m.shop_id = s.id
WHERE s.state = 'installed' AND s.import_state = 'done' AND s.id > $1
GROUP BY s.id, m.digest_hour, m.time_zone ORDER BY s.id LIMIT $2`;

/** null: its hour has not come, or nobody wanted one by then. */
function dayToWrite({ hour, zone, first_added_at }: Subscribed, now: Date): string | null {
	const local = localTime(now, zone ?? "UTC");
	const dueAt = now.getTime() - (local.hour - (hour ?? 7)) * HOUR_MS - local.minute * 60_000;
	return dueAt > now.getTime() || first_added_at.getTime() > dueAt ? null : local.day;
}

/** `day`: 2026-11-30. A zone that this machine does not know is taken for UTC, so that nobody else's summary suffers. */
function localTime(at: Date, timeZone: string): { day: string; hour: number; minute: number } {
	const options = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
	let parts: Intl.DateTimeFormatPart[];
	try {
		parts = new Intl.DateTimeFormat("en-GB", { ...options, timeZone }).formatToParts(at);
	} catch {
		parts = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }).formatToParts(at);
	}
	const value = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? "";
	return { day: `${value("year")}-${value("month")}-${value("day")}`, hour: Number(value("hour")), minute: Number(value("minute")) };
}
