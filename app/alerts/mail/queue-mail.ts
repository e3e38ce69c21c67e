import type { Queryable } from "#app/db.server.ts";
import type { Composed } from "./compose-alerts.ts";

/** One to each who wants that kind, in the transaction that has the reason. The same reason again writes nothing. Returns how many. */
export async function queueMail(
	db: Queryable,
	shopId: number,
	{ of, sourceKey, subject, text, html }: Composed & { of: "alerts" | "digest" },
): Promise<number> {
	const { rowCount } = await db.query(
		`INSERT INTO mail (shop_id, address, source_key, subject, text_body, html_body)
		 SELECT m.shop_id, m.address, $3, $4, $5, $6 FROM mail_recipient m JOIN shop s ON s.id = m.shop_id AND s.state = 'installed'
		 WHERE m.shop_id = $1 AND CASE $2 WHEN 'alerts' THEN m.alerts ELSE m.digest END
		 ORDER BY m.address ON CONFLICT (shop_id, source_key, address) DO NOTHING`,
		[shopId, of, sourceKey, storable(subject), storable(text), storable(html)],
	);
	return rowCount ?? 0;
}

/** To one address that is not on the list yet, or is: it was asked for just now. */
export async function queueTestMail(
	db: Queryable,
	shopId: number,
	{ address, press, mail }: { address: string; press: string; mail: Omit<Composed, "sourceKey"> },
): Promise<void> {
	await db.query(
		`INSERT INTO mail (shop_id, address, source_key, subject, text_body, html_body) VALUES ($1, $2, $3, $4, $5, $6)
		 ON CONFLICT (shop_id, source_key, address) DO NOTHING`,
		[shopId, address, `test:${press}`, storable(mail.subject), storable(mail.text), storable(mail.html)],
	);
}

const storable = (text: string): string => text.replaceAll("\0", "").toWellFormed();
