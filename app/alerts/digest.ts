import { type Pool, transaction } from "#app/db.server.ts";
import { composeDigest } from "./mail/compose-digest.ts";
import { queueMail } from "./mail/queue-mail.ts";

const SHOPS_PER_RUN_MAX = 200;
const HOUR_MS = 3_600_000;

/**
 * Writes the day's summary of every shop where it is time for it, once per day of the shop's own calendar, also when the workers
 * were away at that hour. Who was added since that hour gets tomorrow's first. Every worker may run it, at once: the e-mail of a day
 * has a key of its own. Returns how many shops were written to.
 */
export async function queueDigests(
	pool: Pool,
	{ appUrlOf, now = new Date() }: { appUrlOf: (domain: string) => string; now?: Date },
): Promise<number> {
	const { rows } = await pool.query<{ id: number; hour: number | null; zone: string | null; first_added_at: Date }>(
		`SELECT s.id, m.digest_hour AS hour, m.time_zone AS zone, min(r.added_at) AS first_added_at
		 FROM shop s JOIN mail_recipient r ON r.shop_id = s.id AND r.digest LEFT JOIN mail_setting m ON m.shop_id = s.id
		 WHERE s.state = 'installed' AND s.import_state = 'done'
		   AND NOT EXISTS (SELECT FROM mail d WHERE d.shop_id = s.id AND d.source_key LIKE 'digest:%' AND d.written_at > $1::timestamptz - interval '20 hours')
		 GROUP BY s.id, m.digest_hour, m.time_zone ORDER BY s.id LIMIT $2`,
		[now, SHOPS_PER_RUN_MAX],
	);
	let written = 0;
	for (const { id, hour, zone, first_added_at } of rows) {
		const local = localTime(now, zone ?? "UTC");
		const dueAt = now.getTime() - (local.hour - (hour ?? 7)) * HOUR_MS - local.minute * 60_000;
		if (dueAt > now.getTime() || first_added_at.getTime() > dueAt) continue;
		const isWritten = await transaction(pool, async (tx) => {
			const mail = await composeDigest(tx, id, { day: local.day, appUrlOf });
			return (await queueMail(tx, id, { of: "digest", ...mail })) > 0;
		});
		if (isWritten) written++;
	}
	return written;
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
