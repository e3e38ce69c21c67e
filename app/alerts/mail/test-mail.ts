import type { Queryable } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { composeTest } from "./compose-test.ts";
import { queueTestMail } from "./queue-mail.ts";

/** So many an hour: the button is no way to write to strangers. */
const TESTS_PER_HOUR_MAX = 10;

export type TestAsked = { outcome: "asked" } | { outcome: "too-many" };

/** Sends one e-mail to an address as it is typed. `press`: the page's own name for one press, so that it is sent once. */
export async function askForTestMail(
	{ pool, wake }: Pick<Deps, "pool" | "wake">,
	shopId: number,
	{ address, press }: { address: string; press: string },
): Promise<TestAsked> {
	const { rows } = await pool.query<{ tests: number; domain: string }>(
		`SELECT domain, (SELECT count(*)::int FROM mail WHERE shop_id = $1 AND source_key LIKE 'test:%' AND written_at > now() - interval '1 hour') AS tests
		 FROM shop WHERE id = $1`,
		[shopId],
	);
	const { tests = 0, domain = "" } = rows[0] ?? {};
	if (tests >= TESTS_PER_HOUR_MAX) return { outcome: "too-many" };
	await queueTestMail(pool, shopId, { address, press, mail: composeTest(domain.replace(/\.myshopify\.com$/, "")) });
	await wake("alerts.send", { shopId });
	return { outcome: "asked" };
}

/** `at` ISO 8601. */
export type LastMail = { address: string; state: "waiting" | "sent" | "dropped"; error: string | null; at: string };

/** The newest e-mail that had to do with the server: whether they arrive is shown where they are set. null: none was written. */
export async function lastMail(db: Queryable, shopId: number): Promise<LastMail | null> {
	const { rows } = await db.query<Omit<LastMail, "at"> & { at: Date }>(
		`SELECT address, state, error, coalesce(done_at, written_at) AS at FROM mail
		 WHERE shop_id = $1 AND (state <> 'waiting' OR attempts > 0) ORDER BY id DESC LIMIT 1`,
		[shopId],
	);
	const [last] = rows;
	return last ? { ...last, at: last.at.toISOString() } : null;
}
